import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import type { Transaction, View } from 'asofdb'
import { CommandFailure } from '../failure.ts'

/** Where imports of facts keep how far they have come, by the path of the file. */
export const factsKeyspace = 'import:facts'

/** How far the import of one file has come; written in the transaction of each batch. */
export interface FactsPosition {
  /** Bytes and lines that are done with. */
  readonly offset: number
  readonly line: number
  readonly factCount: number
  /** The beginning of the file, to know it again. */
  readonly headBytes: number
  readonly head: string
  /** How the rows were read; another way would give other facts. */
  readonly reading: string
}

export function readFactsPosition(view: View, path: string): FactsPosition | undefined {
  const stored = view.keys(factsKeyspace).get(path)
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) return undefined
  const fields = new Map<string, unknown>(Object.entries(stored))
  const number = (name: string): number => {
    const value = fields.get(name)
    return typeof value === 'number' ? value : 0
  }
  const text = (name: string): string => {
    const value = fields.get(name)
    return typeof value === 'string' ? value : ''
  }
  return {
    offset: number('offset'),
    line: number('line'),
    factCount: number('factCount'),
    headBytes: number('headBytes'),
    head: text('head'),
    reading: text('reading'),
  }
}

export function writeFactsPosition(tx: Transaction, path: string, position: FactsPosition): void {
  tx.keys(factsKeyspace).put(path, { ...position })
}

const headBytesMax = 64 * 1024

/** What identifies a file: its first bytes, at most `bytes` of them. */
export async function readHead(
  path: string,
  bytes: number = headBytesMax,
): Promise<{ readonly headBytes: number; readonly head: string; readonly firstLine: string }> {
  const file = await open(path, 'r')
  try {
    const head = Buffer.alloc(bytes)
    const headBytes = await readFully(file, head)
    const begun = head.subarray(0, headBytes)
    const [firstLine = ''] = begun.toString('utf8').split(/\r?\n/, 1)
    return { headBytes, head: createHash('sha256').update(begun).digest('hex'), firstLine }
  } finally {
    await file.close()
  }
}

async function readFully(file: FileHandle, into: Buffer): Promise<number> {
  let done = 0
  while (done < into.length) {
    const { bytesRead } = await file.read(into, done, into.length - done, done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return done
}

/** Refuses to go on in a file that is not the one that was begun, or to read it in another way. */
export async function mustContinueFacts(
  path: string,
  position: FactsPosition,
  now: { readonly reading: string; readonly size: number },
): Promise<void> {
  const { head } = await readHead(path, position.headBytes)
  const hint = '--again reads it from the beginning: what is known stays, other ends correct it'
  if (head !== position.head || now.size < position.offset) {
    throw new CommandFailure(`${path} is not the file that was imported before`, { hint })
  }
  if (now.reading !== position.reading) {
    throw new CommandFailure(
      `${path} was imported before with other options (${position.reading})`,
      { hint },
    )
  }
}

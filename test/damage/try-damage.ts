import { DatabaseError } from '../../packages/asofdb/src/index.ts'
import { type Built, commitsOf, directory, historyOf, openImage } from './damaged-database.ts'
import { ImageFiles } from './image-files.ts'

/** What became of a damaged database. */
export type Fate =
  | { readonly type: 'opened'; readonly sequence: number }
  | { readonly type: 'refused'; readonly file: string; readonly offset: number }
  /** It did neither as it must. */
  | { readonly type: 'wrong'; readonly why: string }

export interface Damage {
  /** Absolute path; undefined bytes: the file is gone. */
  readonly path: string
  readonly bytes: Uint8Array | undefined
}

/** What a damaged database owes if it opens. */
export interface Demand {
  readonly sequenceMin: number
  /** Whether to write, close and open again. */
  readonly isUsed: boolean
}

/** Opens a copy with one file damaged, and holds what comes of it against the history. */
export async function tryDamage(
  built: Built,
  damage: Damage,
  demand: Demand,
): Promise<Fate> {
  const damaged = new Map(built.image.files)
  if (damage.bytes === undefined) damaged.delete(damage.path)
  else damaged.set(damage.path, damage.bytes)
  const files = new ImageFiles({ ...built.image, files: damaged })
  try {
    return await use(files, built, demand)
  } catch (error) {
    return judgeRefusal(error, files)
  }
}

async function use(files: ImageFiles, built: Built, demand: Demand): Promise<Fate> {
  const database = await openImage(files)
  const { sequence } = database
  const expected = built.histories[sequence]
  const found = demand.isUsed ? historyOf(database) : commitsOf(database)
  if (expected?.startsWith(found) !== true) {
    return wrong(`it has ${sequence} commits and answers ${found}`)
  }
  if (sequence < demand.sequenceMin) {
    return wrong(`${sequence} commits are there, and ${demand.sequenceMin} must be`)
  }
  if (!demand.isUsed) return { type: 'opened', sequence }
  await database.write((tx) => tx.createNode('After', { name: 'later' }))
  const written = historyOf(database)
  await database.close()
  const again = await openImage(files)
  const rewritten = historyOf(again)
  if (rewritten !== written) return wrong(`written to and opened again it answers ${rewritten}`)
  const { problems } = await again.verify()
  if (problems.length > 0) return wrong(`verify finds ${JSON.stringify(problems)}`)
  await again.close()
  return { type: 'opened', sequence }
}

function judgeRefusal(error: unknown, files: ImageFiles): Fate {
  if (!(error instanceof DatabaseError)) return wrong(`threw ${String(error)}`)
  const { code, message, details } = error
  if (code !== 'Corrupt') return wrong(`${code}: ${message}`)
  const { file, offset } = details
  if (typeof file !== 'string' || typeof offset !== 'number') {
    return wrong(`the refusal names no file and offset: ${message}`)
  }
  if (!message.includes(file)) return wrong(`the message does not name ${file}: ${message}`)
  if (files.changes > 0) return wrong(`refused, and changed the disk: ${message}`)
  return { type: 'refused', file, offset }
}

function wrong(why: string): Fate {
  return { type: 'wrong', why }
}

/** The path inside the directory of the database, as errors give it. */
export function shortPath(path: string): string {
  return path.slice(directory.length + 1)
}

export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = bytes.slice()
  const index = bit >> 3
  flipped[index] = (flipped[index] ?? 0) ^ (1 << (bit & 7))
  return flipped
}

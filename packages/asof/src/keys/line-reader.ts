import { isUtf8 } from 'node:buffer'
import { CommandFailure } from '../failure.ts'
import { toBytes } from './input-file.ts'

/** A line of text, or what is the matter with it. */
export interface TextLine {
  /** Of the file, from 1 on. */
  readonly line: number
  readonly text: string
  readonly problem?: string
}

/** Lines that were read together. */
export interface LineChunk {
  readonly lines: readonly TextLine[]
  /** Bytes read so far. */
  readonly offset: number
}

/** The largest value in the longest JSON: anything longer is no line of a dump. */
export const lineBytesMax = 256 * 1024 * 1024

const newline = 0x0a
const byteOrderMark = '\ufeff'

/** Cuts a stream of bytes into lines; empty ones are left out. Holds no more than the longest. */
export async function* readLines(
  chunks: AsyncIterable<unknown>,
  bytesMax: number = lineBytesMax,
): AsyncGenerator<LineChunk> {
  let begun: Buffer[] = []
  let begunBytes = 0
  let line = 1
  let offset = 0
  const lines: TextLine[] = []
  const take = (end: Buffer): void => {
    const bytes = begun.length === 0 ? end : Buffer.concat([...begun, end])
    begun = []
    begunBytes = 0
    const made = textLine(bytes, line++)
    if (made !== undefined) lines.push(made)
  }
  for await (const chunk of chunks) {
    const bytes = toBytes(chunk)
    offset += bytes.length
    let start = 0
    for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, start)) {
      take(bytes.subarray(start, at))
      start = at + 1
    }
    if (start < bytes.length) begun.push(bytes.subarray(start))
    begunBytes += bytes.length - start
    if (begunBytes > bytesMax) {
      throw new CommandFailure(`line ${line} is longer than ${bytesMax} bytes: is this a dump?`)
    }
    if (lines.length > 0) yield { lines: lines.splice(0), offset }
  }
  if (begunBytes > 0) take(Buffer.alloc(0))
  if (lines.length > 0) yield { lines, offset }
}

function textLine(bytes: Buffer, line: number): TextLine | undefined {
  const whole = bytes.toString('utf8')
  const text = (line === 1 && whole.startsWith(byteOrderMark) ? whole.slice(1) : whole).trim()
  if (text === '') return undefined
  return isUtf8(bytes) ? { line, text } : { line, text, problem: 'it is not text in UTF-8' }
}

import { isUtf8 } from 'node:buffer'
import { CommandFailure } from '../failure.ts'
import { toBuffer } from '../git/git-process.ts'
import type { Row, RowFormat } from './row.ts'

/** Rows that were read together, and where they stand in the file. */
export interface RowChunk {
  readonly rows: readonly Row[]
  /** Bytes from the beginning of the file to the end of a row of this chunk. */
  offsetAfter(row: Row): number
}

/** Where to begin: bytes and lines that are already done with. */
export interface ReadStart {
  readonly offset: number
  readonly line: number
}

/** A longer row is taken for a file of another format. */
const rowBytesMax = 16 * 1024 * 1024

const byteOrderMark = '\ufeff'

/**
 * Cuts a stream of bytes into rows, a chunk at a time; empty lines are left out. Memory is bounded
 * by the longest row. A line that is not UTF-8 is a row with a problem.
 */
export async function* readRows(
  chunks: AsyncIterable<unknown>,
  format: RowFormat,
  start: ReadStart = { offset: 0, line: 1 },
): AsyncGenerator<RowChunk> {
  const reader = new RowReader(format, start)
  for await (const chunk of chunks) {
    const made = reader.take(toBuffer(chunk), false)
    if (made.rows.length > 0) yield made
  }
  const last = reader.take(Buffer.alloc(0), true)
  if (last.rows.length > 0) yield last
}

class RowReader {
  readonly #format: RowFormat
  #rest: Buffer = Buffer.alloc(0)
  #offset: number
  #line: number

  constructor(format: RowFormat, start: ReadStart) {
    this.#format = format
    this.#offset = start.offset
    this.#line = start.line
  }

  take(chunk: Buffer, isLast: boolean): RowChunk {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const feed = bytes.lastIndexOf(0x0a)
    const whole = isLast ? bytes : bytes.subarray(0, feed + 1)
    if (!isUtf8(whole)) return this.#takeLines(bytes, whole.length, isLast)
    const text = whole.toString('utf8')
    const isAscii = text.length === whole.length
    const offset = this.#offset
    const offsetAt = (end: number): number =>
      offset + (isAscii ? end : Buffer.byteLength(text.slice(0, end)))
    const rows: Row[] = []
    const end = this.#readText(text, isLast, rows)
    this.#keep(bytes, offsetAt(end) - offset)
    return { rows, offsetAfter: (row) => offsetAt(row.end) }
  }

  /** Appends the rows of `text`; returns where those end that are complete. */
  #readText(text: string, isLast: boolean, rows: Row[]): number {
    let at = this.#offset === 0 && text.startsWith(byteOrderMark) ? 1 : 0
    while (at < text.length) {
      const row = this.#format.readRow(text, { at, line: this.#line }, isLast)
      if (row === undefined) break
      at = row.end
      this.#line = row.nextLine
      if (row.problem !== undefined || row.fields.length > 1 || row.fields[0] !== '') rows.push(row)
    }
    return at
  }

  /** The slow way, for bytes some of which are not text: line by line, each row on one line. */
  #takeLines(bytes: Buffer, length: number, isLast: boolean): RowChunk {
    const rows: Row[] = []
    const offsets = new Map<Row, number>()
    const base = this.#offset
    let at = 0
    while (at < length) {
      const feed = bytes.indexOf(0x0a, at)
      const end = feed < 0 ? length : feed + 1
      const line = bytes.subarray(at, end)
      const text = line.toString('utf8')
      const place = { line: this.#line, nextLine: this.#line + 1, end: text.length }
      const row = isUtf8(line)
        ? this.#format.readRow(text, { at: 0, line: this.#line }, true)
        : { ...place, fields: [text.trimEnd()], problem: 'is not UTF-8 text' }
      this.#line++
      at = end
      if (row === undefined || (row.problem === undefined && text.trim() === '')) continue
      rows.push(row)
      offsets.set(row, base + end)
    }
    this.#keep(bytes, isLast ? bytes.length : length)
    return { rows, offsetAfter: (row) => offsets.get(row) ?? base }
  }

  #keep(bytes: Buffer, done: number): void {
    this.#offset += done
    // A copy, so that a small rest does not keep a large chunk alive.
    this.#rest = Buffer.from(bytes.subarray(done))
    if (this.#rest.length <= rowBytesMax) return
    throw new CommandFailure(
      `line ${this.#line} is longer than ${rowBytesMax} bytes: is this the right --format?`,
    )
  }
}

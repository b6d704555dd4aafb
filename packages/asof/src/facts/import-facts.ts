import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Database, Transaction } from 'asofdb'
import { CommandFailure, isErrno } from '../failure.ts'
import { InFlight } from '../in-flight.ts'
import { SystemTimes } from '../system-times.ts'
import type { FactReader } from './fact-reader.ts'
import type { Fact, FactWriter } from './fact-writer.ts'
import {
  factsKeyspace,
  type FactsPosition,
  mustContinueFacts,
  readFactsPosition,
  readHead,
  writeFactsPosition,
} from './facts-position.ts'
import type { Row } from './row.ts'
import { readRows, type RowChunk } from './row-reader.ts'

/** A row that was left out because it could not be used. */
export interface BadRow {
  readonly line: number
  readonly problem: string
  readonly text: string
}

export interface FactsImportOptions {
  /** `-` is standard input, which cannot be continued. */
  readonly path: string
  readonly reader: FactReader
  /** How the rows are read, in words: a continued import must read them in the same way. */
  readonly reading: string
  readonly batchFacts: number
  /** System time of the first batch, microseconds since 1970; undefined: now. */
  readonly system?: bigint | undefined
  /** Begin at the beginning, even if the file was imported before. */
  readonly again?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Called for each bad row; without it the first one ends the import. */
  readonly onBadRow?: ((row: BadRow) => void) | undefined
  onStart?(start: { readonly offset: number; readonly line: number; readonly size: number }): void
  onProgress?(progress: { readonly offset: number; readonly factCount: number }): void
}

export interface FactsImportReport {
  /** Facts of this run, by what stating them did. */
  readonly stated: number
  readonly repeated: number
  readonly corrected: number
  /** Rows that `--where` left out, and rows that could not be used. */
  readonly unwanted: number
  readonly bad: number
  readonly batches: number
  readonly isComplete: boolean
  /** Facts that earlier runs had imported from the file. */
  readonly alreadyImported: number
}

const batchesInFlightMax = 32
const chunkBytes = 64 * 1024

/** Imports a file of facts, a batch for each commit; continues where an earlier run stopped. */
export async function importFacts(
  database: Database,
  writer: FactWriter,
  options: FactsImportOptions,
): Promise<FactsImportReport> {
  const { reader, signal } = options
  const source = options.path === '-' ? undefined : await openSource(database, options)
  const start = { offset: source?.before?.offset ?? 0, line: source?.before?.line ?? 1 }
  options.onStart?.({ ...start, size: source?.size ?? 0 })
  // The header stands at the beginning of the file only.
  if (source !== undefined && start.offset > 0) await readHeader(source.path, reader)
  const bytes =
    source === undefined
      ? process.stdin
      : createReadStream(source.path, { start: start.offset, highWaterMark: chunkBytes })
  const run = new FactsRun(database, writer, { options, source, start })
  for await (const chunk of readRows(bytes, reader.rowFormat, start)) {
    let previous: Row | undefined
    for (const row of chunk.rows) {
      const problem = run.take(row)
      if (problem !== undefined) {
        if (previous !== undefined) run.position = positionAfter(chunk, previous)
        await run.end(false)
        throw new CommandFailure(`${options.path}:${row.line}: ${problem}`, {
          hint: '--skip-bad leaves such lines out and reports them',
        })
      }
      previous = row
      if (!run.isFull) continue
      run.position = positionAfter(chunk, row)
      await run.commit()
    }
    if (previous !== undefined) run.position = positionAfter(chunk, previous)
    options.onProgress?.({ offset: run.position.offset, factCount: run.factCount })
    if (signal?.aborted === true) break
  }
  return run.end(signal?.aborted !== true)
}

function positionAfter(chunk: RowChunk, row: Row): FactsRun['position'] {
  return { offset: chunk.offsetAfter(row), line: row.nextLine }
}

interface FactsSource {
  readonly path: string
  readonly size: number
  readonly headBytes: number
  readonly head: string
  readonly before: FactsPosition | undefined
}

async function openSource(database: Database, options: FactsImportOptions): Promise<FactsSource> {
  const path = resolve(options.path)
  const { size } = await stat(path).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) throw new CommandFailure(`there is no file ${options.path}`)
    throw error
  })
  const { headBytes, head } = await readHead(path)
  const known = readFactsPosition(database.snapshot(), path)
  const before = options.again === true ? undefined : known
  if (before !== undefined) {
    await mustContinueFacts(path, before, { reading: options.reading, size })
  }
  return { path, size, headBytes, head, before }
}

/** Gives the first row to the reader, so that it knows the columns. */
async function readHeader(path: string, reader: FactReader): Promise<void> {
  for await (const { rows } of readRows(createReadStream(path), reader.rowFormat)) {
    const [first] = rows
    if (first === undefined) continue
    reader.read(first)
    return
  }
}

interface RunParts {
  readonly options: FactsImportOptions
  readonly source: FactsSource | undefined
  readonly start: { readonly offset: number; readonly line: number }
}

/** One run over one file: collects facts and writes them in batches. */
class FactsRun {
  /** Up to where everything was taken, good or bad. */
  position: { readonly offset: number; readonly line: number }
  readonly #database: Database
  readonly #writer: FactWriter
  readonly #options: FactsImportOptions
  readonly #source: FactsSource | undefined
  readonly #inFlight = new InFlight(batchesInFlightMax)
  readonly #systemTimes: SystemTimes | undefined
  readonly #counts = { stated: 0, repeated: 0, corrected: 0, unwanted: 0, bad: 0, batches: 0 }
  #facts: Fact[] = []

  constructor(database: Database, writer: FactWriter, parts: RunParts) {
    this.#database = database
    this.#writer = writer
    this.#options = parts.options
    this.#source = parts.source
    this.position = parts.start
    if (parts.options.system !== undefined) this.#systemTimes = new SystemTimes(database)
  }

  get factCount(): number {
    const { stated, repeated, corrected } = this.#counts
    return stated + repeated + corrected
  }

  get isFull(): boolean {
    return this.#facts.length >= this.#options.batchFacts
  }

  /** Takes the next row; returns why it ends the import, if it does. */
  take(row: Row): string | undefined {
    const made = this.#options.reader.read(row)
    if (made.kind === 'fact') {
      this.#facts.push(made.fact)
    } else if (made.kind === 'unwanted') {
      this.#counts.unwanted++
    } else if (made.kind === 'bad') {
      if (this.#options.onBadRow === undefined) return made.problem
      this.#counts.bad++
      const text = row.fields.join(' ')
      this.#options.onBadRow({ line: row.line, problem: made.problem, text })
    }
    return undefined
  }

  /** Writes what was taken, and how far that is, in one transaction. */
  async commit(): Promise<void> {
    const facts = this.#facts
    const alreadyImported = this.#source?.before?.factCount ?? 0
    const isFirst = this.#counts.batches === 0
    const { position } = this
    this.#facts = []
    this.#counts.batches++
    const body = (tx: Transaction): void => {
      if (isFirst) {
        tx.createIndex('Entity', 'name')
        tx.setRetention({ keyspace: factsKeyspace }, 'forever')
      }
      for (const fact of facts) this.#counts[this.#writer.write(tx, fact)]++
      if (this.#source === undefined) return
      const { path, before, head, headBytes } = this.#source
      const { reading } = this.#options
      const known = before === undefined ? { head, headBytes } : before
      writeFactsPosition(tx, path, {
        ...position,
        factCount: alreadyImported + this.factCount,
        head: known.head,
        headBytes: known.headBytes,
        reading,
      })
    }
    const { system } = this.#options
    const meta = { why: 'import of facts', source: this.#source?.path ?? 'standard input' }
    const options = { meta, isolation: 'snapshot', retries: 0 } as const
    const written =
      this.#systemTimes === undefined
        ? this.#database.write(body, options)
        : this.#database.import(body, { ...options, system: await this.#systemTimes.next(system) })
    await this.#inFlight.add(written)
  }

  /** Writes the rest and waits until everything is durable. */
  async end(isComplete: boolean): Promise<FactsImportReport> {
    const moved = this.position.offset !== (this.#source?.before?.offset ?? 0)
    if (this.#facts.length > 0 || moved) await this.commit()
    await this.#inFlight.settle()
    const alreadyImported = this.#source?.before?.factCount ?? 0
    return { ...this.#counts, isComplete, alreadyImported }
  }
}

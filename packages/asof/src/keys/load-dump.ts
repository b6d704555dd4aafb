import { type Database, isDatabaseError, type KeyTransaction, type Transaction } from 'asofdb'
import { CommandFailure } from '../failure.ts'
import { InFlight } from '../in-flight.ts'
import {
  type CommitLine,
  type DumpLine,
  type EndLine,
  parseDumpLine,
  type StatementLine,
} from './dump-lines.ts'
import { type LineChunk, readLines, type TextLine } from './line-reader.ts'
import { NotationError } from './typed-json.ts'

/** A line that could not be used. */
export interface BadLine {
  readonly line: number
  readonly problem: string
  readonly text: string
}

export interface LoadOptions {
  /** In messages. */
  readonly name: string
  /** Puts all keys there, whatever the lines say. */
  readonly keyspace?: string | undefined
  /** So many keys in one commit, where the lines name none. */
  readonly batchKeys: number
  readonly signal?: AbortSignal | undefined
  /** Called for each bad line; without it the first one ends the load. */
  readonly onBadLine?: ((bad: BadLine) => void) | undefined
  onProgress?(progress: { readonly keys: number; readonly offset: number }): void
}

export interface LoadReport {
  /** Statements that were taken over. */
  readonly keys: number
  /** Of commits that an earlier run had taken over. */
  readonly alreadyLoaded: number
  readonly bad: number
  readonly commits: number
  readonly keyspaces: readonly string[]
  /** False after Ctrl-C. */
  readonly isComplete: boolean
}

const commitsInFlightMax = 16
/** A batch ends where its lines are this long together, however few they are. */
const batchCharactersMax = 8 * 1024 * 1024

/** Loads the lines of a dump. Throws where one can't be used, naming it. */
export async function loadDump(
  database: Database,
  chunks: AsyncIterable<unknown>,
  options: LoadOptions,
): Promise<LoadReport> {
  const run = new LoadRun(database, options)
  for await (const chunk of readLines(chunks)) {
    if (options.signal?.aborted === true) return run.end(false)
    await run.take(chunk)
  }
  return run.end(options.signal?.aborted !== true)
}

/** A statement with its line, for when the database refuses it. */
interface Pending {
  readonly at: TextLine
  readonly keyspace: string
  readonly statement: StatementLine
}

/** What a commit took over. */
interface Done {
  readonly keys: number
  readonly bad: readonly BadLine[]
  readonly keyspaces: ReadonlySet<string>
}

class LoadRun {
  readonly #database: Database
  readonly #options: LoadOptions
  readonly #inFlight = new InFlight(commitsInFlightMax)
  readonly #keyspaces = new Set<string>()
  readonly #counts = { keys: 0, alreadyLoaded: 0, bad: 0, commits: 0 }
  #pending: Pending[] = []
  #characters = 0
  /** The commit that statements belong to. */
  #commit: CommitLine | undefined
  #isLoaded = false
  /** A dump whose last line has not come yet, and how many of its statements have. */
  #open: { count: number } | undefined
  #line = 0
  #failure: CommandFailure | undefined

  constructor(database: Database, options: LoadOptions) {
    this.#database = database
    this.#options = options
  }

  async take({ lines, offset }: LineChunk): Promise<void> {
    for (const line of lines) {
      this.#line = line.line
      const parsed = this.#parse(line)
      if (parsed !== undefined) await this.#takeLine(line, parsed)
      if (this.#failure !== undefined) await this.#fail(this.#failure)
    }
    this.#options.onProgress?.({ keys: this.#counts.keys, offset })
  }

  /** Writes what is left and waits until everything is durable. */
  async end(isComplete: boolean): Promise<LoadReport> {
    // Half a commit is none: the same command takes it over as a whole.
    if (isComplete || this.#commit === undefined) await this.#flush()
    await this.#inFlight.settle()
    if (this.#failure !== undefined) await this.#fail(this.#failure)
    if (isComplete && this.#open !== undefined) {
      throw new CommandFailure(
        `${this.#options.name} ends at line ${this.#line} and was cut off: the last line of a ` +
          'dump says how many lines there are',
        { hint: 'what it has was loaded; make the dump again, and load that' },
      )
    }
    return { ...this.#counts, keyspaces: [...this.#keyspaces].sort(), isComplete }
  }

  #parse(line: TextLine): DumpLine | undefined {
    try {
      if (line.problem !== undefined) throw new NotationError(line.problem)
      return parseDumpLine(line.text)
    } catch (error) {
      if (!(error instanceof NotationError)) throw error
      this.#refuse(line, error.message)
      return undefined
    }
  }

  async #takeLine(at: TextLine, line: DumpLine): Promise<void> {
    switch (line.kind) {
      case 'header':
        await this.#flush()
        this.#commit = undefined
        this.#isLoaded = false
        this.#open = { count: 0 }
        return
      case 'end':
        this.#close(at, line)
        return
      case 'commit':
        await this.#flush()
        this.#begin(at, line)
        return
      case 'statement':
        return this.#takeStatement(at, line)
    }
  }

  #close(at: TextLine, { count }: EndLine): void {
    const found = this.#open?.count
    this.#open = undefined
    if (found === undefined || found === count) return
    this.#refuse(at, `the dump has ${found} statements where it was written with ${count}`)
  }

  /** One that is there already was taken over by an earlier run, and is passed over. */
  #begin(at: TextLine, commit: CommitLine): void {
    const { sequence } = this.#database
    this.#commit = commit
    const last = this.#database.commit(sequence)?.system
    const micros = commit.system.epochMicroseconds
    this.#isLoaded = last !== undefined && micros <= last.epochMicroseconds
    if (!this.#isLoaded) return
    const known = this.#database.asOf({ system: commit.system }).sequence
    if (this.#database.commit(known)?.system.epochMicroseconds === micros) return
    this.#failure ??= new CommandFailure(
      `${this.#options.name}:${at.line}: the database has commits that are later than ` +
        `${commit.system.toString()}, and histories are only added behind what is there`,
      { hint: 'load them into a database of their own, or dump without --versions' },
    )
  }

  async #takeStatement(at: TextLine, statement: StatementLine): Promise<void> {
    if (this.#open !== undefined) this.#open.count++
    const keyspace = this.#options.keyspace ?? statement.keyspace
    if (keyspace === undefined) {
      this.#refuse(at, 'there is no "keyspace" in it, and no --keyspace says where it goes')
      return
    }
    if (this.#isLoaded) {
      this.#counts.alreadyLoaded++
      return
    }
    this.#pending.push({ at, keyspace, statement })
    this.#characters += at.text.length
    const isFull =
      this.#pending.length >= this.#options.batchKeys || this.#characters >= batchCharactersMax
    // A commit of the dump is one commit, however large.
    if (isFull && this.#commit === undefined) await this.#flush()
  }

  /** Writes what is pending in one commit. */
  async #flush(): Promise<void> {
    const pending = this.#pending
    const commit = this.#commit
    if (pending.length === 0) return
    this.#pending = []
    this.#characters = 0
    const { name } = this.#options
    const isolation = 'snapshot'
    const written =
      commit === undefined
        ? this.#database.write((tx) => this.#state(tx, pending), {
            meta: { source: name },
            isolation,
          })
        : this.#database.import((tx) => this.#restate(tx, pending), {
            meta: commit.meta,
            isolation,
            system: commit.system,
          })
    await this.#inFlight.add(written.then((done) => this.#adopt(done)))
  }

  /** Statements as they are now; those before one that is refused are taken over. */
  #state(tx: Transaction, pending: readonly Pending[]): Done {
    const bad: BadLine[] = []
    let keys = 0
    for (const { at, keyspace, statement } of pending) {
      const problem = refusalOf(() => state(tx.keys(keyspace), statement, true))
      if (problem === undefined) keys++
      else bad.push({ line: at.line, problem, text: at.text })
      if (problem !== undefined && !this.#isTolerant) {
        this.#failure ??= this.#failureAt(at, problem)
        break
      }
    }
    return { keys, bad, keyspaces: new Set(pending.map(({ keyspace }) => keyspace)) }
  }

  /** Statements of a commit, which is taken over as a whole. */
  #restate(tx: Transaction, pending: readonly Pending[]): Done {
    const bad: BadLine[] = []
    const keyspaces = new Set(pending.map(({ keyspace }) => keyspace))
    for (const keyspace of keyspaces) {
      if (!this.#keyspaces.has(keyspace)) this.#keepHistory(tx, keyspace)
    }
    for (const { at, keyspace, statement } of pending) {
      const problem = refusalOf(() => state(tx.keys(keyspace), statement, false))
      if (problem === undefined) continue
      if (!this.#isTolerant) {
        this.#failure ??= this.#failureAt(at, problem)
        throw this.#failure
      }
      bad.push({ line: at.line, problem, text: at.text })
    }
    return { keys: pending.length - bad.length, bad, keyspaces }
  }

  /** Where no rule says how long the past is told, it is told for ever: it is loaded for that. */
  #keepHistory(tx: Transaction, keyspace: string): void {
    const rules = this.#database.retention()
    const hasRule = rules.some(
      ({ of }) => typeof of === 'object' && 'keyspace' in of && of.keyspace === keyspace,
    )
    if (!hasRule) tx.setRetention({ keyspace }, 'forever')
  }

  #adopt({ keys, bad, keyspaces }: Done): void {
    this.#counts.keys += keys
    this.#counts.commits++
    for (const keyspace of keyspaces) this.#keyspaces.add(keyspace)
    if (this.#isTolerant) for (const one of bad) this.#report(one)
  }

  get #isTolerant(): boolean {
    return this.#options.onBadLine !== undefined
  }

  #refuse(at: TextLine, problem: string): void {
    const { line, text } = at
    if (this.#isTolerant) this.#report({ line, problem, text })
    else this.#failure ??= this.#failureAt(at, problem)
  }

  #report(bad: BadLine): void {
    this.#counts.bad++
    this.#options.onBadLine?.(bad)
  }

  #failureAt({ line }: TextLine, problem: string): CommandFailure {
    const what = this.#commit === undefined ? 'lines' : 'commits'
    return new CommandFailure(`${this.#options.name}:${line}: ${problem}`, {
      hint: `the ${what} before it were loaded; --skip-bad leaves such lines out`,
    })
  }

  /** Ends the load with what was taken before the failure. */
  async #fail(failure: CommandFailure): Promise<never> {
    if (this.#commit === undefined) await this.#flush()
    await this.#inFlight.settle()
    throw failure
  }
}

function state(
  keys: KeyTransaction,
  { key, value, valid }: StatementLine,
  skipUnchanged: boolean,
): void {
  if (value === undefined) keys.delete(key, { ...valid })
  else keys.put(key, value, { ...valid, skipUnchanged })
}

/** Why the database takes something not; undefined if it does. */
function refusalOf(work: () => void): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    if (isDatabaseError(error) && error.kind === 'invalid') return error.message
    throw error
  }
}

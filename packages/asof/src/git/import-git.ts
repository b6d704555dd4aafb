import type { Database, Transaction } from 'asofdb'
import { CommandFailure } from '../failure.ts'
import { InFlight } from '../in-flight.ts'
import { SystemTimes } from '../system-times.ts'
import { endOfTimeMicros } from './believed-tree.ts'
import { askGit, startGit } from './git-process.ts'
import { type GitCommit, logArguments, parseLog, UnreadableLogError } from './git-log.ts'
import { HistoryWriter } from './history-writer.ts'
import {
  importedTips,
  importKeyspace,
  mustContinue,
  readPosition,
  resolveHead,
  writePosition,
} from './import-position.ts'

export interface GitImportOptions {
  /** A directory inside a work tree, or a bare repository. */
  readonly repository: string
  /** A branch, a tag, a hash. Default: HEAD. */
  readonly reference?: string | undefined
  /** Stops between two commits; what was written stays. */
  readonly signal?: AbortSignal | undefined
  onStart?(start: GitImportStart): void
  onProgress?(commitCount: number): void
}

export interface GitImportStart {
  readonly head: string
  /** Commits that an earlier run has written. */
  readonly alreadyImported: number
  /** Commits that remain. */
  readonly remaining: number
}

export interface GitImportReport extends GitImportStart {
  /** Commits written by this run. */
  readonly imported: number
  readonly isComplete: boolean
  readonly seconds: number
  readonly fileCount: number
  readonly peopleCount: number
}

/** Commits on their way to the disk at one time: they share syncs, each stays a commit. */
const commitsInFlightMax = 256

/**
 * Imports the history of a commit, one commit of the database for each of git, in topological
 * order; continues where an earlier run stopped, however it ended.
 */
export async function importGit(
  database: Database,
  options: GitImportOptions,
): Promise<GitImportReport> {
  const head = await resolveHead(options.repository, options.reference)
  const latest = database.asOf({ valid: endOfTimeMicros })
  const position = readPosition(latest)
  const tips = position === undefined ? [] : importedTips(latest)
  const { repository } = options
  if (tips.length > 0) await mustContinue({ repository, head, tips })
  const revisions = [head, ...tips.map((tip) => `^${tip}`)].join('\n')
  const counted = await askGit(repository, ['rev-list', '--count', '--stdin'], revisions)
  const alreadyImported = position?.commitCount ?? 0
  const start: GitImportStart = { head, alreadyImported, remaining: Number(counted) }
  options.onStart?.(start)

  const began = performance.now()
  const writer = new HistoryWriter(latest)
  const run = new ImportRun(database, writer, alreadyImported)
  if (start.remaining > 0) await writeAll(run, revisions, options)
  return {
    ...start,
    imported: run.imported,
    isComplete: run.imported === start.remaining,
    seconds: (performance.now() - began) / 1000,
    fileCount: writer.fileCount,
    peopleCount: writer.peopleCount,
  }
}

async function writeAll(
  run: ImportRun,
  revisions: string,
  options: GitImportOptions,
): Promise<void> {
  const git = startGit(options.repository, logArguments(), revisions)
  const inFlight = new InFlight(commitsInFlightMax)
  try {
    for await (const commit of parseLog(git.stdout)) {
      const { durable } = await run.write(commit)
      await inFlight.add(durable)
      options.onProgress?.(run.imported)
      if (options.signal?.aborted !== true) continue
      git.stop()
      break
    }
    await inFlight.settle()
  } catch (error) {
    // A failure of git cuts its output short, and says more than what the cut looks like.
    if (error instanceof UnreadableLogError) await git.ended.catch(throwIfSaid)
    git.stop()
    throw error
  }
  await git.ended
}

/** A reader that goes away ends git, too; only what git has said is a reason. */
function throwIfSaid(error: unknown): void {
  if (error instanceof CommandFailure && error.details['git'] !== '') throw error
}

/** One run of the import: gives each commit its times and writes it. */
class ImportRun {
  readonly #database: Database
  readonly #writer: HistoryWriter
  readonly #alreadyImported: number
  readonly #systemTimes: SystemTimes
  imported = 0

  constructor(database: Database, writer: HistoryWriter, alreadyImported: number) {
    this.#database = database
    this.#writer = writer
    this.#alreadyImported = alreadyImported
    this.#systemTimes = new SystemTimes(database)
  }

  /** Commits, and resolves to a promise in a box: for when that is durable. */
  async write(commit: GitCommit): Promise<{ readonly durable: Promise<void> }> {
    const system = await this.#systemTimes.next(secondsToMicros(commit.committedSeconds))
    const commitCount = this.#alreadyImported + this.imported + 1
    const from = authorMicros(commit)
    const body = (tx: Transaction): void => {
      if (commitCount === 1) declareIndexes(tx)
      this.#writer.write(tx, commit, from)
      writePosition(tx, { commit: commit.hash, commitCount })
    }
    const meta = {
      who: `${commit.authorName} <${commit.authorEmail}>`,
      why: commit.subject,
      source: commit.hash,
    }
    this.imported++
    return { durable: this.#database.import(body, { meta, system, retries: 0 }) }
  }
}

/**
 * Files are asked for by path, commits by hash. What the import notes in keys is kept for ever, so
 * that no horizon comes between anybody and the history.
 */
function declareIndexes(tx: Transaction): void {
  tx.setRetention({ keyspace: importKeyspace }, 'forever')
  tx.createIndex('Commit', 'hash')
  tx.createIndex('File', 'path')
  tx.createIndex('Directory', 'path')
}

/** From when on the changes of a commit hold; the committer's date when the author's is lost. */
function authorMicros(commit: GitCommit): bigint {
  const { authoredSeconds, committedSeconds } = commit
  return secondsToMicros(authoredSeconds) ?? secondsToMicros(committedSeconds) ?? 0n
}

/** Nothing beyond the range of dates, so that a clock that was far off does no harm. */
const secondsMax = 8_640_000_000_000

function secondsToMicros(seconds: number): bigint | undefined {
  if (Number.isNaN(seconds) || Math.abs(seconds) >= secondsMax) return undefined
  return BigInt(seconds) * 1_000_000n
}

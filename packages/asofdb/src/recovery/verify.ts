import { logDirectoryName, manifestName } from '../checkpoint/directory-names.ts'
import { filesOf, type Manifest } from '../checkpoint/manifest.ts'
import type { IndexImageReport } from '../checkpoint/index-images.ts'
import type { ManifestStore } from '../checkpoint/manifest-store.ts'
import { invariant } from '../rules/invariant.ts'
import type { Host } from '../host/host.ts'
import type { CommitTable } from '../versions/commit-table.ts'
import type { Tables } from '../versions/tables.ts'
import { checkpointPath } from './survey-checkpoint.ts'
import { type ReadAmounts, verifyFiles } from './verify-files.ts'
import { type Problem, verifyTables } from './verify-tables.ts'

export type { Problem }

/** Compares something derived with a pass over the tables; gives what differs, in words. */
export interface DerivedCheck {
  /** Of the index. */
  readonly name: string
  check(): Iterable<string>
}

export interface VerifyOptions {
  readonly host: Host
  readonly tables: Tables
  readonly derived: readonly DerivedCheck[]
  /** Absent for a database that has no files. */
  readonly stored?:
    | {
        readonly directory: string
        readonly manifests: ManifestStore
        /** The newest commit that is durable in the log. */
        durableSequence(): number
        /** The commits that there are by now, also after the tables were replaced. */
        commits(): CommitTable
      }
    | undefined
}

export interface VerifyReport {
  readonly isSound: boolean
  /** The newest commit that was looked at. */
  readonly sequence: number
  /** The first ones; a damaged file can be behind many. */
  readonly problems: readonly Problem[]
  readonly filesRead: number
  readonly bytesRead: number
  readonly recordsRead: number
  readonly indexesCompared: number
  /** The images of indexes that opening found, or that were missed; none of them is relied on. */
  readonly indexImages: readonly IndexImageReport[]
  readonly durationMs: number
}

const problemsMax = 100

/**
 * Files come and go under a verification; after so many attempts it takes what it saw of those that
 * have stayed.
 */
const attemptsMax = 5

/** Reads everything and checks everything against everything. Changes nothing. */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { host, tables, derived } = options
  const startMs = host.clock.monotonicMs()
  const { sequence } = tables.commits
  const stored = await verifyStored(options)
  const problems = [...stored.problems]
  for await (const problem of verifyTables(tables, host.timers)) {
    if (problems.length === problemsMax) break
    problems.push(problem)
  }
  for (const index of derived) {
    for (const what of index.check()) {
      if (problems.length === problemsMax) break
      problems.push({ where: `index ${index.name}`, what })
    }
    await host.timers.yieldTurn()
  }
  invariant(problems.length <= problemsMax, 'a report has an end')
  invariant(tables.commits.sequence >= sequence, 'the tables never lose a commit')
  return {
    isSound: problems.length === 0,
    sequence,
    problems,
    filesRead: stored.amounts.files,
    bytesRead: stored.amounts.bytes,
    recordsRead: stored.amounts.records,
    indexesCompared: derived.length,
    indexImages: [],
    durationMs: host.clock.monotonicMs() - startMs,
  }
}

/** Whether it is about something that a manifest names, or that is there under any. */
function isNamed({ where }: Problem, manifest: Manifest): boolean {
  if (where === manifestName || where.startsWith('commit ')) return true
  return (
    filesOf(manifest).some(({ name }) => checkpointPath(name) === where) ||
    manifest.segments.some(({ name }) => `${logDirectoryName}/${name}` === where)
  )
}

/**
 * What is amiss in files of a manifest that has been replaced meanwhile proves nothing: they may
 * just have been removed. Then all is read again.
 */
async function verifyStored({
  host,
  stored,
}: VerifyOptions): Promise<{ problems: Problem[]; amounts: ReadAmounts }> {
  if (stored === undefined) return { problems: [], amounts: { files: 0, bytes: 0, records: 0 } }
  const { directory, manifests } = stored
  for (let attempt = 1; ; attempt++) {
    const manifest = manifests.current
    const durableSequence = stored.durableSequence()
    const amounts: ReadAmounts = { files: 0, bytes: 0, records: 0 }
    const problems: Problem[] = []
    const commits = (): CommitTable => stored.commits()
    const found = verifyFiles({ host, directory, manifest, commits, durableSequence }, amounts)
    for await (const problem of found) {
      if (problems.length === problemsMax) break
      problems.push(problem)
    }
    const isUnchanged = manifests.current.revision === manifest.revision
    if (problems.length === 0 || isUnchanged) return { problems, amounts }
    if (attempt < attemptsMax) continue
    const both = [manifest, manifests.current]
    const certain = problems.filter((one) => both.every((each) => isNamed(one, each)))
    return { problems: certain, amounts }
  }
}

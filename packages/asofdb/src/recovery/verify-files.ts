import { hexToBytes } from '../checkpoint/checkpoint-file.ts'
import {
  checkpointDirectoryOf,
  logDirectoryOf,
  manifestName,
} from '../checkpoint/directory-names.ts'
import { decodeManifest, filesOf, type Manifest } from '../checkpoint/manifest.ts'
import { readWholeFile } from '../checkpoint/manifest-store.ts'
import { checkSections } from '../checkpoint/load-sections.ts'
import { readCheckpointHeader } from '../checkpoint/read-checkpoint.ts'
import type { Host } from '../host/host.ts'
import { readLog } from '../log/log-reader.ts'
import { messageOf } from '../rules/errors.ts'
import type { CommitTable } from '../versions/commit-table.ts'
import { checkpointPath } from './survey-checkpoint.ts'
import type { Problem } from './verify-tables.ts'

export interface VerifyFilesOptions {
  readonly host: Host
  readonly directory: string
  readonly manifest: Manifest
  /** Those that there are at each moment: commits go on, and compaction replaces the table. */
  commits(): CommitTable
  /** What the log is known to hold durably at the call. */
  readonly durableSequence: number
}

/** How much was read. */
export interface ReadAmounts {
  files: number
  bytes: number
  records: number
}

/** Reads every file that the manifest names and checks every checksum and sequence. */
export async function* verifyFiles(
  options: VerifyFilesOptions,
  amounts: ReadAmounts,
): AsyncGenerator<Problem> {
  yield* verifyManifest(options, amounts)
  for (const info of filesOf(options.manifest)) {
    const problem = await verifyCheckpointFile(options, info)
    if (problem !== undefined) yield problem
    amounts.files++
    amounts.bytes += info.size
  }
  yield* verifyLog(options, amounts)
}

async function* verifyManifest(
  { host, directory }: VerifyFilesOptions,
  amounts: ReadAmounts,
): AsyncGenerator<Problem> {
  try {
    const bytes = await readWholeFile(host.files, `${directory}/${manifestName}`)
    if (bytes === undefined) {
      yield { where: manifestName, what: 'it is not there' }
      return
    }
    amounts.files++
    amounts.bytes += bytes.length
    decodeManifest(bytes)
  } catch (error) {
    yield { where: manifestName, what: messageOf(error) }
  }
}

async function verifyCheckpointFile(
  { host, directory }: VerifyFilesOptions,
  info: { readonly name: string; readonly headerChecksum: number; readonly size: number },
): Promise<Problem | undefined> {
  const where = checkpointPath(info.name)
  const path = `${checkpointDirectoryOf(directory)}/${info.name}`
  const found = await readCheckpointHeader(host.files, path)
  if (found.type === 'unreadable') return { where, what: messageOf(found.error) }
  if (found.type !== 'header') return { where, what: `its header is ${found.type}` }
  if (found.checksum !== info.headerChecksum || found.size !== info.size) {
    return { where, what: 'it is not the file that the manifest names' }
  }
  try {
    const file = await host.files.open(path, 'read')
    try {
      const { timers } = host
      const damage = await checkSections({ file, path, header: found.header, timers })
      if (damage === undefined) return undefined
      return { where, what: `${damage.what} is damaged (${damage.kind})`, offset: damage.offset }
    } finally {
      await file.close()
    }
  } catch (error) {
    return { where, what: messageOf(error) }
  }
}

/**
 * A record may be half written at this moment, so what looks like a torn tail is none as long as
 * everything that is durable was read.
 */
async function* verifyLog(
  options: VerifyFilesOptions,
  amounts: ReadAmounts,
): AsyncGenerator<Problem> {
  const { host, directory, manifest, durableSequence } = options
  if (manifest.segments.length === 0) return
  const wrongTimes: number[] = []
  const isNeeded = durableSequence > manifest.checkpoint.sequence
  const first = Math.max(manifest.segments[0]?.firstSequence ?? 1, 1)
  try {
    const log = await readLog(
      {
        host,
        directory: logDirectoryOf(directory),
        databaseId: hexToBytes(manifest.databaseId),
        expected: manifest.segments,
        firstSequence: first,
        durableSequenceFloor: isNeeded ? durableSequence : 0,
      },
      ({ sequence, systemTime }) => {
        amounts.records++
        const commits = options.commits()
        const isKnown = sequence <= commits.sequence
        if (!isKnown || commits.systemTime(sequence) !== systemTime) wrongTimes.push(sequence)
      },
    )
    amounts.files += log.segments
    amounts.bytes += log.bytes
    const { ending } = log
    if (ending.type === 'damaged') {
      const { file, offset, kind, sequenceExpected } = ending
      const what = `commit ${sequenceExpected} can't be read (${kind})`
      yield { where: `log/${file}`, what, offset }
    }
  } catch (error) {
    yield { where: 'log', what: messageOf(error) }
  }
  // After a time without a log it leads on from the checkpoint, and from no earlier one.
  const start = manifest.checkpoint.sequence + 1
  if (manifest.isLogged && first > start) {
    yield { where: 'log', what: `it does not go back to commit ${start}` }
  }
  for (const sequence of wrongTimes) {
    yield { where: `commit ${sequence}`, what: 'the log gives it another system time' }
  }
}

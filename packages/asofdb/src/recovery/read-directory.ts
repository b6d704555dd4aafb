import type { Settings } from '../checkpoint/manifest.ts'
import { placedHost, type Places } from '../checkpoint/placed-files.ts'
import { BatchApplier } from '../commit/apply.ts'
import type { Host, Timers } from '../host/host.ts'
import { type DatabaseError, isDatabaseError } from '../rules/errors.ts'
import { must } from '../rules/invariant.ts'
import { Tables } from '../versions/tables.ts'
import { describe, prepareDirectory } from './open-directory.ts'
import { namesInside, placesOf } from './part-directory.ts'
import { readPaths } from './placement.ts'
import { refusal } from './refusal.ts'
import type { RecoveryReport } from './report.ts'
import { RetryingFiles } from './retrying-files.ts'
import { survey } from './survey.ts'
import { judge } from './verdict.ts'

/** What lay in the files of a database at some moment while they were read. */
export interface ReadDirectory {
  readonly tables: Tables
  readonly report: RecoveryReport
  readonly databaseId: string
  readonly settings: Settings
  readonly places: Places
}

/** Pauses before another look, in milliseconds. */
const pausesMs = [10, 20, 40, 80, 160, 320] as const

/**
 * Reads the files of a database without taking its directory, and writes nothing. Its owner may
 * write meanwhile: then a checkpoint or a segment may go that was about to be read, which looks
 * like damage. What is refused is looked at again, therefore, until it is refused after all pauses.
 * What is accepted is a state that the database was in: the manifest says which files belong
 * together, and the log ends where a whole record does.
 *
 * Throws as `openDirectory` does, but for what only writing meets.
 */
export async function readDirectory(options: {
  readonly host: Host
  readonly directory: string
}): Promise<ReadDirectory> {
  for (const pauseMs of pausesMs) {
    try {
      return await readOnce(options)
    } catch (error) {
      if (!isDatabaseError(error) || isFinal(error)) throw error
    }
    await pause(options.host.timers, pauseMs)
  }
  return readOnce(options)
}

/** Whether it is of no use to look again. */
function isFinal({ code }: DatabaseError): boolean {
  return code === 'NotADatabase' || code === 'FormatTooNew'
}

function pause(timers: Timers, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    timers.after(delayMs, resolve, { keepsProcess: true })
  })
}

async function readOnce({
  host,
  directory,
}: {
  readonly host: Host
  readonly directory: string
}): Promise<ReadDirectory> {
  const startMs = host.clock.monotonicMs()
  await prepareDirectory(host.files, directory, false)
  const { elsewhere = {} } = (await readPaths(host.files, directory)) ?? {}
  const places = placesOf(directory, elsewhere)
  const hidden = namesInside(directory, elsewhere)
  const reading = new RetryingFiles(placedHost(host, { directory, places, hidden }))
  const tables = new Tables()
  const applier = new BatchApplier(tables)
  const evidence = await survey({ host: reading.host, directory, create: false, tables, applier })
  const { letter, reaction } = judge(evidence.facts, 'strict')
  if (reaction.kind !== 'open') throw refusal(directory, { evidence, letter })
  const { databaseId, settings } = must(evidence.manifest, 'the manifest').manifest
  const report = {
    ...describe(evidence, reaction.outcome),
    row: letter,
    retries: reading.retries,
    durationMs: host.clock.monotonicMs() - startMs,
    isReadOnly: true,
    readOnlyReason: 'it was opened beside its owner, with openReadOnly',
  }
  return { tables, report, databaseId, settings, places }
}

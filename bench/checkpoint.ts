import type { CheckpointAnswer, CheckpointFigures, RunFigures } from './checkpoint-tasks.ts'
import { makeRow, type Row } from './report.ts'
import { scaled, type Setting } from './setting.ts'
import { runTask } from './tasks.ts'
import { isObject } from './values.ts'

const databaseBytesFull = 2_000_000_000
const commitsPerSecond = 50_000
const runMsFull = 20_000
const checkpointsFull = 20
const stallMsMax = 10
const amplificationMax = 1.2

/**
 * What checkpoints do to those who commit meanwhile, in a database of 2 GB, and how much they
 * write for what is new. Commits are acknowledged before they are in the log, which no timer syncs:
 * what a sync costs is the business of `bench modes`.
 */
export async function benchCheckpoint(setting: Setting): Promise<Row[]> {
  const databaseBytes = scaled(setting, databaseBytesFull, 2_000_000)
  const runMs = scaled(setting, runMsFull, 100)
  const checkpoints = scaled(setting, checkpointsFull, 4)
  setting.say(`Building ${databaseBytes} bytes, then committing for ${(runMs * 3) / 1000} s ...`)
  const folder = setting.workspace.folder('checkpoint')
  const sizes = [databaseBytes, commitsPerSecond, runMs, checkpoints]
  const answer = await runTask(
    setting,
    { name: 'measureCheckpoints', call: { folder, sizes } },
    isCheckpointAnswer,
  )
  const { calm, whole, steady, first, others } = answer
  const gigabytes = `${(answer.databaseBytes / 1e9).toPrecision(2)} GB`
  return [
    ...stallRows(whole, calm, { id: 'whole', what: `while all ${gigabytes} are written` }),
    ...stallRows(steady, calm, { id: 'steady', what: 'while small checkpoints follow' }),
    ...rateRows({ calm, whole, steady }),
    makeRow(
      { id: 'checkpoint.whole.duration', what: `a checkpoint of all ${gigabytes}`, unit: 's' },
      first.durationMs / 1000,
      { against: 'a limit of 200 MB/s', theirs: first.bytesWritten / 200e6 },
    ),
    ...amplificationRows(others),
  ]
}

function stallRows(
  run: RunFigures,
  calm: RunFigures,
  { id, what }: { readonly id: string; readonly what: string },
): Row[] {
  const unit = 'ms'
  const same = 'the same run without checkpoints'
  const limit = { against: `limit ${stallMsMax} ms`, theirs: stallMsMax }
  const p999 = `a turn of the event loop (p99.9) ${what}`
  const longest = `the longest turn ${what}`
  const rowId = (figure: string): string => `checkpoint.${id}.${figure}`
  return [
    makeRow({ id: rowId('p999'), what: p999, unit }, run.p999Ms, limit),
    makeRow({ id: rowId('p999.calm'), what: p999, unit }, run.p999Ms, {
      against: same,
      theirs: calm.p999Ms,
    }),
    makeRow({ id: rowId('longest'), what: longest, unit }, run.longestMs, limit),
    makeRow({ id: rowId('longest.calm'), what: longest, unit }, run.longestMs, {
      against: same,
      theirs: calm.longestMs,
    }),
  ]
}

function rateRows(runs: Readonly<Record<string, RunFigures>>): Row[] {
  return Object.entries(runs).map(([name, run]) =>
    makeRow(
      { id: `checkpoint.${name}.rate`, what: 'small commits meanwhile', unit: 'commits/s' },
      run.commitsPerSecond,
      { against: `asked for: ${commitsPerSecond}`, theirs: commitsPerSecond },
    ),
  )
}

/** Bytes written, the manifest twice, for a byte that the tables gained. */
function amplificationRows(made: readonly CheckpointFigures[]): Row[] {
  const unit = 'bytes'
  const limit = { against: `limit ${amplificationMax}`, theirs: amplificationMax }
  const pure = made.filter(({ filesAbsorbed }) => filesAbsorbed === 0)
  const absorbing = `all ${made.length} checkpoints, those that merge files included`
  return [
    makeRow(
      {
        id: 'checkpoint.amplification',
        what: `bytes written for a new byte, by ${pure.length} checkpoints that merge no files`,
        unit,
      },
      amplificationOf(pure),
      limit,
    ),
    makeRow(
      { id: 'checkpoint.amplification.merging', what: `the same, ${absorbing}`, unit },
      amplificationOf(made),
      { against: 'limit 4', theirs: 4 },
    ),
  ]
}

function amplificationOf(made: readonly CheckpointFigures[]): number {
  const written = made.reduce((sum, one) => sum + one.bytesWritten + 2 * one.manifestBytes, 0)
  return written / made.reduce((sum, one) => sum + one.bytesNew, 0)
}

function isCheckpointAnswer(value: unknown): value is CheckpointAnswer {
  const names = ['databaseBytes', 'calm', 'whole', 'steady', 'first', 'others']
  return isObject(value) && names.every((name) => Reflect.has(value, name))
}

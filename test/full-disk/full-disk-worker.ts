/**
 * A process on a small disk of its own: `node full-disk-worker.js DISK TASK`, a `FullDiskTask` as
 * JSON. Leaves room for nothing, then for a block more, and so on until nothing fails any more;
 * prints a `FullDiskReport` as JSON.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Mode } from '../kills/modes.ts'
import { Ballast } from './ballast.ts'
import { runOnFullDisk } from './full-disk-run.ts'

export interface FullDiskTask {
  readonly mode: Mode
  readonly seed: string
  /** Bytes by which there is more room each time; undefined: files run out, one by one. */
  readonly stepBytes: number | undefined
  /** A folder on another disk. */
  readonly outside: string
}

export interface FullDiskReport {
  readonly runs: number
  /** Runs in which something was refused. */
  readonly refused: number
  /** How often there was no room, by what was being written. */
  readonly hits: Readonly<Record<string, number>>
  /** Different places in files at which there was none. */
  readonly positions: number
  readonly openedWhileFull: number
  readonly problems: readonly string[]
}

/** After so many runs in which nothing was missed there is room for everything. */
const calmRunsMax = 4
const runsMax = 2000
const problemsMax = 10

async function work(disk: string, task: FullDiskTask): Promise<FullDiskReport> {
  const { mode, seed, stepBytes, outside } = task
  const ballast = new Ballast(disk)
  const directory = join(disk, 'database')
  const hits: Record<string, number> = {}
  const positions = new Set<string>()
  const problems: string[] = []
  let [runs, refused, openedWhileFull, calmRuns] = [0, 0, 0, 0]
  for (; calmRuns < calmRunsMax && runs < runsMax && problems.length < problemsMax; runs++) {
    const step = Math.floor(runs / 2)
    if (stepBytes === undefined) ballast.leaveEntries(step)
    else ballast.leaveBytes(step * stepBytes)
    const steps = runs % 2 === 0 ? 'short segments' : 'long segments'
    const plan = { mode, seed: `${seed}/${runs}`, steps } as const
    const report = await runOnFullDisk(plan, { directory, outside }, () => ballast.remove())
    for (const { place, position } of report.hits) {
      hits[place] = (hits[place] ?? 0) + 1
      positions.add(`${place} ${position}`)
    }
    if (report.errors.length > 0) refused += 1
    if (report.whileFull === 'opened' && report.errors.length > 0) openedWhileFull += 1
    calmRuns = report.hits.length === 0 && report.errors.length === 0 ? calmRuns + 1 : 0
    const room = stepBytes === undefined ? `${step} files` : `${step * stepBytes} bytes`
    problems.push(...report.problems.map((problem) => `room for ${room}, ${steps}: ${problem}`))
    rmSync(directory, { recursive: true, force: true })
  }
  return { runs, refused, hits, positions: positions.size, openedWhileFull, problems }
}

const [disk = '', task = ''] = process.argv.slice(-2)
// Whoever started it and is gone needs no answer, and the disk goes with this process.
process.stdin.once('end', () => process.exit()).resume()
work(disk, JSON.parse(task)).then(
  (report) => {
    process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit())
  },
  (error: unknown) => {
    console.error(error)
    process.exit(1)
  },
)

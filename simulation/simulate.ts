/** The command behind `npm run simulate`. */
import { parseArgs } from 'node:util'
import { readRegressions, simulate, type SimulationReport } from './campaign.ts'
import { explore } from './crash-explorer.ts'
import { total } from './crash-counts.ts'

const help = `npm run simulate -- [options]

Crashes a small workload at every write, sync, rename, create, remove, truncate and directory sync,
under the weakest disk model, and compares what opens afterwards with a reference model.

  --seed N                  the first seed (default 1)
  --seeds COUNT             how many seeds, counted up from the first (default 1)
  --broken-sync             a sync does nothing: to prove that the simulation would notice
  --broken-directory-sync   the same for the sync of a directory
  --json                    print the report as one JSON object
  --help                    print this

The exit code is 0 when everything passed, 1 when something failed, 2 when an option is wrong.
Workloads under simulation/regressions are replayed first.
`

const shrinkRunsMax = 80
const seedsPerLine = 50

function parseOptions() {
  return parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      seeds: { type: 'string', default: '1' },
      'broken-sync': { type: 'boolean', default: false },
      'broken-directory-sync': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }).values
}

function toCount(name: string, text: string, least: number): number {
  const count = Number(text)
  if (Number.isSafeInteger(count) && count >= least) return count
  throw new TypeError(`--${name} is a whole number from ${least}, not '${text}'`)
}

async function replayRegressions(): Promise<string | undefined> {
  for (const { name, workload } of readRegressions(new URL('regressions/', import.meta.url))) {
    const { failure } = await explore({ workload })
    if (failure === undefined) continue
    return `simulation/regressions/${name} fails again\n${failure.crashes.join('\n')}\n${failure.what}`
  }
  return undefined
}

function printReport(report: SimulationReport): void {
  const { counts, failure } = report
  const list = (of: Record<string, number>) =>
    Object.entries(of)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', ')
  const lines = [
    `${report.seeds} seeds, ${counts.commits} commits, traces ${report.traceHash.slice(0, 40)}`,
    `${total(counts.points)} crash points: ${list(counts.points)}`,
    `${total(counts.crashes)} crashes: ${list(counts.crashes)}`,
    `${counts.nested} of them while a crash was being recovered from or soon after`,
    `${counts.states} different disks opened, ${counts.followed} of them written to and reopened`,
  ]
  if (failure === undefined) {
    console.log([...lines, 'PASSED'].join('\n'))
    return
  }
  const story = failure.crashes.map((crash) => `  ${crash}`)
  const { actions, ...rest } = failure.workload
  const workload = `${JSON.stringify(rest).slice(0, -1)},"actions":[\n${actions
    .map((action) => JSON.stringify(action))
    .join(',\n')}\n]}`
  lines.push('', `FAILED with seed ${failure.seed}; replay: ${failure.replay}`)
  lines.push('', ...story, failure.what, '', 'the workload, cut down:', workload)
  lines.push('', 'to keep it: store the workload as JSON under simulation/regressions/')
  console.log(lines.join('\n'))
}

async function main(): Promise<number> {
  let options: ReturnType<typeof parseOptions>
  let seed: number
  let seeds: number
  try {
    options = parseOptions()
    seed = toCount('seed', options.seed, 0)
    seeds = toCount('seeds', options.seeds, 1)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${help}`)
    return 2
  }
  if (options.help) {
    console.log(help)
    return 0
  }
  const regressed = await replayRegressions()
  if (regressed !== undefined) {
    console.log(options.json ? JSON.stringify({ passed: false, regressed }) : regressed)
    return 1
  }
  const { json } = options
  const report = await simulate({
    seed,
    seeds,
    brokenSync: options['broken-sync'],
    brokenDirectorySync: options['broken-directory-sync'],
    shrinkRunsMax,
    onSeed: (done) => {
      if (!json && done % seedsPerLine === 0) console.error(`${done} of ${seeds} seeds`)
    },
  })
  if (json) console.log(JSON.stringify(report))
  else printReport(report)
  return report.passed ? 0 : 1
}

process.exitCode = await main()

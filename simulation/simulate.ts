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
  --minutes N               as many seeds as begin within this time
  --broken-sync[=TEXT]      a sync does nothing (of files with TEXT in their path): to prove that
                            the simulation would notice
  --broken-directory-sync[=TEXT]  the same for the sync of a directory
  --json                    print the report as one JSON object
  --help                    print this

The exit code is 0 when everything passed, 1 when something failed, 2 when an option is wrong.
Workloads under simulation/regressions are replayed first.
`

const shrinkRunsMax = 80
const seedsPerLine = 50

const switches = ['broken-sync', 'broken-directory-sync'] as const

function parseOptions() {
  // A switch may go without its text, which parseArgs has no word for.
  const given = process.argv.slice(2)
  const args = given.map((one) => (switches.some((name) => one === `--${name}`) ? `${one}=*` : one))
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string', default: '1' },
      seeds: { type: 'string' },
      minutes: { type: 'string' },
      'broken-sync': { type: 'string' },
      'broken-directory-sync': { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const toBreakage = (text: string | undefined) => (text === '*' ? true : (text ?? false))
  return {
    seed: toCount('seed', values.seed, 0),
    seeds:
      values.seeds === undefined
        ? seedsWithin(values.minutes)
        : toCount('seeds', values.seeds, 1),
    minutes: values.minutes === undefined ? Infinity : toCount('minutes', values.minutes, 1),
    brokenSync: toBreakage(values['broken-sync']),
    brokenDirectorySync: toBreakage(values['broken-directory-sync']),
    isJson: values.json,
    isHelp: values.help,
  }
}

/** Who names a time and no count means: as many as there is time for. */
function seedsWithin(minutes: string | undefined): number {
  return minutes === undefined ? 1 : Infinity
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
    const crashes = failure.crashes.join('\n')
    return `simulation/regressions/${name} fails again\n${crashes}\n${failure.what}`
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
  try {
    options = parseOptions()
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${help}`)
    return 2
  }
  const { isJson, isHelp, minutes, ...switchesGiven } = options
  const endMs = performance.now() + minutes * 60_000
  if (isHelp) {
    console.log(help)
    return 0
  }
  const regressed = await replayRegressions()
  if (regressed !== undefined) {
    console.log(isJson ? JSON.stringify({ passed: false, regressed }) : regressed)
    return 1
  }
  const report = await simulate({
    ...switchesGiven,
    shrinkRunsMax,
    isTimeOver: () => performance.now() >= endMs,
    onSeed: (done) => {
      if (isJson || done % seedsPerLine !== 0) return
      const all = Number.isFinite(options.seeds) ? ` of ${options.seeds}` : ''
      console.error(`${done}${all} seeds`)
    },
  })
  if (isJson) console.log(JSON.stringify(report))
  else printReport(report)
  return report.passed ? 0 : 1
}

process.exitCode = await main()

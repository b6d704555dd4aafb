/** The command behind `npm run simulate`. */
import { parseArgs } from 'node:util'
import {
  simulate,
  type SimulationPart,
  simulationParts,
  type SimulationReport,
} from './campaign.ts'
import { total } from './crash-counts.ts'
import { readRegressions, replay } from './regressions.ts'
import type { SwarmCounts } from './swarm-counts.ts'

const help = `npm run simulate -- [options]

Makes two things of each seed, under the weakest disk model, and compares what the database answers
with a reference model:

  crashes  a small workload, crashed at every write, sync, rename, create, remove, truncate and
           directory sync
  swarm    several openings of one database with writers, readers, time travellers, a bank and its
           auditor, backups and others at work together; with a random mixture of modes, recovery
           policies, failing calls, full disks, crashes and damage at rest

  --seed N                  the first seed (default 1)
  --seeds COUNT             how many seeds, counted up from the first (default 1)
  --minutes N               as many seeds as begin within this time
  --part crashes|swarm      only one of the two
  --broken-sync[=TEXT]      a sync does nothing (of files with TEXT in their path): to prove that
                            the simulation would notice
  --broken-directory-sync[=TEXT]  the same for the sync of a directory
  --json                    print the report as one JSON object
  --help                    print this

The exit code is 0 when everything passed, 1 when something failed, 2 when an option is wrong.
A failure is cut down and printed as JSON. Those stored under simulation/regressions are replayed
first.
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
      part: { type: 'string' },
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
    part: toPart(values.part),
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

function toPart(text: string | undefined): SimulationPart | undefined {
  const part = simulationParts.find((one) => one === text)
  if (text === undefined || part !== undefined) return part
  throw new TypeError(`--part is one of ${simulationParts.join(', ')}, not '${text}'`)
}

async function replayRegressions(): Promise<string | undefined> {
  for (const regression of readRegressions(new URL('regressions/', import.meta.url))) {
    const failure = await replay(regression)
    if (failure === undefined) continue
    const crashes = failure.crashes.join('\n')
    return `simulation/regressions/${regression.name} fails again\n${crashes}\n${failure.what}`
  }
  return undefined
}

function list(of: Readonly<Record<string, number>>): string {
  const entries = Object.entries(of).sort(([, left], [, right]) => right - left)
  return entries.map(([kind, count]) => `${kind} ${count}`).join(', ')
}

function describeSwarm(swarm: SwarmCounts): string[] {
  const { lives, commits, answers, refusals, states } = swarm
  return [
    `${lives} lives with ${commits} acknowledged commits, which ended: ${list(swarm.endings)}`,
    `${total(swarm.actors)} acts: ${list(swarm.actors)}`,
    `${total(swarm.faults)} faults struck: ${list(swarm.faults)}`,
    `${total(swarm.damages)} damages at rest: ${list(swarm.damages)}`,
    `${total(swarm.recoveries)} openings: ${list(swarm.recoveries)}`,
    `${states} states compared whole, ${answers} answers, ${refusals} refusals shared`,
  ]
}

function printReport(report: SimulationReport, part: SimulationPart | undefined): void {
  const { counts, swarm, failure } = report
  const lines = [`${report.seeds} seeds, traces ${report.traceHash.slice(0, 40)}`]
  if (part !== 'swarm') {
    lines.push(
      `crashes: ${counts.commits} commits`,
      `${total(counts.points)} crash points: ${list(counts.points)}`,
      `${total(counts.crashes)} crashes: ${list(counts.crashes)}`,
      `${counts.nested} of them while a crash was being recovered from or soon after`,
      `${counts.states} different disks opened, ${counts.followed} written to and reopened`,
    )
  }
  if (part !== 'crashes') {
    const [first = '', ...others] = describeSwarm(swarm)
    lines.push(`swarm: ${first}`, ...others)
  }
  if (failure === undefined) {
    console.log([...lines, 'PASSED'].join('\n'))
    return
  }
  lines.push('', `FAILED with seed ${failure.seed}; replay: ${failure.replay}`, failure.mixture)
  lines.push('', ...failure.crashes.map((crash) => `  ${crash}`), failure.what)
  lines.push('', 'cut down:', JSON.stringify(failure.story))
  lines.push('', 'to keep it: store this line as a file under simulation/regressions/')
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
  else printReport(report, options.part)
  return report.passed ? 0 : 1
}

process.exitCode = await main()

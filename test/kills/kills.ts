/** The command behind `npm run kills`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { RandomStream } from '../../simulation/random.ts'
import { canSuspend, type KillCounts, killWriters } from './kill-campaign.ts'
import { type Mode, modeNamed, modes } from './modes.ts'
import { writeWriter } from './plain-modules.ts'

const help = `npm run kills -- [options]

Starts processes that commit to a database on the real disk, and kills them with SIGKILL: while they
open, write, begin a new segment of the log, make a checkpoint, and close. What was acknowledged is
counted on a pipe. After each kill the database must open by itself and hold a prefix of the commits
with everything the mode promises among it, equal to a model now and as of earlier commits, every
edge with both its ends, and pass verify. Where the platform can suspend a process, as many writers
again are suspended, and killed so or after going on; meanwhile a second opener must be refused.

  --times N    kills of running writers in each mode, and as many of suspended ones (default 20)
  --mode NAME  one mode (may be repeated): ${modes.map(({ name }) => name).join(', ')}
  --seed TEXT  what is written, and about when to kill; the moment itself is never the same twice
  --json       print the report as one JSON object
  --help       print this

The exit code is 0 when everything passed, 1 when something failed (the database is kept as the kill
left it, and its path is printed), 2 when an option is wrong.
`

const killsPerLine = 50

/** Whoever ends it early gets the disk back, too, and the usual exit code. */
const endings = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const

interface ModeReport extends KillCounts {
  readonly mode: string
  readonly seconds: number
}

function parseOptions() {
  const { values } = parseArgs({
    options: {
      times: { type: 'string', default: '20' },
      mode: { type: 'string', multiple: true },
      seed: { type: 'string', default: 'kills' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const times = Number(values.times)
  if (!Number.isSafeInteger(times) || times < 1) {
    throw new TypeError(`--times is a whole number from 1, not '${values.times}'`)
  }
  const names = values.mode ?? modes.map(({ name }) => name)
  const chosen = names.map(modeNamed)
  return { times, chosen, seed: values.seed, isJson: values.json, isHelp: values.help }
}

const columns: readonly (readonly [title: string, of: (report: ModeReport) => string | number])[] =
  [
    ['mode', ({ mode }) => mode],
    ['running', ({ running }) => running],
    ['suspended', ({ suspended }) => suspended],
    ['resumed', ({ resumed }) => resumed],
    ['refused', ({ refused }) => refused],
    ['acknowledged', ({ acknowledged }) => acknowledged],
    ['recovered', ({ recovered }) => recovered],
    ['lost', ({ lost }) => lost],
    ['torn bytes', ({ tornBytes }) => tornBytes],
    ['opening', ({ phases }) => phases.opening],
    ['committing', ({ phases }) => phases.committing],
    ['rotating', ({ phases }) => phases.rotating],
    ['checkpointing', ({ phases }) => phases.checkpointing],
    ['closing', ({ phases }) => phases.closing],
    ['closed', ({ phases }) => phases.closed],
    ['seconds', ({ seconds }) => Math.round(seconds)],
  ]

const legend = `
running, suspended, resumed: killed while it ran, while it was suspended, after it had gone on
refused: openers turned away beside a suspended owner
acknowledged, recovered: commits told on the pipe; commits that the next opening found
lost: acknowledged, not promised by the mode to outlive the process, and gone
torn bytes: cut by openings from the end of the log
opening to closed: what the writer was doing when it died`

function printTable(reports: readonly ModeReport[]): void {
  const rows = [
    columns.map(([title]) => title),
    ...reports.map((report) => columns.map(([, of]) => of(report).toLocaleString('en'))),
  ]
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  for (const row of rows) {
    const [name = '', ...figures] = row.map((text, at) => {
      const width = widths[at] ?? 0
      return at === 0 ? text.padEnd(width) : text.padStart(width)
    })
    console.log([name, ...figures].join('  '))
  }
  console.log(legend)
}

async function runMode(mode: Mode, times: number, place: { seed: string; folder: string }) {
  const { seed, folder } = place
  const began = performance.now()
  const total = canSuspend ? 2 * times : times
  const counts = await killWriters({
    mode,
    times,
    random: new RandomStream(`${seed}/${mode.name}`),
    module: writeWriter(join(folder, `engine-${mode.name}`)),
    folder: join(folder, 'databases'),
    onKill: (kills) => {
      if (kills % killsPerLine === 0 || kills === total) {
        console.error(`${mode.name}: ${kills} of ${total} kills`)
      }
    },
  })
  return { mode: mode.name, ...counts, seconds: (performance.now() - began) / 1000 }
}

async function main(): Promise<number> {
  let options: ReturnType<typeof parseOptions>
  try {
    options = parseOptions()
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${help}`)
    return 2
  }
  const { times, chosen, seed, isJson, isHelp } = options
  if (isHelp) {
    console.log(help)
    return 0
  }
  const folder = mkdtempSync(join(tmpdir(), 'asof-kills-'))
  for (const [signal, code] of endings) {
    process.once(signal, () => {
      rmSync(folder, { recursive: true, force: true })
      process.exit(code)
    })
  }
  const reports: ModeReport[] = []
  let failure: string | undefined
  try {
    for (const mode of chosen) reports.push(await runMode(mode, times, { seed, folder }))
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  if (isJson) {
    const passed = failure === undefined
    console.log(
      JSON.stringify({ passed, seed, times, modes: reports, ...(passed ? {} : { failure }) }),
    )
  } else {
    printTable(reports)
    console.log(failure === undefined ? '\nPASSED' : `\nFAILED: ${failure}`)
  }
  return failure === undefined ? 0 : 1
}

process.exitCode = await main()

/**
 * `npm run --silent bench -- NAME [--json]`: measures one part of AsOf beside the engines of npm
 * that do the same, or beside the limit it should keep. docs/benchmarks.md explains every row.
 */
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { benchAsOf } from './asof.ts'
import { benchCheckpoint } from './checkpoint.ts'
import { benchCommit } from './commit.ts'
import { benchHotCounter } from './hot-counter.ts'
import { benchImport } from './import.ts'
import { benchKeys } from './keys.ts'
import { benchMemory } from './memory.ts'
import { benchOpen } from './open.ts'
import { benchModes } from './modes.ts'
import { loadPeers, type Peers } from './installed-peers.ts'
import { benchRead } from './read.ts'
import { describeMachine, type Report, renderReport } from './report.ts'
import { type Bench, readScale, roundsAt } from './setting.ts'
import { traceCommits } from './trace.ts'
import { makeWorkspace } from './workspace.ts'

const benches: ReadonlyMap<string, Bench> = new Map([
  ['commit', benchCommit],
  ['read', benchRead],
  ['asof', benchAsOf],
  ['import', benchImport],
  ['open', benchOpen],
  ['memory', benchMemory],
  ['keys', benchKeys],
  ['counter', benchHotCounter],
  ['modes', benchModes],
  ['checkpoint', benchCheckpoint],
])

export const benchNames: readonly string[] = [...benches.keys()]

/** Runs one benchmark from the making of its data to the removal of its folder. */
export async function runBench(
  name: string,
  options: {
    readonly bench: Bench
    readonly peers: Peers
    readonly scale: number
    readonly areTasksInline?: boolean
    readonly say: (message: string) => void
  },
): Promise<Report> {
  const { bench, peers, scale, say, areTasksInline = false } = options
  const workspace = makeWorkspace()
  try {
    const rounds = roundsAt(scale)
    const rows = await bench({ peers, workspace, scale, rounds, say, areTasksInline })
    return { bench: name, machine: describeMachine(workspace.fileSystem), rows }
  } finally {
    workspace.remove()
  }
}

/** The benchmark of a name; undefined when there is none. */
export function findBench(name: string): Bench | undefined {
  return benches.get(name)
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean' }, trace: { type: 'boolean' } },
  })
  const [name = ''] = positionals
  const bench = values.trace === true && name === 'commit' ? traceCommits : findBench(name)
  if (bench === undefined || positionals.length !== 1) {
    process.stderr.write(
      `Usage: npm run --silent bench -- NAME [--json]\nNAME is one of ${benchNames.join(', ')}.\n` +
        'commit --trace shows what an acknowledgement means, with strace.\n' +
        'ASOF_BENCH_SCALE=0.01 makes everything a hundredth of its size.\n',
    )
    return 2
  }
  const say = (message: string): void => void process.stderr.write(`${message}\n`)
  const report = await runBench(name, { bench, peers: await loadPeers(), scale: readScale(), say })
  const text = values.json === true ? JSON.stringify(report) : renderReport(report)
  process.stdout.write(`${text}\n`)
  return 0
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await main()
}

import { stat } from 'node:fs/promises'
import { open } from 'asofdb'
import type { Arguments } from '../arguments.ts'
import type { Command, CommandContext } from '../command.ts'
import { CommandFailure, exitCodes, usageFailure } from '../failure.ts'
import { chunksOf, explainRead } from '../keys/input-file.ts'
import { notationHelp, openForWriting } from '../keys/key-arguments.ts'
import { type BadLine, loadDump, type LoadReport } from '../keys/load-dump.ts'
import { fit, printable } from '../output/display-width.ts'
import { jsonText } from '../output/json.ts'
import { countText, plural, secondsText } from '../output/number-text.ts'
import { Progress } from '../output/progress.ts'
import { styleOf } from '../output/style.ts'
import { mustBeAtMost, mustHaveFolder } from '../session.ts'

const usage = 'keys load DIR FILE'
const batchDefault = 1000
const badLinesShown = 10

export const keysLoadCommand: Command = {
  name: 'keys load',
  summary: 'takes over keys from JSON lines: a dump, or lines from anywhere',
  usage: 'DIR FILE [options]; FILE - is standard input',
  examples: [
    { command: 'asof keys load copy keys.jsonl', meaning: 'a dump into a database, new or not' },
    { command: 'zcat users.gz | asof keys load copy -', meaning: 'from a pipe' },
    {
      command: 'asof keys list db users --json | asof keys load db - --keyspace copy',
      meaning: 'one keyspace into another',
    },
    { command: 'asof keys load copy rows.jsonl --skip-bad', meaning: 'leave bad lines out' },
  ],
  details: [
    [
      'A line is {"keyspace":"users","key":"ada","value":…} in typed JSON; "valid":[FROM,TO]',
      'says when it holds (default: always), "isDeleted":true in place of a value that it',
      'does not. A key that holds the same already is left alone, so the same command can be',
      'run again after Ctrl-C.',
    ].join('\n'),
    [
      'A dump with --versions makes a commit of each commit, with the system time that it',
      'had; they are added behind what is there, so they go into a new database. Run again,',
      'it goes on where it stopped. Keyspaces without a retention rule get the one to keep',
      'for ever.',
    ].join('\n'),
    [
      'Memory is bounded by the longest line and the largest commit. A line that cannot be',
      'used ends it with file and line, and exit code 1; the lines before it are loaded.',
    ].join('\n'),
    notationHelp,
  ],
  options: {
    keyspace: {
      type: 'string',
      value: 'SPACE',
      help: 'put all keys there, whatever the lines say',
    },
    batch: { type: 'string', value: 'N', help: `so many in one commit (default: ${batchDefault})` },
    'skip-bad': { type: 'boolean', help: 'leave out lines that cannot be used, and report them' },
    quiet: { type: 'boolean', short: 'q', help: 'no progress' },
    json: { type: 'boolean', help: 'the summary as JSON' },
  },
  async run(input, context) {
    const folder = mustHaveFolder(input, usage)
    const [, path] = input.positionals
    mustBeAtMost(input, 2, usage)
    if (path === undefined || path === '') {
      throw usageFailure('which file?', { hint: `usage: asof ${usage}; - is standard input` })
    }
    if (input.text('keyspace') === '') throw usageFailure('--keyspace takes a name')
    // A folder is made only when there is something to put into it.
    const size = await sizeOf(path)
    const { terminal } = context
    const began = performance.now()
    const report = await load(folder, { path, size, input, context })
    const seconds = (performance.now() - began) / 1000
    if (input.flag('json')) terminal.write(jsonText({ ...report, seconds }))
    else terminal.write(`${summaryLines(report, seconds, context).join('\n')}\n`)
    if (report.isComplete) return exitCodes.ok
    terminal.note('stopped; the same command goes on\n')
    return exitCodes.interrupted
  },
}

/** 0 where it is not known. Throws where there is nothing to read. */
async function sizeOf(path: string): Promise<number> {
  if (path === '-') return 0
  try {
    const status = await stat(path)
    if (status.isDirectory()) throw new CommandFailure(`${path} is a folder, not a file`)
    return status.size
  } catch (error) {
    throw explainRead(path, error)
  }
}

interface Load {
  readonly path: string
  readonly size: number
  readonly input: Arguments
  readonly context: CommandContext
}

async function load(folder: string, { path, size, input, context }: Load): Promise<LoadReport> {
  const { terminal, signal } = context
  const batchKeys = input.count('batch', { byDefault: batchDefault })
  const progress = input.flag('quiet') ? undefined : new Progress(terminal, 'keys', 0)
  const name = path === '-' ? 'standard input' : path
  const badLines = new BadLines(name, context)
  const onBadLine = (bad: BadLine): void => badLines.add(bad)
  await using database = await open(folder, openForWriting)
  try {
    return await loadDump(database, chunksOf(path), {
      name,
      keyspace: input.text('keyspace'),
      batchKeys,
      signal,
      ...(input.flag('skip-bad') ? { onBadLine } : {}),
      onProgress: ({ keys, offset }) => progress?.update(keys, { done: offset, of: size }),
    })
  } finally {
    progress?.end()
    badLines.end()
  }
}

/** Tells of lines that were left out: the first ones, and how many more. */
class BadLines {
  readonly #name: string
  readonly #context: CommandContext
  #count = 0

  constructor(name: string, context: CommandContext) {
    this.#name = name
    this.#context = context
  }

  add({ line, problem, text }: BadLine): void {
    if (++this.#count > badLinesShown) return
    const { terminal } = this.#context
    const begin = terminal.isInteractive ? '\r\u001b[K' : ''
    terminal.note(`${begin}${this.#name}:${line}: ${problem}: ${fit(printable(text), 60)}\n`)
  }

  end(): void {
    const more = this.#count - badLinesShown
    if (more > 0) this.#context.terminal.note(`… and ${plural(more, 'more bad line')}\n`)
  }
}

function summaryLines(report: LoadReport, seconds: number, { terminal }: CommandContext): string[] {
  const { keys, alreadyLoaded, bad, commits, keyspaces } = report
  const rate = countText(keys / Math.max(seconds, 0.001))
  return [
    `${styleOf(terminal).bold('Loaded')} ${plural(keys, 'statement')} in ` +
      `${plural(commits, 'commit')}: ${secondsText(seconds)}, ${rate} a second`,
    `  keyspaces: ${keyspaces.length === 0 ? 'none' : keyspaces.map(printable).join(', ')}`,
    ...(alreadyLoaded > 0 ? [`  ${countText(alreadyLoaded)} were here from an earlier run`] : []),
    ...(bad > 0 ? [`  ${plural(bad, 'bad line')} left out`] : []),
  ]
}

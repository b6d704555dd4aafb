import type { Database, View } from 'asofdb'
import type { Arguments } from '../arguments.ts'
import type { Command, CommandContext } from '../command.ts'
import { absentFailure, exitCodes, usageFailure } from '../failure.ts'
import { endJson, headerJson } from '../keys/dump-lines.ts'
import { FileTarget } from '../keys/file-target.ts'
import { keyViewOf, notationHelp, pointOptions } from '../keys/key-arguments.ts'
import { keyCommits } from '../keys/key-history.ts'
import { LineOutput, standardOutput } from '../keys/line-output.ts'
import { periodToJson } from '../keys/period-json.ts'
import { valueToJson } from '../keys/typed-json.ts'
import { plural } from '../output/number-text.ts'
import { Progress } from '../output/progress.ts'
import { mustHaveFolder, viewText, withDatabase } from '../session.ts'

const usage = 'keys dump DIR [SPACE …]'

export const keysDumpCommand: Command = {
  name: 'keys dump',
  summary: 'all keys as JSON lines, without loss; with --versions, their whole histories',
  usage: 'DIR [SPACE …] [options]',
  examples: [
    { command: 'asof keys dump db --out keys.jsonl', meaning: 'every keyspace into a file' },
    { command: 'asof keys dump db users | gzip > users.gz', meaning: 'one keyspace into a pipe' },
    { command: 'asof keys dump db | asof keys load copy -', meaning: 'into another database' },
    { command: 'asof keys dump db --system 2024-06-01', meaning: 'what was known on a day' },
    {
      command: 'asof keys dump db --versions --out history.jsonl',
      meaning: 'every version of every key, with both its times',
    },
  ],
  details: [
    [
      'A line is {"keyspace":"users","key":"ada","value":…}; keys and values are typed JSON.',
      'Without --versions it has what holds at one moment, and load makes it hold always.',
      'With --versions it has every statement, by commit, with who said so and why, and load',
      'gives a database in which each commit has the system time that it had. What retention',
      'has forgotten is in no dump; nodes and edges are not either (asof backup has',
      'everything).',
    ].join('\n'),
    [
      'It is written as fast as it is read and no faster, in little memory. The last line',
      'counts the lines, so that load knows a dump that was cut off. A file given with --out',
      'is there whole or, after Ctrl-C and failures, as it was before.',
    ].join('\n'),
    notationHelp,
  ],
  options: {
    out: { type: 'string', value: 'FILE', help: 'write to a file instead of standard output' },
    versions: { type: 'boolean', help: 'whole histories' },
    ...pointOptions,
  },
  async run(input, context) {
    const folder = mustHaveFolder(input, usage)
    if (input.flag('versions') && input.text('valid') !== undefined) {
      throw usageFailure('--versions tells all valid times, so --valid has no place beside it')
    }
    const path = input.text('out')
    if (path === '') throw usageFailure('--out takes the name of a file')
    return withDatabase(folder, async (database) => {
      const view = keyViewOf(database, input)
      const keyspaces = keyspacesOf(database, view, input)
      if (path === undefined) {
        const lines = new LineOutput(standardOutput(context), context.signal)
        await dump({ database, view, keyspaces, lines, hasHistory: input.flag('versions') })
        return lines.stopReason === 'interrupted' ? exitCodes.interrupted : exitCodes.ok
      }
      return dumpToFile(path, { database, view, keyspaces, input, context })
    })
  },
}

/** Those that were named, or all. */
function keyspacesOf(database: Database, view: View, input: Arguments): readonly string[] {
  const known = view.keyspaces()
  const named = [...new Set(input.positionals.slice(1))]
  const unknown = named.find((one) => !known.includes(one))
  if (unknown === undefined) return named.length === 0 ? known : named
  throw absentFailure(`there is no keyspace ${unknown} (${viewText(database, view)})`, {
    hint: `the keyspaces are ${known.slice(0, 10).join(', ')}`,
  })
}

interface FileDump {
  readonly database: Database
  readonly view: View
  readonly keyspaces: readonly string[]
  readonly input: Arguments
  readonly context: CommandContext
}

async function dumpToFile(
  path: string,
  { database, view, keyspaces, input, context }: FileDump,
): Promise<number> {
  const { terminal, signal } = context
  const hasHistory = input.flag('versions')
  const noun = hasHistory ? 'version' : 'key'
  const target = await FileTarget.create(path)
  const lines = new LineOutput(target, signal)
  const progress = new Progress(terminal, `${noun}s`, 0)
  const onProgress = (count: number): void => progress.update(count)
  let count: number
  try {
    count = await dump({ database, view, keyspaces, lines, hasHistory, onProgress })
  } catch (error) {
    await target.discard()
    throw error
  } finally {
    progress.end()
  }
  if (lines.stopReason !== undefined) {
    await target.discard()
    terminal.note(`stopped; ${path} is as it was before\n`)
    return exitCodes.interrupted
  }
  await target.finish()
  terminal.note(`${plural(count, noun)} written to ${path}\n`)
  return exitCodes.ok
}

interface Dump {
  readonly database: Database
  readonly view: View
  readonly keyspaces: readonly string[]
  readonly lines: LineOutput
  readonly hasHistory: boolean
  readonly onProgress?: (count: number) => void
}

/** Writes lines until everything is written, or no more are wanted; returns how many statements. */
async function dump(options: Dump): Promise<number> {
  const { lines, hasHistory } = options
  lines.addJson(headerJson(hasHistory))
  const count = hasHistory ? await dumpHistory(options) : await dumpView(options)
  if (lines.stopReason === undefined) lines.addJson(endJson(count))
  await lines.flush()
  return count
}

async function dumpView({ view, keyspaces, lines, onProgress }: Dump): Promise<number> {
  let count = 0
  for (const keyspace of keyspaces) {
    for await (const { key, value } of view.keys(keyspace).range()) {
      lines.addJson({ keyspace, key: valueToJson(key), value: valueToJson(value) })
      count++
      if (!lines.isFull) continue
      onProgress?.(count)
      if (!(await lines.flush())) return count
    }
  }
  return count
}

async function dumpHistory(options: Dump): Promise<number> {
  const { database, view, keyspaces, lines, onProgress } = options
  let count = 0
  const { sequence: last } = view
  for (const commit of keyCommits(database, { keyspaces, sequence: last })) {
    const { sequence, system, meta, statements } = commit
    lines.addJson({
      commit: sequence,
      system: system.toString(),
      ...(meta === undefined ? {} : { meta: { ...meta } }),
    })
    for (const { keyspace, key, valid, value } of statements) {
      lines.addJson({
        keyspace,
        key: valueToJson(key),
        valid: periodToJson(valid),
        ...(value === undefined ? { isDeleted: true } : { value: valueToJson(value) }),
      })
      count++
      if (!lines.isFull) continue
      onProgress?.(count)
      if (!(await lines.flush())) return count
    }
  }
  return count
}

import type { KeyRange, KeyVersion } from 'asofdb'
import type { Arguments } from '../arguments.ts'
import type { Command, CommandContext } from '../command.ts'
import { absentFailure, exitCodes, usageFailure } from '../failure.ts'
import {
  boundOptions,
  hasBounds,
  keyOptions,
  keyViewOf,
  limitOf,
  mustHaveKey,
  mustHaveKeyspace,
  notationHelp,
  orderOptions,
  pointOptions,
  rangeOf,
  shownKey,
  titleOf,
} from '../keys/key-arguments.ts'
import { LineOutput, standardOutput } from '../keys/line-output.ts'
import { periodToJson } from '../keys/period-json.ts'
import { type Json, typedText, valueToJson } from '../keys/typed-json.ts'
import { tableLines } from '../output/table.ts'
import { instantText, periodText, valueText } from '../output/value-text.ts'
import { mustBeAtMost, mustHaveFolder, viewText, withDatabase } from '../session.ts'

const usage = 'keys versions DIR SPACE [KEY]'
const limitDefault = 20

export const keysVersionsCommand: Command = {
  name: 'keys versions',
  summary: 'everything that was ever stated about a key, or about all within bounds',
  usage: 'DIR SPACE [KEY] [options]',
  examples: [
    { command: 'asof keys versions db users ada', meaning: 'one key, oldest first' },
    { command: 'asof keys versions db users --prefix a', meaning: 'all that begin so' },
    {
      command: 'asof keys versions db users ada --sequence 12',
      meaning: 'as known after commit 12',
    },
    { command: 'asof keys versions db users --json', meaning: 'all, a line of typed JSON each' },
  ],
  details: [
    [
      'By key, and of each key oldest first: the commit, its system time, the valid time that',
      'the statement is about, and the value, or that it is deleted. --skip and --limit count',
      `keys, of which text shows ${limitDefault} unless --limit says how many. What the`,
      'retention of a keyspace has forgotten is not shown; a point before that is',
      'HistoryPruned.',
    ].join('\n'),
    notationHelp,
  ],
  options: {
    ...keyOptions,
    ...boundOptions,
    ...orderOptions,
    limit: { type: 'string', short: 'n', value: 'N', help: 'at most so many keys; 0: none' },
    system: pointOptions.system,
    sequence: pointOptions.sequence,
    json: { type: 'boolean', help: 'a line of typed JSON for each version' },
  },
  async run(input, context) {
    const folder = mustHaveFolder(input, usage)
    const keyspace = mustHaveKeyspace(input, usage)
    mustBeAtMost(input, 3, usage)
    const isOne = input.positionals[2] !== undefined
    if (isOne && hasBounds(input)) throw usageFailure('give KEY or bounds, not both')
    const key = isOne ? mustHaveKey(input, usage) : undefined
    const range = key === undefined ? rangeOf(input) : { gte: key, lte: key }
    return withDatabase(folder, async (database) => {
      const view = keyViewOf(database, input)
      const keys = view.keys(keyspace)
      if (key !== undefined && keys.versions(range).next().done === true) {
        const title = titleOf(keyspace, key)
        throw absentFailure(`nothing was ever stated about ${title} (${viewText(database, view)})`)
      }
      const showing = { versionsOf: (of: KeyRange) => keys.versions(of), range, input, context }
      return input.flag('json') ? showJson(showing) : showText(showing)
    })
  },
}

interface Showing {
  readonly versionsOf: (range: KeyRange) => Iterable<KeyVersion>
  readonly range: KeyRange
  readonly input: Arguments
  readonly context: CommandContext
}

function versionToJson({ key, sequence, system, valid, value }: KeyVersion): {
  [name: string]: Json
} {
  return {
    key: valueToJson(key),
    sequence: sequence ?? null,
    system: system?.toString() ?? null,
    valid: periodToJson(valid),
    ...(value === undefined ? { isDeleted: true } : { value: valueToJson(value) }),
  }
}

async function showJson({ versionsOf, range, input, context }: Showing): Promise<number> {
  const lines = new LineOutput(standardOutput(context), context.signal)
  for (const version of versionsOf({ ...range, limit: limitOf(input, Infinity) })) {
    lines.addJson(versionToJson(version))
    if (lines.isFull && !(await lines.flush())) break
  }
  await lines.flush()
  return lines.stopReason === 'interrupted' ? exitCodes.interrupted : exitCodes.ok
}

async function showText({ versionsOf, range, input, context }: Showing): Promise<number> {
  const { terminal } = context
  const limit = limitOf(input, limitDefault)
  const lines = new LineOutput(standardOutput(context), context.signal)
  let current: string | undefined
  let title = ''
  let rows: string[][] = []
  let keys = 0
  const handOver = (): Promise<boolean> => {
    if (rows.length > 0) lines.add(title)
    for (const line of tableLines(rows, terminal.columns)) lines.add(line)
    rows = []
    return lines.isFull ? lines.flush() : Promise.resolve(true)
  }
  for (const version of versionsOf({ ...range, limit: limit + 1 })) {
    const identity = typedText(version.key)
    if (identity !== current) {
      if (!(await handOver()) || ++keys > limit) break
      current = identity
      title = shownKey(version.key)
    }
    const { sequence, system, valid, value } = version
    const known = `  #${sequence ?? ''}  ${instantText(system ?? null)}`
    rows.push([known, periodText(valid), value === undefined ? 'deleted' : valueText(value)])
  }
  await handOver()
  await lines.flush()
  if (keys > limit) terminal.note('… and more keys; --limit shows more of them, --json all\n')
  return lines.stopReason === 'interrupted' ? exitCodes.interrupted : exitCodes.ok
}

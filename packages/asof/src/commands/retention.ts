import type { Retention, RetentionTarget } from 'asofdb'
import type { Arguments } from '../arguments.ts'
import type { Command } from '../command.ts'
import { exitCodes, usageFailure } from '../failure.ts'
import { type StoredRule, storedRules, targetText } from '../forgetting-lines.ts'
import { jsonText } from '../output/json.ts'
import { styleOf } from '../output/style.ts'
import { tableLines } from '../output/table.ts'
import { mustBeAtMost, mustHaveFolder, readOptions, withDatabase } from '../session.ts'
import { targetNames, targetOptions } from '../target-names.ts'

const usage = 'DIR [options]'

const unitsMs = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
} as const

export const retentionCommand: Command = {
  name: 'retention',
  summary: 'lists or sets how long what was known is told',
  usage,
  examples: [
    { command: 'asof retention history', meaning: 'the rules there are' },
    {
      command: 'asof retention history --keyspace cache --keep present',
      meaning: 'of these keys only what is known now',
    },
    {
      command: 'asof retention history --label Session --type VISITS --keep 30d',
      meaning: 'questions as of the last 30 days are answered',
    },
    {
      command: 'asof retention history --keyspace accounts --keep forever',
      meaning: 'whoever opens the database keeps the past of these keys',
    },
    { command: 'asof retention history --label Session --keep default', meaning: 'no rule' },
  ],
  details: [
    'What has no rule is kept for ever, keys excepted: of those a program keeps only what they\n' +
      'hold now, unless it opens the database with another keyRetention. Commands keep all.',
    'A rule is a commit; it takes effect at the next asof prune DIR, and by itself when there\n' +
      'is as much to reclaim as there is of all else. It is about system time: what was valid\n' +
      'in the past stays, what was corrected or replaced goes.',
  ],
  options: {
    ...targetOptions,
    keep: {
      type: 'string',
      value: 'HOW',
      help: 'forever, present, default, or a number with s, m, h, d or w, such as 30d',
    },
    json: readOptions.json,
  },
  async run(input, { terminal }) {
    const folder = mustHaveFolder(input, `retention ${usage}`)
    mustBeAtMost(input, 1, `retention ${usage}`)
    const targets = targetsOf(input)
    const keep = keepOf(input)
    if (keep === undefined && targets.length > 0) {
      const hint = '--keep forever, --keep present or --keep 30d'
      throw usageFailure('keep it how long?', { hint })
    }
    if (keep !== undefined && targets.length === 0) {
      throw usageFailure('keep what?', { hint: 'name a --label, a --type or a --keyspace' })
    }
    return withDatabase(folder, async (database) => {
      if (keep !== undefined) {
        await database.write((tx) => {
          for (const target of targets) tx.setRetention(target, keep)
        })
      }
      const rules = storedRules(database)
      if (input.flag('json')) {
        terminal.write(jsonText({ path: database.path, retention: rules }))
        return exitCodes.ok
      }
      const lines = [
        styleOf(terminal).bold(database.path),
        ...tableLines(rules.map(rowOf), terminal.columns),
        '  other keyspaces: as the program says that opens the database, by default the present',
        '  all else is kept for ever',
      ]
      terminal.write(`${lines.join('\n')}\n`)
      return exitCodes.ok
    })
  },
}

function targetsOf(input: Arguments): RetentionTarget[] {
  return [
    ...targetNames(input, 'label').map((label) => ({ label })),
    ...targetNames(input, 'type').map((type) => ({ type })),
    ...targetNames(input, 'keyspace').map((keyspace) => ({ keyspace })),
  ]
}

function keepOf(input: Arguments): Retention | 'default' | undefined {
  const text = input.text('keep')
  const isWord = text === 'forever' || text === 'present' || text === 'default'
  if (text === undefined || isWord) return text
  const [, count, unit] = /^(\d{1,9})([smhdw])$/.exec(text) ?? []
  const known = Object.entries(unitsMs).find(([name]) => name === unit)
  if (known !== undefined) return { keepMs: Number(count) * known[1] }
  throw usageFailure(`--keep does not understand '${text}'`, {
    hint: 'forever, present, or a number with s, m, h, d or w, such as 30d',
  })
}

function rowOf({ of, keep }: StoredRule): string[] {
  return [`  ${targetText(of)}`, keepText(keep)]
}

/** As it was typed, in the largest unit that leaves no rest. */
function keepText(keep: Retention): string {
  if (keep === 'forever' || keep === 'present') return keep
  const { keepMs } = keep
  const units = Object.entries(unitsMs).reverse()
  const fitting = units.find(([, unitMs]) => keepMs > 0 && keepMs % unitMs === 0)
  return fitting === undefined ? `${keepMs} ms` : `${keepMs / fitting[1]}${fitting[0]}`
}

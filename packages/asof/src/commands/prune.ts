import type { Database, InstantInput, PruneReport } from 'asofdb'
import type { Arguments } from '../arguments.ts'
import type { Command } from '../command.ts'
import { exitCodes, usageFailure } from '../failure.ts'
import {
  compactionLine,
  forgettingWork,
  storedRules,
  targetText,
} from '../forgetting-lines.ts'
import { parseMoment, viewAt } from '../moment.ts'
import { jsonText } from '../output/json.ts'
import { type Style, styleOf } from '../output/style.ts'
import { instantText } from '../output/value-text.ts'
import { withProgress } from '../point-in-history.ts'
import { mustBeAtMost, mustHaveFolder, readOptions, withDatabase } from '../session.ts'
import { targetNames, targetOptions } from '../target-names.ts'

const usage = 'DIR [options]'

export const pruneCommand: Command = {
  name: 'prune',
  summary: 'forgets what was believed before a point and is not believed any more',
  usage,
  examples: [
    { command: 'asof prune history', meaning: 'what the retention rules say; see asof retention' },
    {
      command: 'asof prune history --before 2024-01-01',
      meaning: 'of everything: what was corrected or replaced before that day',
    },
    {
      command: 'asof prune history --keyspace cache --label Session --before now',
      meaning: 'of these only the present stays',
    },
    {
      command: 'asof prune history --before "#1200" --no-compact',
      meaning: 'before a commit; the room is given back later, by asof compact',
    },
  ],
  details: [
    'The point is one of system time: what the database knew then, and knows since, stays,\n' +
      'the past of valid time included. What is asked as of an earlier point is HistoryPruned\n' +
      'then. It cannot be undone; asof backup or asof fork first if in doubt.',
    'A node keeps as much as the label that keeps most. To make things as if they had never\n' +
      'been told there is asof erase.',
  ],
  options: {
    before: {
      type: 'string',
      value: 'TIME',
      help: 'the horizon: a time, #12, commit:1d2f3c or now (default: now for what is named)',
    },
    ...targetOptions,
    'no-compact': { type: 'boolean', help: 'leave memory and files as they are for now' },
    json: readOptions.json,
  },
  async run(input, context) {
    const folder = mustHaveFolder(input, `prune ${usage}`)
    mustBeAtMost(input, 1, `prune ${usage}`)
    const labels = namesOf(input, 'label')
    const types = namesOf(input, 'type')
    const keyspaces = namesOf(input, 'keyspace')
    const { terminal } = context
    return withProgress(context, forgettingWork, (long) =>
      withDatabase(folder, async (database) => {
        const before = horizonOf(database, input)
        const compact = !input.flag('no-compact')
        const chosen = { before, labels, types, keyspaces, compact }
        const report = await database.prune({ ...chosen, ...long })
        if (input.flag('json')) terminal.write(jsonText(report))
        else terminal.write(`${pruneLines(database, report, styleOf(terminal)).join('\n')}\n`)
        return exitCodes.ok
      }),
    )
  },
}

/** Undefined when none was given. */
function namesOf(
  input: Arguments,
  option: keyof typeof targetOptions,
): readonly string[] | undefined {
  const names = targetNames(input, option)
  return names.length === 0 ? undefined : names
}

/** The system time that `--before` names; that of a commit for `#12` and `commit:`. */
function horizonOf(database: Database, input: Arguments): InstantInput | undefined {
  const text = input.text('before')
  if (text === undefined) return undefined
  if (text === '') throw usageFailure('--before takes a time')
  const moment = parseMoment({ text, option: '--before' })
  if (moment.kind === 'instant') return moment.instant
  const { sequence } = viewAt(database, { valid: { kind: 'now' }, system: moment })
  return database.commit(sequence)?.system
}

function pruneLines(database: Database, report: PruneReport, style: Style): string[] {
  const path = style.bold(database.path)
  const { sequence, horizons, compaction } = report
  if (sequence === undefined) {
    const hint =
      storedRules(database).length === 0
        ? ['  no retention is set either; asof prune --help shows what can be named']
        : []
    return [`${path}: nothing to prune, every horizon is there already`, ...hint]
  }
  return [
    `${path}: pruned in #${sequence}`,
    ...horizons.map((horizon) => {
      const system = database.commit(horizon.sequence)?.system
      const known = system === undefined ? '' : `, ${instantText(system)}`
      return `  ${targetText(horizon.of)}: told as of #${horizon.sequence}${known} and later`
    }),
    compaction === undefined
      ? '  the room is given back by asof compact'
      : compactionLine(compaction),
  ]
}

import {
  type Database,
  type ErasureReport,
  type ErasureTarget,
  isDatabaseError,
  type KeyInput,
} from 'asofdb'
import type { Arguments } from '../arguments.ts'
import type { Command, CommandContext } from '../command.ts'
import { absentFailure, exitCodes, usageFailure } from '../failure.ts'
import { compactionLine, forgettingWork } from '../forgetting-lines.ts'
import { jsonText } from '../output/json.ts'
import { plural } from '../output/number-text.ts'
import { type Style, styleOf } from '../output/style.ts'
import { withProgress } from '../point-in-history.ts'
import { jsonKeys } from '../selector.ts'
import { mustHaveFolder, readOptions, withDatabase } from '../session.ts'

const usage = 'DIR ID... --yes or DIR --keyspace SPACE --key KEY --yes'

export const eraseCommand: Command = {
  name: 'erase',
  summary: 'makes nodes, edges and keys as if they had never been told',
  usage,
  examples: [
    { command: 'asof show history person:ada@example.org', meaning: 'which id is it?' },
    { command: 'asof erase history 5 --yes', meaning: 'node 5 with all edges it ever had' },
    { command: 'asof erase history 9 node:13 edge:6 --yes', meaning: 'several at once' },
    {
      command: 'asof erase history --keyspace users --key ada --yes',
      meaning: 'a key, its name included; --key may be repeated, and may be JSON',
    },
  ],
  details: [
    'It cannot be undone, which --yes says that you know. What is erased is absent at every\n' +
      'point of both times, and when the command ends no file of the database holds a byte of\n' +
      'it. The ids stay taken. Names of labels, types, properties and keyspaces stay, and who\n' +
      'committed, why and from what source.',
    'Backups made before hold it still: bring them up to date with asof backup, or delete\n' +
      'them. Files in quarantine may hold anything and are not looked into: they are named, and\n' +
      'the exit code is 1. After Ctrl-C or a crash asof compact finishes what was begun, and so\n' +
      'does a program that opens the database.',
  ],
  options: {
    keyspace: { type: 'string', value: 'SPACE', help: 'where the keys are' },
    key: { type: 'string', multiple: true, value: 'KEY', help: 'a key to erase; repeatable' },
    yes: { type: 'boolean', help: 'do it' },
    json: readOptions.json,
  },
  async run(input, context) {
    const folder = mustHaveFolder(input, `erase ${usage}`)
    const ids = input.positionals.slice(1).map(idOf)
    const { keyspace, keys } = keysOf(input)
    if (ids.length + keys.length === 0) {
      throw usageFailure('erase what?', { hint: `usage: asof erase ${usage}` })
    }
    if (!input.flag('yes')) {
      throw usageFailure('nothing was erased, because it cannot be undone', {
        hint: 'add --yes to the same command to do it',
      })
    }
    return withProgress(context, forgettingWork, (long) =>
      withDatabase(folder, async (database) => {
        const found = keys.map((text) => findKey(database, keyspace, text))
        const targets = [...ids, ...found]
        const report = await eraseExisting(database, () => database.erase(targets, long))
        return tell(database, report, { input, context })
      }),
    )
  },
}

function tell(
  database: Database,
  report: ErasureReport,
  { input, context }: { readonly input: Arguments; readonly context: CommandContext },
): number {
  const { terminal } = context
  if (input.flag('json')) terminal.write(jsonText(report))
  else terminal.write(`${erasureLines(database.path, report, styleOf(terminal)).join('\n')}\n`)
  return report.remaining.length === 0 ? exitCodes.ok : exitCodes.failed
}

function idOf(text: string): number {
  const [, kind, digits] = /^(?:(node|edge):)?(\d{1,15})$/.exec(text) ?? []
  const id = Number(digits)
  const own = id % 4 === 1 ? 'node' : id % 4 === 2 ? 'edge' : undefined
  if (own !== undefined && (kind === undefined || kind === own)) return id
  throw usageFailure(`'${text}' is not the id of a node or an edge`, {
    hint: 'ids of nodes are 1, 5, 9 …; ids of edges are 2, 6, 10 …; asof show tells them',
  })
}

function keysOf(input: Arguments): { readonly keyspace: string; readonly keys: readonly string[] } {
  const keyspace = input.text('keyspace')
  const keys = input.list('key')
  const isBoth = keyspace !== undefined && keys.length > 0
  if (isBoth || (keyspace === undefined && keys.length === 0)) {
    return { keyspace: keyspace ?? '', keys }
  }
  throw usageFailure('a key is named by --keyspace and --key, both', {
    hint: `usage: asof erase ${usage}`,
  })
}

/** A key that is a number or a tuple is written as JSON. */
function findKey(database: Database, keyspace: string, text: string): ErasureTarget {
  const reader = database.keys(keyspace)
  const isKnown = (key: KeyInput): boolean => reader.provenance(key).length > 0
  const key = [text, ...jsonKeys(text)].find(isKnown)
  if (key !== undefined) return { keyspace, key }
  throw absentFailure(`there is no key ${text} in ${keyspace}, at any time; nothing was erased`)
}

/** An id that was never given is what is not there. */
async function eraseExisting(
  database: Database,
  erase: () => Promise<ErasureReport>,
): Promise<ErasureReport> {
  const { sequence } = database
  try {
    return await erase()
  } catch (error) {
    const isUnknown = isDatabaseError(error, 'InvalidArgument') && database.sequence === sequence
    if (!isUnknown) throw error
    throw absentFailure(error.message, { hint: 'asof show DIR lists what there is' })
  }
}

function erasureLines(path: string, report: ErasureReport, style: Style): string[] {
  const { sequence, nodes, edges, keys, remaining, backupsBefore, backups } = report
  const what = `${plural(nodes, 'node')}, ${plural(edges, 'edge')}, ${plural(keys, 'key')}`
  const first =
    nodes + edges + keys === 0
      ? `${style.bold(path)}: all of it was erased before`
      : `${style.bold(path)}: erased in #${sequence}: ${what}`
  return [
    first,
    compactionLine(report.compaction),
    ...(remaining.length === 0
      ? ['  no file of the database holds a byte of it']
      : ['  these files may hold it still:']),
    ...remaining.map(({ name, why }) => `    ${name}: ${why}`),
    `  backups last made before #${backupsBefore} hold it: bring them up to date, or delete them`,
    ...backups.map((backup) => `    ${backup.directory}: last made at #${backup.sequence}`),
  ]
}

import type { Database, KeyTransaction, Value } from 'asofdb'
import type { Arguments } from '../arguments.ts'
import type { Command } from '../command.ts'
import { absentFailure, CommandFailure, exitCodes, usageFailure } from '../failure.ts'
import {
  boundOptions,
  boundsOf,
  hasBounds,
  hasPeriod,
  keyOptions,
  metaOf,
  metaOptions,
  mustHaveKey,
  mustHaveKeyspace,
  notationHelp,
  openForWriting,
  periodOf,
  periodOptions,
  titleOf,
} from '../keys/key-arguments.ts'
import { typedText } from '../keys/typed-json.ts'
import { printable } from '../output/display-width.ts'
import { jsonLine } from '../output/json.ts'
import { plural } from '../output/number-text.ts'
import { mustBeAtMost, mustHaveFolder, withDatabase } from '../session.ts'
import { givenValue, valueOptions } from './keys-put.ts'

const usage = 'keys delete DIR SPACE KEY'

export const keysDeleteCommand: Command = {
  name: 'keys delete',
  summary: 'takes away the value of a key, or of all keys within bounds',
  usage: 'DIR SPACE KEY [options] or DIR SPACE (--prefix P | --gte A --lt B | … | --all) [options]',
  examples: [
    { command: 'asof keys delete db users ada', meaning: 'one key' },
    { command: 'asof keys delete db users --prefix tmp/', meaning: 'all that begin so' },
    { command: "asof keys delete db events --lt '[2024]' -k", meaning: 'all before a tuple' },
    { command: 'asof keys delete db cache --all', meaning: 'the whole keyspace' },
    { command: 'asof keys delete db locks job --if me', meaning: 'only if it holds that' },
  ],
  details: [
    [
      'It happens at once, in one commit, and tells how many keys. The past stays: --sequence',
      'of asof keys get shows what was there, as long as the retention of the keyspace says.',
      'To make keys as if they had never been told there is asof erase.',
    ].join('\n'),
    'A single key that holds nothing is exit code 4; of bounds without keys 0 are deleted.',
    notationHelp,
  ],
  options: {
    ...keyOptions,
    ...boundOptions,
    all: { type: 'boolean', help: 'every key of the keyspace' },
    if: { type: 'string', value: 'VALUE', help: 'only if it holds this; typed JSON with -v' },
    ...valueOptions,
    ...periodOptions,
    ...metaOptions,
    json: { type: 'boolean', help: 'what happened, as a line of JSON' },
  },
  async run(input, { terminal }) {
    const folder = mustHaveFolder(input, usage)
    const keyspace = mustHaveKeyspace(input, usage)
    mustBeAtMost(input, 3, usage)
    const isRange = hasBounds(input) || input.flag('all')
    const remove = isRange ? removerOfRange(input) : removerOfKey(input, keyspace)
    const work = async (database: Database): Promise<number> => {
      const before = database.sequence
      const deleted = await database.write((tx) => remove(tx.keys(keyspace)), {
        meta: metaOf(input),
      })
      const sequence = database.sequence === before ? null : database.sequence
      if (input.flag('json')) terminal.write(jsonLine({ keyspace, deleted, sequence }))
      else {
        const where = sequence === null ? '' : ` in #${sequence}`
        terminal.write(`${printable(keyspace)}: ${plural(deleted, 'key')} deleted${where}\n`)
      }
      return exitCodes.ok
    }
    return withDatabase(folder, work, openForWriting)
  },
}

/** Deletes something, and returns how many keys. */
type Remover = (keys: KeyTransaction) => number

function removerOfRange(input: Arguments): Remover {
  const clash = input.positionals[2] !== undefined ? 'KEY' : undefined
  const other = input.text('if') === undefined ? undefined : '--if'
  const period = hasPeriod(input) ? '--from and --to' : undefined
  const wrong = clash ?? other ?? period
  if (wrong !== undefined) throw usageFailure(`bounds and --all take no ${wrong} beside them`)
  if (hasBounds(input) && input.flag('all')) throw usageFailure('give bounds or --all, not both')
  const bounds = boundsOf(input)
  return (keys) => keys.clear(bounds)
}

function removerOfKey(input: Arguments, keyspace: string): Remover {
  if (input.positionals[2] === undefined) {
    throw usageFailure('which key?', {
      hint: `usage: asof ${usage}, or bounds such as --prefix P, or --all for the whole keyspace`,
    })
  }
  const key = mustHaveKey(input, usage)
  const title = titleOf(keyspace, key)
  const text = input.text('if')
  if (text === undefined) {
    const period = periodOf(input)
    return (keys) => {
      if (keys.delete(key, period) > 0) return 1
      throw absentFailure(`${title} holds nothing, so nothing was deleted`)
    }
  }
  if (hasPeriod(input)) {
    throw usageFailure('--if looks at one moment, so --from and --to have no place beside it')
  }
  const expected = givenValue(input, { text, place: '--if' })
  return (keys) => {
    if (keys.compareAndDelete(key, expected)) return 1
    throw new CommandFailure(`${title} holds ${held(keys.get(key))}, so nothing was deleted`)
  }
}

function held(value: Value | undefined): string {
  return value === undefined ? 'nothing' : typedText(value)
}

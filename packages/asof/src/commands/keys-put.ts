import { isUtf8 } from 'node:buffer'
import { type Database, type KeyInput, open, type Value } from 'asofdb'
import type { Arguments } from '../arguments.ts'
import type { Command } from '../command.ts'
import { CommandFailure, exitCodes, usageFailure } from '../failure.ts'
import { readValueFile } from '../keys/input-file.ts'
import {
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
  type Typed,
  typed,
} from '../keys/key-arguments.ts'
import { parseTyped, typedText, valueToJson } from '../keys/typed-json.ts'
import { jsonLine } from '../output/json.ts'
import { mustBeAtMost, mustHaveFolder, withDatabase } from '../session.ts'

const usage = 'keys put DIR SPACE KEY VALUE'

export const valueOptions = {
  'json-value': {
    type: 'boolean',
    short: 'v',
    help: 'VALUE is typed JSON: 7, {"age":36}, {"$date":"2024-06-01"}',
  },
} as const

export const keysPutCommand: Command = {
  name: 'keys put',
  summary: 'gives a key a value',
  usage: 'DIR SPACE KEY VALUE [options] or DIR SPACE KEY --file FILE [options]',
  examples: [
    { command: 'asof keys put db users ada "Ada Lovelace"', meaning: 'text' },
    {
      command: 'asof keys put db users ada \'{"name":"Ada","born":1815}\' -v',
      meaning: 'a value that has parts; -v: typed JSON',
    },
    { command: 'asof keys put db files logo.png --file logo.png', meaning: 'the bytes of a file' },
    { command: 'date | asof keys put db log last --file - --text', meaning: 'text from a pipe' },
    { command: 'asof keys put db locks job me --if-absent', meaning: 'only if it holds nothing' },
    { command: 'asof keys put db locks job you --if me', meaning: 'only if it holds that' },
    {
      command: 'asof keys put db prices tea 3 -v --from 2025-01-01 --who ada --why "new year"',
      meaning: 'holds from a day on; the value before that day stays',
    },
  ],
  details: [
    [
      'VALUE is text unless -v says that it is typed JSON. A condition that is not met is',
      'exit code 1, and nothing is written. It is durable when the command ends.',
    ].join('\n'),
    notationHelp,
  ],
  options: {
    ...keyOptions,
    ...valueOptions,
    file: {
      type: 'string',
      value: 'FILE',
      help: 'the value is what is in it, as bytes; - is stdin',
    },
    text: { type: 'boolean', help: 'with --file: as text in UTF-8' },
    'if-absent': {
      type: 'boolean',
      help: 'only if the key holds nothing at any time of the period',
    },
    if: { type: 'string', value: 'VALUE', help: 'only if it holds this; typed JSON with -v' },
    ...periodOptions,
    ...metaOptions,
    create: { type: 'boolean', help: 'make the database if there is none' },
    json: { type: 'boolean', help: 'what happened, as a line of JSON' },
  },
  async run(input, { terminal }) {
    const folder = mustHaveFolder(input, usage)
    const keyspace = mustHaveKeyspace(input, usage)
    const key = mustHaveKey(input, usage)
    mustBeAtMost(input, 4, usage)
    const condition = conditionOf(input)
    const value = await valueOf(input)
    if (input.flag('create')) await (await open(folder, openForWriting)).close()
    const work = async (database: Database): Promise<number> => {
      const put = { keyspace, key, value, condition }
      const found = await write(database, put, input)
      const { sequence } = database
      const isWritten = found === undefined
      const title = titleOf(keyspace, key)
      if (input.flag('json')) {
        const told = isWritten ? { sequence } : { holds: valueToJson(found.holds ?? null) }
        terminal.write(jsonLine({ keyspace, key: valueToJson(key), isWritten, ...told }))
      } else if (isWritten) terminal.write(`${title} is set in #${sequence}\n`)
      if (isWritten) return exitCodes.ok
      const holds = found.holds === undefined ? 'nothing' : typedText(found.holds)
      throw new CommandFailure(`${title} holds ${holds}, so nothing was written`)
    }
    return withDatabase(folder, work, openForWriting)
  },
}

type Condition =
  { readonly kind: 'none' | 'absent' } | { readonly kind: 'equals'; readonly value: Value }

function conditionOf(input: Arguments): Condition {
  const text = input.text('if')
  const isAbsent = input.flag('if-absent')
  if (text === undefined) return { kind: isAbsent ? 'absent' : 'none' }
  if (isAbsent) throw usageFailure('give --if or --if-absent, not both')
  if (hasPeriod(input)) {
    throw usageFailure('--if looks at one moment, so --from and --to have no place beside it')
  }
  return { kind: 'equals', value: givenValue(input, { text, place: '--if' }) }
}

/** A value as typed. */
export function givenValue(input: Arguments, { text, place }: Typed): Value {
  return input.flag('json-value') ? typed(place, () => parseTyped(text)) : text
}

async function valueOf(input: Arguments): Promise<Value> {
  const text = input.positionals[3]
  const path = input.text('file')
  if ((text === undefined) === (path === undefined)) {
    throw usageFailure(text === undefined ? 'which value?' : 'give VALUE or --file, not both', {
      hint: `usage: asof ${usage}, or --file FILE instead of VALUE`,
    })
  }
  if (path === undefined) {
    if (input.flag('text')) throw usageFailure('--text goes with --file; VALUE is text anyway')
    return givenValue(input, { text: text ?? '', place: 'VALUE' })
  }
  const isJson = input.flag('json-value')
  if (isJson && input.flag('text')) throw usageFailure('give --text or --json-value, not both')
  const bytes = await readValueFile(path)
  if (!isJson && !input.flag('text')) return new Uint8Array(bytes)
  if (!isUtf8(bytes)) throw new CommandFailure(`${path} is not text in UTF-8`)
  return isJson ? typed(path, () => parseTyped(bytes.toString('utf8'))) : bytes.toString('utf8')
}

interface Put {
  readonly keyspace: string
  readonly key: KeyInput
  readonly value: Value
  readonly condition: Condition
}

/** Undefined when it was written; else what the key holds. */
function write(
  database: Database,
  { keyspace, key, value, condition }: Put,
  input: Arguments,
): Promise<{ readonly holds: Value | undefined } | undefined> {
  const meta = metaOf(input)
  const period = periodOf(input)
  return database.write(
    (tx) => {
      const keys = tx.keys(keyspace)
      if (condition.kind === 'equals') {
        const isMet = keys.compareAndSet(key, condition.value, value)
        return isMet ? undefined : { holds: keys.get(key) }
      }
      if (condition.kind === 'none') keys.put(key, value, period)
      else keys.insert(key, value, period)
      return undefined
    },
    { meta },
  )
}

import type { KeyInput, Period, Value, View } from 'asofdb'
import type { Command, CommandContext } from '../command.ts'
import { absentFailure, CommandFailure, exitCodes } from '../failure.ts'
import {
  keyOptions,
  keyViewOf,
  mustHaveKey,
  mustHaveKeyspace,
  notationHelp,
  pointOptions,
  titleOf,
} from '../keys/key-arguments.ts'
import { typedText } from '../keys/typed-json.ts'
import { periodText } from '../output/value-text.ts'
import { mustBeAtMost, mustHaveFolder, viewText, withDatabase } from '../session.ts'

const usage = 'keys get DIR SPACE KEY'

export const keysGetCommand: Command = {
  name: 'keys get',
  summary: 'the value of a key, now or at any point of the two times',
  usage: 'DIR SPACE KEY [options]',
  examples: [
    { command: 'asof keys get db users ada', meaning: 'the value, and nothing else' },
    { command: 'asof keys get db users \'["eu",7]\' -k', meaning: 'a key that is a tuple' },
    { command: 'asof keys get db files logo.png --raw > logo.png', meaning: 'bytes as they are' },
    { command: 'asof keys get db users ada --sequence 12', meaning: 'as it was after commit 12' },
    {
      command: 'asof keys get db prices tea --valid 2025-01-01 --system 2024-06-01',
      meaning: 'what was believed in June to hold in the new year',
    },
  ],
  details: [
    [
      'Text is printed as it is, any other value as typed JSON on one line. A key that holds',
      'nothing is exit code 4, and the message says when it holds something, if ever.',
    ].join('\n'),
    notationHelp,
  ],
  options: {
    ...keyOptions,
    ...pointOptions,
    json: { type: 'boolean', help: 'text as typed JSON, too' },
    raw: { type: 'boolean', help: 'text or bytes exactly, without an end of line' },
  },
  async run(input, context) {
    const folder = mustHaveFolder(input, usage)
    const keyspace = mustHaveKeyspace(input, usage)
    const key = mustHaveKey(input, usage)
    mustBeAtMost(input, 3, usage)
    return withDatabase(folder, (database) => {
      const view = keyViewOf(database, input)
      const value = view.keys(keyspace).get(key)
      if (value === undefined) {
        throw absent(view, { keyspace, key, where: viewText(database, view) })
      }
      if (input.flag('raw')) writeRaw(value, titleOf(keyspace, key), context)
      else {
        const isPlain = typeof value === 'string' && !input.flag('json')
        context.terminal.write(`${isPlain ? value : typedText(value)}\n`)
      }
      return exitCodes.ok
    })
  },
}

interface Asked {
  readonly keyspace: string
  readonly key: KeyInput
  readonly where: string
}

/** Says when it holds something. */
function absent(view: View, { keyspace, key, where }: Asked): CommandFailure {
  const title = titleOf(keyspace, key)
  const parts: readonly { readonly valid: Period }[] = view.keys(keyspace).timeline(key)
  if (parts.length === 0) return absentFailure(`${title} holds nothing (${where})`)
  const times = parts.slice(-3).map(({ valid }) => periodText(valid))
  return absentFailure(`${title} holds nothing then (${where})`, {
    hint: `it holds something ${times.join(', ')}`,
  })
}

function writeRaw(value: Value, title: string, { terminal }: CommandContext): void {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    throw new CommandFailure(`${title} holds neither text nor bytes`, {
      hint: 'without --raw it is printed as typed JSON',
    })
  }
  terminal.write(value)
}

import type { Command } from '../command.ts'
import { usageFailure } from '../failure.ts'
import { notationHelp } from '../keys/key-arguments.ts'
import { keysDeleteCommand } from './keys-delete.ts'
import { keysDumpCommand } from './keys-dump.ts'
import { keysGetCommand } from './keys-get.ts'
import { keysListCommand } from './keys-list.ts'
import { keysLoadCommand } from './keys-load.ts'
import { keysPutCommand } from './keys-put.ts'
import { keysVersionsCommand } from './keys-versions.ts'
import { keysWatchCommand } from './keys-watch.ts'

const parts: readonly Command[] = [
  keysGetCommand,
  keysPutCommand,
  keysDeleteCommand,
  keysListCommand,
  keysVersionsCommand,
  keysWatchCommand,
  keysDumpCommand,
  keysLoadCommand,
]

const words = parts.map(({ name }) => name.slice('keys '.length))

export const keysCommand: Command = {
  name: 'keys',
  summary: `ordered keys and their values: ${words.join(', ')}`,
  usage: `${words.join('|')} DIR [SPACE] …`,
  examples: [
    { command: 'asof keys put db users ada "Ada Lovelace" --create', meaning: 'set a key' },
    { command: 'asof keys get db users ada', meaning: 'what it holds' },
    { command: 'asof keys get db users ada --sequence 12', meaning: 'and what it held then' },
    { command: 'asof keys list db users --prefix a', meaning: 'keys in their order' },
    { command: 'asof keys list db', meaning: 'which keyspaces there are' },
    {
      command: 'asof keys dump db | asof keys load copy -',
      meaning: 'all keys of a database into another, without loss',
    },
  ],
  details: [
    [
      'A keyspace is a name, and holds keys in order. A key is text unless -k says that it is',
      'typed JSON, and so is a value with -v. asof keys WORD --help has examples and options',
      'of each.',
    ].join('\n'),
    notationHelp,
  ],
  options: {},
  parts,
  run: () =>
    Promise.reject(
      usageFailure(`keys what: ${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}?`, {
        hint: 'asof keys --help shows examples',
      }),
    ),
}

import { writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { type Database, type KeyInput, open, type Value } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { keyCommits, toldCommits } from '../../packages/asof/src/keys/key-history.ts'
import { ByteWriter } from '../../packages/asofdb/src/encoding/bytes.ts'
import { keyToBytes } from '../../packages/asofdb/src/encoding/ordered-key.ts'
import { encodeValue } from '../../packages/asofdb/src/encoding/value.ts'
import {
  anyBytes,
  anyInstant,
  anyInt64,
  anyNumber,
  anyText,
  anyValue,
} from '../encoding/arbitrary-values.ts'
import { runCommand as run } from '../import/run-command.ts'
import { temporaryFolder } from '../import/temporary-folder.ts'

const place = temporaryFolder()
const seed = 20_240_229

const element: fc.Arbitrary<KeyInput> = fc.oneof(
  anyText,
  anyBytes,
  anyNumber.filter((number) => !Number.isNaN(number)),
  anyInt64,
  fc.boolean(),
  anyInstant,
)
const anyKey: fc.Arbitrary<KeyInput> = fc.oneof(
  element.filter((key) => !isEmpty(key)),
  fc.array(fc.oneof(element, fc.array(element, { maxLength: 2 })), { minLength: 1, maxLength: 3 }),
)

function isEmpty(key: KeyInput): boolean {
  return key === '' || (key instanceof Uint8Array && key.length === 0)
}

const keyspaces = ['a', 'ключи', 'a b\n']
const anyPeriod = fc.constantFrom(
  {},
  { validFrom: '2024-01-01' },
  { validFrom: '2020-01-01', validTo: '2024-06-01T00:00:00.000001Z' },
)

const anyWrite = fc.record({
  keyspace: fc.constantFrom(...keyspaces),
  key: anyKey,
  value: fc.option(anyValue, { nil: undefined }),
  period: anyPeriod,
  isAgain: fc.boolean(),
})
type Write = typeof anyWrite extends fc.Arbitrary<infer T> ? T : never

function hexOfKey(key: KeyInput): string {
  return Buffer.from(keyToBytes(key)).toString('hex')
}

function hexOfValue(value: Value | undefined): string {
  if (value === undefined) return 'deleted'
  const writer = new ByteWriter()
  encodeValue(writer, value, 'value')
  return Buffer.from(writer.copy()).toString('hex')
}

/** What every keyspace holds now. */
function present(database: Database): unknown[] {
  return keyspaces.map((keyspace) =>
    [...database.keys(keyspace).range()].map(({ key, value }) => [
      hexOfKey(key),
      hexOfValue(value),
    ]),
  )
}

/** All that is told of every keyspace, with the metadata of its commits. */
function history(database: Database): unknown[] {
  return keyspaces.flatMap((keyspace) =>
    [...database.keys(keyspace).versions()].map(({ key, sequence, system, valid, value }) => [
      keyspace,
      hexOfKey(key),
      String(system),
      `${String(valid.from)} ${String(valid.to)}`,
      hexOfValue(value),
      database.commit(sequence ?? 0)?.meta,
    ]),
  )
}

/** Commits of several writes each, with nodes between; some keys are written again. */
async function fill(database: Database, commits: readonly Write[][]): Promise<void> {
  const written: Write[] = []
  for (const [at, writes] of commits.entries()) {
    await database.write(
      (tx) => {
        if (at % 3 === 1) tx.createNode('Node', { at })
        for (const write of writes) {
          const earlier = write.isAgain ? written[written.length >> 1] : undefined
          const { keyspace, key } = earlier ?? write
          const { value, period } = write
          if (value === undefined) tx.keys(keyspace).delete(key, period)
          else tx.keys(keyspace).put(key, value, period)
          written.push({ ...write, keyspace, key })
        }
      },
      at % 2 === 0 ? {} : { meta: { who: `writer ${at}`, why: 'ü\ud800' } },
    )
  }
}

const anyHistory = fc.array(fc.array(anyWrite, { maxLength: 6 }), { minLength: 2, maxLength: 6 })

async function succeed(...args: string[]): Promise<string> {
  const { code, out, notes } = await run(...args)
  expect([code, notes]).toEqual([0, expect.not.stringContaining('asof:')])
  return out
}

describe('load(dump(database))', () => {
  let count = 0

  it('holds the same keys and values, of every type', async () => {
    await fc.assert(
      fc.asyncProperty(anyHistory, async (commits) => {
        const [from, to, file] = ['from', 'to', 'jsonl'].map((name) => place(`${++count}.${name}`))
        if (from === undefined || to === undefined || file === undefined) return
        await using original = await open(from, { durability: 'os', keyRetention: 'forever' })
        await fill(original, commits)
        const expected = present(original)
        await original.close()
        writeFileSync(file, await succeed('keys', 'dump', from))
        await succeed('keys', 'load', to, file, '--batch', '3')
        await using copy = await open(to)
        expect(present(copy)).toEqual(expected)
        await copy.close()
        expect(await succeed('keys', 'dump', to)).toBe(await succeed('keys', 'dump', from))
      }),
      { numRuns: 8, seed },
    )
  })

  it('with --versions tells the same of every point of the two times', async () => {
    await fc.assert(
      fc.asyncProperty(anyHistory, fc.boolean(), async (commits, isPruned) => {
        const [from, to, file] = ['from', 'to', 'jsonl'].map((name) => place(`${++count}.${name}`))
        if (from === undefined || to === undefined || file === undefined) return
        await using original = await open(from, { durability: 'os', keyRetention: 'forever' })
        await fill(original, commits)
        if (isPruned) await original.prune({ keyspaces: ['a'] })
        const expected = history(original)
        await original.close()
        await succeed('keys', 'dump', from, '--versions', '--out', file)
        await succeed('keys', 'load', to, file)
        await using copy = await open(to)
        expect(history(copy)).toEqual(expected)
      }),
      { numRuns: 8, seed },
    )
  })
})

describe('a history by commits', () => {
  it('is the same however few versions are held at a time', async () => {
    await fc.assert(
      fc.asyncProperty(anyHistory, fc.integer({ min: 0, max: 5 }), async (commits, versions) => {
        await using database = await open(':memory:', { keyRetention: 'forever' })
        await fill(database, commits)
        const { sequence } = database
        const selection = { keyspaces: keyspaces.slice(0, 2), sequence }
        const flat = (found: ReturnType<typeof keyCommits>): unknown[] =>
          [...found].flatMap(({ statements, ...commit }) =>
            statements
              .map(({ keyspace, key, valid, value }) =>
                JSON.stringify([commit, keyspace, hexOfKey(key), valid, hexOfValue(value)]),
              )
              .toSorted((a, b) => (a < b ? -1 : 1)),
          )
        const told = toldCommits(database, { ...selection, versionsAtATime: versions })
        expect(flat(told)).toEqual(flat(keyCommits(database, selection)))
      }),
      { numRuns: 60, seed },
    )
  })
})

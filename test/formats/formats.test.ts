import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'asofdb'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { expectError } from '../errors/caught.ts'
import {
  commits,
  compressed,
  describeDatabase,
  fixtures,
  importCommits,
  releases,
  segmentBytesMax,
} from './fixture.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'asof-formats-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

const released = readdirSync(releases)

function filesOf(directory: string): Map<string, string> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('LOCK'))
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort()
  return new Map(paths.map((path) => [path, readFileSync(path, 'latin1')]))
}

describe.each(released)('what release %s wrote', (release) => {
  const expected = readFileSync(join(releases, release, 'expected.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')

  function take(name: string): string {
    const path = join(folder, name)
    cpSync(join(releases, release, name), path, { recursive: true })
    return path
  }

  const whole = fixtures.filter(({ opens }) => opens === 'whole')

  test.each(whole)('opens whole where it was $name', async ({ name }) => {
    const path = take(name)
    for (let opening = 0; opening < 2; opening++) {
      const database = await open(path)
      expect(describeDatabase(database)).toEqual(expected)
      const { problems } = await database.verify()
      expect(problems).toEqual([])
      await database.close()
    }
  })

  test('goes on being written to', async () => {
    const path = take('killed')
    const database = await open(path)
    await database.write((tx) => tx.patch(1, { small: 44 }))
    await database.close()
    const again = await open(path)
    expect(describeDatabase(again).slice(0, commits.length)).toEqual(
      expected.slice(0, commits.length),
    )
    expect(again.node(1)?.get('small')).toBe(44)
    await again.close()
  })

  test('loses the commit whose end is torn off, and nothing else', async () => {
    const database = await open(take('torn'))
    expect(database.recovery.tornTail).not.toBeNull()
    const lines = [...database.changes()].length
    expect(lines).toBe(commits.length - 1)
    expect(describeDatabase(database).slice(0, lines)).toEqual(expected.slice(0, lines))
    await database.close()
  })

  test('is refused where its log is damaged, and stays as it is', async () => {
    const path = take('damaged-log')
    const before = filesOf(path)
    await expectError(() => open(path), {
      code: 'Corrupt',
      kind: 'corrupt',
      says: /log-[0-9a-f]+-[0-9a-f]+\.seg.*\d/,
    })
    expect(filesOf(path)).toEqual(before)
  })
})

describe.each(readdirSync(compressed))('checkpoints compressed with %s', (name) => {
  test('open whole, whatever compression is asked for, and are sound', async () => {
    const expected = readFileSync(join(releases, '0.1.0', 'expected.jsonl'), 'utf8')
    for (const checkpointCompression of ['none', 'lz4', 'deflate'] as const) {
      const path = join(folder, checkpointCompression)
      cpSync(join(compressed, name), path, { recursive: true })
      for (const bytes of filesOf(join(path, 'checkpoint')).values()) {
        expect(bytes.charCodeAt(60)).toBe(['none', 'lz4', 'deflate'].indexOf(name))
      }
      const database = await open(path, { checkpointCompression })
      expect(`${describeDatabase(database).join('\n')}\n`).toBe(expected)
      expect((await database.verify()).problems).toEqual([])
      await database.close()
    }
  })
})

test('this release answers as the newest fixtures do', async () => {
  const database = await open(join(folder, 'db'), { segmentBytesMax })
  await importCommits(database)
  const newest = released.sort().at(-1) ?? expect.unreachable()
  const expected = readFileSync(join(releases, newest, 'expected.jsonl'), 'utf8')
  expect(`${describeDatabase(database).join('\n')}\n`).toBe(expected)
  await database.close()
})

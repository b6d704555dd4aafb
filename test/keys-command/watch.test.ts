import { open } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { FollowedDatabase } from '../../packages/asof/src/keys/followed-database.ts'
import { runProgram } from '../../packages/asof/src/program.ts'
import { temporaryFolder } from '../import/temporary-folder.ts'

const place = temporaryFolder()

async function told(followed: FollowedDatabase): Promise<string[]> {
  const commits: string[] = []
  for await (const { sequence, changes } of followed.commits()) {
    commits.push(`${sequence}: ${changes.map(({ key }) => String(key)).join(' ')}`)
  }
  return commits
}

describe('a database that is followed', () => {
  it('tells each commit of what is watched once, while its owner writes', async () => {
    await using owner = await open(place('followed'), { keyRetention: 'forever' })
    await owner.write((tx) => tx.keys('a').put('x0', 1))
    const all = new FollowedDatabase(place('followed'), undefined, 0)
    const some = new FollowedDatabase(place('followed'), { keyspace: 'a', prefix: 'x' }, undefined)
    expect([await told(all), await told(some)]).toEqual([['1: x0'], []])
    expect([await told(all), await told(some)]).toEqual([[], []])
    await owner.write((tx) => tx.keys('a').put('x1', 1))
    await owner.write((tx) => tx.createNode('Person'))
    await owner.checkpoint()
    await owner.write((tx) => {
      tx.keys('b').put('x2', 1)
      tx.keys('a').put('x3', 1)
      tx.keys('a').delete('x1')
    })
    expect(await told(all)).toEqual(['2: x1', '4: x2 x3 x1'])
    expect(await told(some)).toEqual(['2: x1', '4: x3 x1'])
    await owner.close()
    expect([await told(all), await told(some)]).toEqual([[], []])
  })

  it('says so where what comes next was forgotten', async () => {
    await using owner = await open(place('pruned'))
    for (let at = 0; at < 3; at++) await owner.write((tx) => tx.keys('a').put('k', at))
    await owner.prune({ keyspaces: ['a'] })
    const followed = new FollowedDatabase(place('pruned'), { keyspace: 'a' }, 1)
    await expect(told(followed)).rejects.toMatchObject({ code: 'HistoryPruned' })
    // What was passed over may be forgotten.
    const passing = new FollowedDatabase(place('pruned'), { keyspace: 'a', prefix: 'x' }, 4)
    await owner.write((tx) => tx.keys('a').put('k', 9))
    expect(await told(passing)).toEqual([])
    await owner.prune({ keyspaces: ['a'] })
    await owner.write((tx) => tx.keys('a').put('x', 9))
    expect(await told(passing)).toEqual(['7: x'])
    const other = new FollowedDatabase(place('pruned'), { keyspace: 'b' }, 1)
    expect(await told(other)).toEqual([])
  })
})

it('asof keys watch goes on until it is stopped, beside the owner', async () => {
  await using owner = await open(place('owned'))
  await owner.write((tx) => tx.keys('a').put('k', 0))
  const stop = new AbortController()
  const lines: unknown[] = []
  const code = runProgram(
    ['keys', 'watch', place('owned'), 'a', '--after', '0', '--every', '0.05'],
    {
      signal: stop.signal,
      terminal: {
        write: (text) => {
          for (const line of String(text).trimEnd().split('\n')) lines.push(JSON.parse(line))
          if (lines.length < 3) void owner.write((tx) => tx.keys('a').put('k', lines.length))
          else stop.abort()
        },
        note: (text) => expect.unreachable(text),
        columns: 100,
        hasColor: false,
        isInteractive: false,
      },
    },
  )
  expect(await code).toBe(130)
  expect(lines).toMatchObject([
    { sequence: 1, changes: [{ key: 'k', value: 0 }] },
    { sequence: 2, changes: [{ key: 'k', value: 1 }] },
    { sequence: 3, changes: [{ key: 'k', value: 2 }] },
  ])
})

it('asof keys watch ends when nobody reads it any more', async () => {
  await using owner = await open(place('unread'))
  for (let at = 0; at < 3; at++) await owner.write((tx) => tx.keys('a').put('k', at))
  const code = await runProgram(['keys', 'watch', place('unread'), '--after', '0'], {
    signal: new AbortController().signal,
    terminal: {
      write: () => {},
      note: (text) => expect.unreachable(text),
      ready: () => Promise.resolve(false),
      columns: 100,
      hasColor: false,
      isInteractive: false,
    },
  })
  expect(code).toBe(0)
})

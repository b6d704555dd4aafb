import { describe, expect, it } from 'vitest'
import { day, importChecked, long, start } from './checked-import.ts'
import type { CommitSpec } from './git-repository.ts'
import { expectSoundTree, pathsOf } from './imported-history.ts'
import { temporaryFolder } from './temporary-folder.ts'

const place = temporaryFolder()
const imported = (name: string, commits: readonly CommitSpec[]) =>
  importChecked(place(name), commits)

describe('merges', () => {
  const first = {
    parents: [],
    authored: start,
    changes: [
      { path: 'a', content: long },
      { path: 'b', content: 'b' },
    ],
  }

  it('state only what neither branch has said', async () => {
    const { database } = await imported('merge', [
      first,
      { parents: [0], authored: start + day, changes: [{ path: 'a', content: `${long}\nours` }] },
      { parents: [0], authored: start + 2 * day, changes: [{ path: 'b', content: 'theirs' }] },
      { parents: [1, 2], authored: start + 3 * day, changes: [{ path: 'b', content: 'theirs' }] },
    ])
    const [merge] = [...database.nodes('Commit', { subject: 'commit 3' })]
    expect(database.targets(merge?.id ?? 0, 'CHANGED')).toEqual([])
  })

  it('may be evil: changes of their own, in files that no branch touched', async () => {
    const { database } = await imported('evil', [
      first,
      { parents: [0], authored: start + day, changes: [{ path: 'a', content: `${long}\nours` }] },
      { parents: [0], authored: start + 2 * day, changes: [{ path: 'c', content: 'theirs' }] },
      {
        parents: [1, 2],
        authored: start + 3 * day,
        changes: [
          { path: 'c', content: 'evil' },
          { path: 'b', content: 'evil' },
          { path: 'd', content: 'evil' },
          { path: 'a' },
        ],
      },
    ])
    const [merge] = [...database.nodes('Commit', { subject: 'commit 3' })]
    const changed = database.out(merge?.id ?? 0, 'CHANGED').map((edge) => edge.get('path'))
    expect(changed.map(String).sort()).toEqual(['b', 'c', 'd'])
    expect(merge?.get('deleted')).toEqual(['a'])
  })

  it('may throw a branch away, and may have many parents', async () => {
    const { database } = await imported('octopus', [
      first,
      { parents: [0], authored: start + day, changes: [{ path: 'x', content: '1' }] },
      {
        parents: [0],
        authored: start + 2 * day,
        changes: [{ path: 'y', content: '1' }, { path: 'b' }],
      },
      {
        parents: [0],
        authored: start + 3 * day,
        changes: [{ path: 'a' }, { path: 'moved', content: long }],
      },
      { parents: [0, 1, 2, 3], authored: start + 4 * day, changes: [] },
      { parents: [4], authored: start + 5 * day, changes: [{ path: 'z', content: 'z' }] },
    ])
    expect(pathsOf(database, 'File')).toEqual(['a', 'b', 'z'])
  })

  it('keep the history of a file that one branch moved and another one changed', async () => {
    const edited = `${long}\nedited`
    const { ever } = await imported('moved', [
      first,
      {
        parents: [0],
        authored: start + day,
        changes: [{ path: 'a' }, { path: 'z', content: long }],
      },
      { parents: [0], authored: start + 2 * day, changes: [{ path: 'a', content: edited }] },
      { parents: [1, 2], authored: start + 3 * day, changes: [{ path: 'z', content: edited }] },
    ])
    expect(ever('z')).toHaveLength(1)
    expect(ever('a')).toContain(ever('z')[0])
  })

  it('join histories that have no commit in common', async () => {
    const { database } = await imported('unrelated', [
      first,
      { parents: [], authored: start + day, changes: [{ path: 'other/root', content: '1' }] },
      {
        parents: [0, 1],
        authored: start + 2 * day,
        changes: [{ path: 'other/root', content: '1' }],
      },
    ])
    expect(pathsOf(database, 'File')).toEqual(['a', 'b', 'other/root'])
  })
})

describe('times', () => {
  it('let the newest known commit win, whatever its author date', async () => {
    const { database, at, ever } = await imported('back', [
      { parents: [], authored: start + 2 * day, changes: [{ path: 'dir/a', content: '1' }] },
      {
        parents: [0],
        authored: start + day,
        committed: start + 3 * day,
        changes: [{ path: 'dir/a', content: '2' }],
      },
      { parents: [1], authored: start + 4 * day, changes: [{ path: 'dir/b', content: '3' }] },
      {
        parents: [2],
        authored: start + 3 * day,
        committed: start + 5 * day,
        changes: [{ path: 'dir/b' }, { path: 'c', content: 'c' }],
      },
      { parents: [3], authored: start, committed: start + 6 * day, changes: [{ path: 'dir/a' }] },
    ])
    // It came on day 4 and went on day 3, so it was never there, as is known at the end.
    expect(ever('dir/b')).toEqual([])
    const known = database.asOf({ valid: at(2).valid, sequence: 2 })
    const [file] = [...known.nodes('File')]
    expect(file?.get('lastCommit')).toBe(database.commit(2)?.meta?.source)
  })

  it('take the next microsecond where the committer dates do not increase', async () => {
    const { database } = await imported('still', [
      { parents: [], authored: start, changes: [{ path: 'a', content: '1' }] },
      { parents: [0], authored: start, changes: [{ path: 'a', content: '2' }] },
      {
        parents: [1],
        authored: start,
        committed: start - day,
        changes: [{ path: 'a', content: '3' }],
      },
    ])
    const times = [1, 2, 3].map((sequence) => database.commit(sequence)?.system.epochMicroseconds)
    const first = BigInt(start) * 1_000_000n
    expect(times).toEqual([first, first + 1n, first + 2n])
  })

  it('let a move that was made earlier than the one known before take its place', async () => {
    const { database, ever } = await imported('moves', [
      { parents: [], authored: start, changes: [{ path: 'd1/a', content: long }] },
      {
        parents: [0],
        authored: start + 3 * day,
        changes: [{ path: 'd1/a' }, { path: 'd2/a', content: long }],
      },
      {
        parents: [1],
        authored: start + 2 * day,
        committed: start + 4 * day,
        changes: [{ path: 'd2/a' }, { path: 'd3/a', content: long }],
      },
    ])
    const [id = 0] = ever('d3/a')
    const between = database.asOf({ valid: BigInt(start + 2 * day) * 1_000_000n })
    const holding = between.sources(id, 'CONTAINS').map((one) => between.node(one)?.get('path'))
    expect(holding).toEqual(['d3'])
    expectSoundTree(between)
  })

  it('keep a directory as long as anything in it', async () => {
    const { database } = await imported('directory', [
      {
        parents: [],
        authored: start,
        changes: [
          { path: 'd/a', content: '1' },
          { path: 'd/b', content: '2' },
          { path: 'c', content: 'c' },
        ],
      },
      { parents: [0], authored: start + 4 * day, changes: [{ path: 'd/a' }] },
      {
        parents: [1],
        authored: start + 2 * day,
        committed: start + 5 * day,
        changes: [{ path: 'd/b' }],
      },
    ])
    const parts = [...database.match([{ node: 'd', label: 'Directory', where: { path: 'd' } }])]
    expect(parts.map(({ valid }) => valid.to?.epochSeconds)).toEqual([start + 4 * day])
  })
})

import { describe, expect, it } from 'vitest'
import { changesOf, type PathState } from './file-changes.ts'
import type { GitCommit, RawEntry } from './git-log.ts'

const mode = '100644'

function entry(status: string, path: string, more: Partial<RawEntry> = {}): RawEntry {
  return { status, mode, blob: 'new', path, oldPath: undefined, ...more }
}

function changes(
  entries: RawEntry[],
  tree: Record<string, string>,
  parents: string[] = ['p1'],
): string[] {
  const commit: GitCommit = {
    hash: 'h',
    parents,
    authorName: 'a',
    authorEmail: 'e',
    authoredSeconds: 0,
    committedSeconds: 0,
    subject: '',
    entries,
  }
  const believed = (path: string): PathState | undefined => {
    const blob = tree[path]
    return blob === undefined ? undefined : { mode, blob }
  }
  return changesOf(commit, believed).map((change) => {
    if (change.kind === 'delete') return `delete ${change.path}`
    const from = change.oldPath === undefined ? '' : ` from ${change.oldPath}`
    return `${change.kind} ${change.status} ${change.path}${from} ${change.blob}`
  })
}

describe('changes of an ordinary commit', () => {
  it('takes every entry, even one that states what is believed', () => {
    expect(changes([entry('M', 'a', { blob: 'old' })], { a: 'old' })).toEqual(['write M a old'])
  })

  it('deletes before it moves, and moves before it writes', () => {
    const entries = [entry('A', 'x/y'), entry('R', 'n', { oldPath: 'o' }), entry('D', 'x')]
    expect(changes(entries, { x: '1', o: '2' })).toEqual([
      'delete x',
      'move R n from o new',
      'write A x/y new',
    ])
  })

  it('writes a file that moves from where none is believed', () => {
    const moved = entry('R', 'n', { oldPath: 'o' })
    expect(changes([moved], {})).toEqual(['write R n from o new'])
  })

  it('keeps the file that a branch has already put where another one moves', () => {
    const moved = entry('R', 'n', { oldPath: 'o' })
    expect(changes([moved], { o: '1', n: '2' })).toEqual(['delete o', 'write R n from o new'])
  })

  it('moves one file only once', () => {
    const entries = [entry('R', 'n', { oldPath: 'o' }), entry('R', 'm', { oldPath: 'o' })]
    expect(changes(entries, { o: '1' })).toEqual(['move R n from o new', 'write R m from o new'])
  })
})

describe('changes of a merge', () => {
  const two = ['p1', 'p2']

  it('is nothing where the belief says the same', () => {
    const entries = [entry('M', 'a'), entry('M', 'b'), entry('D', 'c')]
    expect(changes(entries, { a: 'new', b: 'new' }, two)).toEqual([])
  })

  it('states every other outcome, whatever the parent it differs from', () => {
    const entries = [entry('M', 'a'), entry('A', 'b'), entry('D', 'c')]
    expect(changes(entries, { a: 'old', c: 'old' }, two)).toEqual([
      'delete c',
      'write M a new',
      'write A b new',
    ])
  })

  it('moves a file when it is believed at its old name only', () => {
    const entries = [entry('R', 'n', { oldPath: 'o' }), entry('M', 'n')]
    expect(changes(entries, { o: 'old' }, two)).toEqual(['move R n from o new'])
    expect(changes(entries, { o: 'old', n: 'old' }, two)).toEqual(['delete o', 'write M n new'])
    expect(changes(entries, { n: 'new' }, two)).toEqual([])
  })

  it('tells a changed type from a changed content', () => {
    const link = entry('T', 'a', { mode: '120000' })
    expect(changes([link], { a: 'old' }, two)).toEqual(['write T a new'])
  })
})

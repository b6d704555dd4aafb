import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { importGit } from '../../packages/asof/src/git/import-git.ts'
import { day, importChecked, line, long, start } from './checked-import.ts'
import { addCommits, type CommitSpec, git, gitTree, makeRepository } from './git-repository.ts'
import { importedTree, pathsOf, text } from './imported-history.ts'
import { temporaryFolder } from './temporary-folder.ts'

const place = temporaryFolder()
const imported = (name: string, commits: readonly CommitSpec[]) =>
  importChecked(place(name), commits)

describe('files and directories', () => {
  it('come, change and go with their commits', async () => {
    const { at, ever } = await imported(
      'plain',
      line(
        [
          { path: 'a', content: '1' },
          { path: 'src/deep/b', content: '2' },
        ],
        [{ path: 'a', content: '3' }],
        [{ path: 'src/deep/b' }],
        [
          { path: 'src/c', content: '4', mode: '100755' },
          { path: 'l', content: 'a', mode: '120000' },
        ],
      ),
    )
    const paths = (commit: number, label: string): string[] => pathsOf(at(commit), label)
    expect(paths(0, 'File')).toEqual(['a', 'src/deep/b'])
    expect(paths(0, 'Directory')).toEqual(['.', 'src', 'src/deep'])
    expect(paths(2, 'File')).toEqual(['a'])
    expect(paths(2, 'Directory')).toEqual(['.'])
    expect(paths(3, 'Directory')).toEqual(['.', 'src'])
    expect(ever('a')).toHaveLength(1)
  })

  it('keep their identity when they are renamed, edited or not', async () => {
    const { database, at, ever } = await imported(
      'renames',
      line(
        [
          { path: 'a.txt', content: long },
          { path: 'b.txt', content: 'b' },
        ],
        [{ path: 'a.txt' }, { path: 'docs/a.md', content: long }],
        [{ path: 'docs/a.md' }, { path: 'docs/z.md', content: `${long}\nand more` }],
      ),
    )
    const [id, ...others] = ever('a.txt')
    expect(others).toEqual([])
    expect(ever('docs/a.md')).toEqual([id])
    expect(ever('docs/z.md')).toEqual([id])
    const edges = database.in(id ?? 0, 'CHANGED').map((edge) => edge.properties)
    expect(edges).toEqual([
      { status: 'A', path: 'a.txt' },
      { status: 'R', path: 'docs/a.md', oldPath: 'a.txt' },
      { status: 'R', path: 'docs/z.md', oldPath: 'docs/a.md' },
    ])
    expect(
      at(0)
        .node(id ?? 0)
        ?.get('path'),
    ).toBe('a.txt')
  })

  it('are the same when they come back', async () => {
    const { at, ever } = await imported(
      'return',
      line(
        [
          { path: 'dir/a', content: '1' },
          { path: 'b', content: 'b' },
        ],
        [{ path: 'dir/a' }],
        [{ path: 'b', content: 'c' }],
        [{ path: 'dir/a', content: '2' }],
      ),
    )
    const [id = 0, ...others] = ever('dir/a')
    expect(others).toEqual([])
    expect([0, 1, 2, 3].map((commit) => at(commit).node(id) !== undefined)).toEqual([
      true,
      false,
      false,
      true,
    ])
    expect(ever('dir/a')).toEqual([id])
  })

  it('change places: a directory for a file, a file for a directory', async () => {
    const { database } = await imported(
      'places',
      line(
        [
          { path: 'x', content: '1' },
          { path: 'y/a', content: '2' },
        ],
        [
          { path: 'x' },
          { path: 'x/a', content: '1' },
          { path: 'y/a' },
          { path: 'y', content: '2' },
        ],
        [
          { path: 'x/a' },
          { path: 'x', content: '5' },
          { path: 'y' },
          { path: 'y/b/c', content: '6' },
        ],
      ),
    )
    expect(pathsOf(database, 'File')).toEqual(['x', 'y/b/c'])
    expect(pathsOf(database, 'Directory')).toEqual(['.', 'y', 'y/b'])
  })

  it('are known by whom they were touched, also after their end', async () => {
    const { database, at, ever } = await imported('deleted', [
      {
        parents: [],
        authored: start,
        changes: [
          { path: 'a', content: '1' },
          { path: 'b', content: 'b' },
        ],
      },
      {
        parents: [0],
        authored: start + day,
        author: { name: 'Bob', email: 'bob@example.org' },
        changes: [{ path: 'a', content: '2' }],
      },
      { parents: [1], authored: start + 2 * day, changes: [{ path: 'a' }] },
    ])
    const [id = 0] = ever('a')
    expect(database.node(id)).toBeUndefined()
    const view = at(1)
    expect(view.node(id)?.get('lastAuthor')).toBe('Bob')
    const authors = view.sources(id, 'CHANGED').map((commit) => view.sources(commit, 'AUTHORED')[0])
    const names = authors.map((author) => view.node(author ?? 0)?.get('name'))
    expect(names).toEqual(['Ada Lovelace', 'Bob'])
    const [last] = [...database.nodes('Commit', { subject: 'commit 2' })]
    expect(last?.get('deleted')).toEqual(['a'])
  })
})

describe('people', () => {
  it('are one for several addresses, by mailmap or by name', async () => {
    const by = (name: string, email: string) => ({ author: { name, email } })
    const mailmap = 'Grace Hopper <grace@example.org> <gh@old.example.org>\n'
    const change = (content: string) => [{ path: 'a', content }]
    const { database } = await imported('people', [
      {
        parents: [],
        authored: start,
        ...by('ghopper', 'gh@old.example.org'),
        changes: [{ path: '.mailmap', content: mailmap }],
      },
      {
        parents: [0],
        authored: start + 1,
        ...by('Grace Hopper', 'grace@example.org'),
        changes: change('1'),
      },
      {
        parents: [1],
        authored: start + 2,
        ...by('Grace Hopper', 'GRACE@example.org'),
        changes: change('2'),
      },
      {
        parents: [2],
        authored: start + 3,
        ...by('grace hopper', 'hopper@navy.example.org'),
        changes: change('3'),
      },
      {
        parents: [3],
        authored: start + 4,
        ...by('Amazing Grace', 'hopper@navy.example.org'),
        changes: change('4'),
      },
      {
        parents: [4],
        authored: start + 5,
        ...by('', 'nameless@example.org'),
        changes: change('5'),
      },
      { parents: [5], authored: start + 6, ...by('', ''), changes: change('6') },
    ])
    const people = [...database.nodes('Person')].map((node) => node.properties)
    expect(people).toEqual([
      {
        name: 'Grace Hopper',
        emails: ['grace@example.org', 'hopper@navy.example.org'],
        aliases: ['Amazing Grace'],
      },
      { name: 'nameless@example.org', emails: ['nameless@example.org'] },
      { name: '', emails: [] },
    ])
  })
})

describe('odd things', () => {
  it('in names and contents come over as they are', async () => {
    const names = [
      'with space',
      '"quoted"',
      "it's",
      'tab\there',
      'line\nbreak',
      '-rf',
      '--help',
      'ünï/cödé/日本',
      'back\\slash',
      ':(glob)*',
      '#1',
      ' lead',
      'trail ',
      'sub/.hidden',
      '\u0001mark',
      'a\u0301',
      '\u00e1',
    ]
    const contents = names.map((path, at) => ({ path, content: Buffer.from([0, 255, at]) }))
    const { at } = await imported(
      'names',
      line(
        contents,
        names.slice(0, 5).map((path) => ({ path })),
      ),
    )
    const paths = [...at(0).nodes('File')].map((node) => text(node, 'path'))
    expect(paths.sort()).toEqual([...names].sort())
  })

  it('in paths that are not UTF-8 keep two files apart', async () => {
    const repository = place('bytes')
    const paths = [0xe9, 0xe8].map((byte) => Buffer.from([0x63, byte]))
    makeRepository(repository, line(paths.map((path) => ({ path, content: 'x' }))))
    const database = await open(':memory:')
    await importGit(database, { repository })
    expect([...database.nodes('File')].map((node) => text(node, 'path')).sort()).toEqual([
      '"c\\350"',
      '"c\\351"',
    ])
  })

  it('in the settings of a user change nothing', async () => {
    const repository = place('settings')
    makeRepository(repository, [
      ...line(
        [{ path: 'sub/a', content: long }],
        [{ path: 'sub/a' }, { path: 'b', content: long }],
      ),
      { parents: [0], authored: start, changes: [{ path: 'c', content: '1' }] },
      { parents: [1, 2], authored: start + day, changes: [{ path: 'c', content: '2' }] },
    ])
    const settings = {
      'diff.renames': 'false',
      'diff.relative': 'true',
      'diff.noprefix': 'true',
      'log.showRoot': 'false',
      'log.showSignature': 'true',
      'log.diffMerges': 'first-parent',
      'log.mailmap': 'false',
      'core.abbrev': '5',
      'color.ui': 'always',
      'i18n.logOutputEncoding': 'UTF-16',
    }
    const statements: string[] = []
    for (const isSet of [false, true]) {
      if (isSet)
        for (const setting of Object.entries(settings)) git(repository, ['config', ...setting])
      const database = await open(':memory:')
      await importGit(database, { repository })
      expect(importedTree(database)).toEqual(gitTree(repository))
      statements.push(JSON.stringify([...database.changes()]))
    }
    expect(statements[1]).toBe(statements[0])
  })

  it('in subjects and commits without changes do no harm', async () => {
    const { database } = await imported('subjects', [
      { parents: [], authored: start, subject: '', changes: [] },
      {
        parents: [0],
        authored: start,
        subject: ':100644 100644 a b M',
        changes: [{ path: 'a', content: '' }],
      },
      { parents: [1], authored: start, subject: '\u0001 mark', changes: [] },
    ])
    const subjects = [...database.nodes('Commit')].map((node) => text(node, 'subject'))
    expect(subjects).toEqual(['', ':100644 100644 a b M', '\u0001 mark'])
  })
})

describe('a repository that grows', () => {
  it('is continued, also when a side branch comes later', async () => {
    const repository = place('grows')
    makeRepository(repository, line([{ path: 'a', content: '1' }], [{ path: 'b/c', content: '2' }]))
    const database = await open(':memory:')
    const report = await importGit(database, { repository })
    expect(report).toMatchObject({ alreadyImported: 0, imported: 2, isComplete: true })
    expect(await importGit(database, { repository })).toMatchObject({
      alreadyImported: 2,
      imported: 0,
    })
    addCommits(
      repository,
      [
        { parents: [0], authored: start, changes: [{ path: 'side', content: '3' }] },
        {
          parents: [1, 2],
          authored: start + 3 * day,
          changes: [{ path: 'side', content: '3' }, { path: 'b/c' }],
        },
      ],
      2,
    )
    expect(await importGit(database, { repository })).toMatchObject({
      alreadyImported: 2,
      imported: 2,
    })
    expect(importedTree(database)).toEqual(gitTree(repository))
    expect(database.sequence).toBe(4)
  })

  it('refuses another repository, and a history that was rewritten', async () => {
    const [one, other] = [place('one'), place('other')]
    makeRepository(one, line([{ path: 'a', content: '1' }], [{ path: 'a', content: '2' }]))
    makeRepository(other, line([{ path: 'z', content: '1' }]))
    const database = await open(':memory:')
    await importGit(database, { repository: one })
    await expect(importGit(database, { repository: other })).rejects.toThrow('another repository')
    const rewritten = {
      parents: [0],
      authored: start + 9 * day,
      changes: [{ path: 'a', content: '3' }],
    }
    addCommits(one, [rewritten], 2)
    await expect(importGit(database, { repository: one })).rejects.toThrow('rewritten')
    expect(database.sequence).toBe(2)
  })

  it('lets git say what is wrong with it', async () => {
    const repository = place('damaged')
    makeRepository(repository, line([{ path: 'a', content: '1' }], [{ path: 'a', content: '2' }]))
    const tree = git(repository, ['rev-parse', 'HEAD^{tree}']).trim()
    rmSync(join(repository, 'objects', tree.slice(0, 2), tree.slice(2)), { force: true })
    const database = await open(':memory:')
    await expect(importGit(database, { repository })).rejects.toThrow(`git: unable to read tree`)
    expect(database.sequence).toBeLessThan(2)
  })

  it('says what is wrong with a place that is none', async () => {
    const database = await open(':memory:')
    const empty = place('empty')
    makeRepository(empty, [])
    await expect(importGit(database, { repository: empty })).rejects.toThrow('no commits yet')
    await expect(importGit(database, { repository: place('nowhere') })).rejects.toThrow('git:')
    const one = place('one')
    await expect(importGit(database, { repository: one, reference: 'nope' })).rejects.toThrow(
      'no commit nope',
    )
  })
})

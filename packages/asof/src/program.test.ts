import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'asofdb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commands } from './program.ts'
import { runCommand as run } from '../../../test/import/run-command.ts'

let folder = ''
let history = ''

async function runJson(...args: string[]): Promise<unknown> {
  const { code, out, notes } = await run(...args, '--json')
  expect(code, notes).toBe(0)
  return JSON.parse(out)
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'asof-program-'))
  history = join(folder, 'history')
  await using database = await open(history)
  const system = (day: number): string => `2024-01-${String(day).padStart(2, '0')}`
  const ada = await database.import(
    (tx) => {
      tx.keys('settings').put('colour', 'blue')
      tx.keys('settings').put([1, 'two'], 3)
      const person = { name: 'Ada', emails: ['ada@example.org'] }
      const node = tx.createNode('Person', person, { valid: 'always' })
      const file = tx.createNode('File', { path: 'a.txt', size: 1 }, { validFrom: system(1) })
      tx.createEdge(node, 'WROTE', file, { line: 1 }, { validFrom: system(1) })
      return node
    },
    { system: system(1), meta: { who: 'ada', why: 'to begin' } },
  )
  await database.import((tx) => tx.patch(ada, { age: 36 }, { validFrom: system(5) }), {
    system: system(10),
    meta: { who: 'bob' },
  })
  await database.import(
    (tx) => {
      const [file] = [...tx.nodes('File')]
      if (file !== undefined) tx.delete(file, { validFrom: system(12), detach: true })
      tx.createNode('File', { path: 'b.txt', size: 2 }, { validFrom: system(12) })
      tx.keys('settings').put('colour', 'green')
    },
    { system: system(12) },
  )
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('help', () => {
  it('is there for the program and for each command, examples first', async () => {
    const { code, out } = await run('--help')
    expect(code).toBe(0)
    expect(out.indexOf('Examples')).toBeLessThan(out.indexOf('Commands'))
    expect(out).toContain('Exit codes')
    for (const { name } of commands) {
      expect(out).toContain(`  ${name} `)
      const page = await run(name, '--help')
      expect(page.code).toBe(0)
      expect(page.out.indexOf('Examples')).toBeLessThan(page.out.indexOf('Options'))
      expect(page.out).toBe((await run('help', name)).out)
    }
  })

  it('is what someone gets who types nothing, as an error', async () => {
    expect(await run()).toMatchObject({
      code: 2,
      out: '',
      notes: expect.stringContaining('Examples'),
    })
  })

  it('tells the version', async () => {
    expect((await run('--version')).out).toMatch(/^asof \d+\.\d+\.\d+\n$/)
  })
})

describe('a wrong command line', () => {
  it.each([
    [['shwo'], 'did you mean asof show?'],
    [['show', 'x', '--vlaid', '2'], 'did you mean --valid?'],
    [['show'], 'usage: asof show DIR'],
    [['show', 'a', 'b', 'c'], 'one argument too many'],
    [['timeline', 'x'], 'the timeline of what?'],
    [['provenance', 'x'], 'the provenance of what?'],
    [['import'], 'git or facts?'],
    [['import', 'gti', '.'], 'did you mean asof import git?'],
    [['import', 'git', '.'], 'usage: asof import git REPO --into DIR'],
    [['import', 'facts', 'x.csv'], 'usage: asof import facts FILE --into DIR'],
    [['import', 'facts', '--into', 'x'], 'which file?'],
    [['import', 'facts', 'x.csv', '--into', 'x', '--year', '--time', 'day'], 'at once'],
    [['diff', 'x'], 'nothing to compare'],
    [['diff', 'x', '2024'], 'two times'],
  ])('%j is explained', async (args, words) => {
    const { code, out, notes } = await run(...args)
    expect(code).toBe(2)
    expect(out).toBe('')
    expect(notes).toContain(words)
  })

  it('of a moment or a selector is explained, too', async () => {
    expect(await run('show', history, '--valid', 'yesterday')).toMatchObject({
      code: 2,
      notes: expect.stringContaining("'yesterday'"),
    })
    expect(await run('show', history, 'edge:1')).toMatchObject({ code: 2 })
    expect(await run('show', history, '--limit', 'x')).toMatchObject({ code: 2 })
  })
})

describe('failures', () => {
  it('of the database are one line with a code', async () => {
    const strange = join(folder, 'strange')
    mkdirSync(strange)
    writeFileSync(join(strange, 'file'), 'x')
    const wrong = await run('show', strange)
    expect(wrong).toMatchObject({ code: 1, out: '' })
    expect(wrong.notes).not.toContain('    at ')
    const future = await run('show', history, '--system', '2999-01-01')
    expect([future.code, future.notes.split(' ')[1]]).toEqual([1, 'TimeInFuture:'])
    expect((await run('show', history, '--system', '2999-01-01', '--debug')).notes).toContain(
      '    at ',
    )
  })

  it('to find something have a code of their own', async () => {
    expect((await run('show', history, 'file:c.txt')).code).toBe(4)
    expect((await run('show', history, 'node:97')).code).toBe(4)
    expect((await run('show', history, '--system', '#99')).code).toBe(4)
    const gone = await run('show', history, 'file:a.txt')
    expect([gone.code, gone.notes]).toEqual([
      4,
      expect.stringContaining('it holds [2024-01-01, 2024-01-12)'),
    ])
  })
})

describe('show', () => {
  it('counts what there is', async () => {
    expect(await runJson('show', history)).toMatchObject({
      nodes: { Person: 1, File: 1 },
      edges: {},
    })
    const then = await runJson('show', history, '--valid', '2024-01-02')
    expect(then).toMatchObject({ nodes: { Person: 1, File: 1 }, edges: { WROTE: 1 } })
    expect((await run('show', history)).out).toContain('nodes  File')
  })

  it('finds things by what people call them', async () => {
    const ada = { node: { properties: { name: 'Ada' } } }
    const ways = ['node:1', '1', 'person:ada@example.org', 'person:ada', 'Ada', 'Person:Ada']
    for (const way of ways) expect(await runJson('show', history, way), way).toMatchObject(ada)
    const then = ['--valid', '2024-01-02']
    for (const way of ['file:a.txt', 'a.txt', 'File:a.txt', 'node:5']) {
      expect(await runJson('show', history, way, ...then), way).toMatchObject({
        node: { id: 5, properties: { path: 'a.txt' } },
        valid: { from: '2024-01-01T00:00:00Z', to: '2024-01-12T00:00:00Z' },
        in: { edges: [{ type: 'WROTE', source: 1 }], more: 0 },
      })
    }
    expect(await runJson('show', history, 'edge:2', ...then)).toMatchObject({
      edge: { type: 'WROTE', properties: { line: 1 } },
    })
  })

  it('looks at either time', async () => {
    const ada = ['show', history, 'person:ada']
    expect((await run(...ada)).out).toContain('age     36')
    expect((await run(...ada, '--valid', '2024-01-04')).out).not.toContain('age')
    expect((await run(...ada, '--system', '#1')).out).not.toContain('age')
    expect((await run(...ada, '--system', '2024-01-10')).out).toContain('age     36')
  })

  it('lists nodes of a label, under conditions, and says how many more there are', async () => {
    expect(await runJson('show', history, 'File')).toMatchObject({
      nodes: [{ properties: { size: 2 } }],
    })
    expect(await runJson('show', history, 'label:file', '--where', 'size=3')).toMatchObject({
      nodes: [],
    })
    expect(await runJson('show', history, 'File', '-n', '0')).toMatchObject({ nodes: [], more: 1 })
    expect((await run('show', history, 'File', '-n', '0')).out).toContain('and 1 more')
  })

  it('shows keys', async () => {
    expect(await runJson('show', history, 'key:settings/colour')).toMatchObject({ value: 'green' })
    const then = await runJson('show', history, 'key:settings/colour', '--system', '#1')
    expect(then).toMatchObject({ value: 'blue' })
    expect(await runJson('show', history, 'key:settings/[1,"two"]')).toMatchObject({ value: 3 })
    expect((await run('show', history, 'keys:settings')).out).toContain('[1,"two"]')
    expect((await run('show', history, 'key:settings/nothing')).code).toBe(4)
  })
})

describe('timeline and provenance', () => {
  it('are pictures with a legend', async () => {
    const timeline = await run('timeline', history, 'person:ada')
    expect(timeline.out).toContain('  ←─A')
    expect(timeline.out).toContain('B  [2024-01-05, ∞)')
    const provenance = await run('provenance', history, 'person:ada')
    expect(provenance.out).toContain('2024-01-10 #2')
    expect(provenance.out).toContain('#1 ada: to begin')
  })

  it('are lists for programs, and bounded', async () => {
    const timeline = await runJson('timeline', history, 'person:ada')
    expect(timeline).toMatchObject({
      timeline: [
        { valid: { from: null, to: '2024-01-05T00:00:00Z' } },
        { properties: { age: 36 } },
      ],
      more: 0,
    })
    const provenance = await runJson('provenance', history, 'person:ada', '-n', '1')
    expect(provenance).toMatchObject({ provenance: [{ sequence: 2 }], more: 2 })
    const keys = await runJson('timeline', history, 'key:settings/colour', '--system', '#1')
    expect(keys).toMatchObject({ timeline: [{ properties: { value: 'blue' } }] })
  })

  it('know a file that is gone, and what was known before it went', async () => {
    expect(await runJson('timeline', history, 'file:a.txt')).toMatchObject({
      timeline: [{ valid: { to: '2024-01-12T00:00:00Z' } }],
    })
    expect(await runJson('timeline', history, 'file:a.txt', '--system', '#2')).toMatchObject({
      timeline: [{ valid: { to: null } }],
    })
  })
})

describe('diff', () => {
  it('compares two valid times', async () => {
    const { out } = await run('diff', history, '2024-01-02', '2024-01-13', '--edges')
    expect(out).toContain('nodes: 1 came, 1 changed, 1 went')
    expect(out).toContain('~ Person Ada (node:1)  age: 36')
    expect(out).toContain('- File a.txt')
    expect(out).toContain('+ File b.txt')
    expect(out).toContain('- Person Ada (node:1) → WROTE → File a.txt (node:5)')
  })

  it('compares two states of knowledge, about a day or about all of them', async () => {
    const about = ['--system', '#1..#2', '--valid', '2024-01-06']
    expect(await runJson('diff', history, ...about)).toMatchObject({
      nodes: [{ id: 1, change: 'changed' }],
      nodeCounts: { created: 0, deleted: 0, changed: 1 },
    })
    expect(await runJson('diff', history, '--system', '#1..#2', '--net')).toMatchObject({
      entries: [{ id: 1, valid: { from: '2024-01-05T00:00:00Z', to: null } }],
    })
  })

  it('can be of one label, and is bounded', async () => {
    const json = await runJson(
      'diff',
      history,
      '2024-01-02',
      '2024-01-13',
      '--label',
      'file',
      '-n',
      '1',
    )
    expect(json).toMatchObject({ nodes: [{}], nodeCounts: { created: 1, deleted: 1, changed: 0 } })
  })
})

describe('stats and verify', () => {
  it('tell how much there is, and that it is sound', async () => {
    expect(await runJson('stats', history)).toMatchObject({ entities: { nodes: 3, edges: 1 } })
    expect((await run('stats', history)).out).toContain('commits')
    expect(await runJson('verify', history)).toMatchObject({ isSound: true, problems: [] })
    expect((await run('verify', history)).out).toContain('sound')
  })
})

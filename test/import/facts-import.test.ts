import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { open } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { runCommand } from './run-command.ts'
import { temporaryFolder } from './temporary-folder.ts'

const place = temporaryFolder()

interface Ran {
  readonly code: number
  readonly answer: Readonly<Record<string, unknown>>
  readonly notes: string
}

/** Runs `asof import facts … --json`. */
async function importFacts(...args: string[]): Promise<Ran> {
  const { code, out, notes } = await runCommand('import', 'facts', ...args, '--json')
  const parsed: unknown = out === '' ? {} : JSON.parse(out)
  return { code, answer: { ...(typeof parsed === 'object' ? parsed : {}) }, notes }
}

/** The edges ever of a database: names, type and periods. */
async function facts(folder: string, at: { sequence?: number } = {}): Promise<string[]> {
  await using database = await open(folder, { create: false })
  const view = database.asOf(at)
  const pattern = [{ node: 'subject' }, { edge: 'fact' }, { node: 'object' }]
  return [...view.match(pattern)]
    .map(({ bindings, valid }) => {
      const { subject, fact, object } = bindings
      const type = fact !== undefined && 'type' in fact ? fact.type : ''
      const [from, to] = [valid.from, valid.to].map((instant) => String(instant).slice(0, 10))
      const [one, other] = [subject, object].map((node) => {
        const name = node?.get('name')
        return typeof name === 'string' ? name : 'nobody'
      })
      return `${one} ${type} ${other} ${from} ${to}`
    })
    .sort()
}

function file(name: string, ...lines: string[]): string {
  const path = place(name)
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''))
  return path
}

describe('facts', () => {
  it('come from CSV, TSV and JSON lines alike', async () => {
    const csv = file(
      'a.csv',
      'subject,relation,object,from,to',
      '"Lovelace, Ada",knows,"Mary ""S""",1830-01-01,',
    )
    const tsv = file('a.tsv', 'Lovelace, Ada\tknows\tMary "S"\t1830-01-01\t')
    const json = {
      subject: 'Lovelace, Ada',
      relation: 'knows',
      object: 'Mary "S"',
      from: '1830-01-01',
    }
    const jsonl = file('a.jsonl', JSON.stringify(json))
    for (const path of [csv, tsv, jsonl]) {
      const folder = `${path}.db`
      expect(await importFacts(path, '--into', folder)).toMatchObject({
        code: 0,
        answer: { stated: 1 },
      })
      expect(await facts(folder)).toEqual(['Lovelace, Ada knows Mary "S" 1830-01-01 null'])
    }
  })

  it('that are stated again with another end are corrected, and both beliefs stay', async () => {
    const folder = place('corrected')
    const first = file(
      'first.tsv',
      'a\tr\tb\t2000\t2005',
      'a\tr\tc\t2000\t2005',
      'a\tr\td\t2000\t3000',
    )
    const second = file(
      'second.tsv',
      'a\tr\tb\t2000\t2003',
      'a\tr\tc\t2000\t2009',
      'a\tr\td\t2000\t2001',
      'a\tr\tb\t2001\t2002',
    )
    const options = ['--into', folder, '--year', '--open-end', '3000']
    expect((await importFacts(first, ...options)).answer).toMatchObject({ stated: 3, corrected: 0 })
    expect((await importFacts(second, ...options)).answer).toMatchObject({
      stated: 1,
      corrected: 3,
    })
    expect(await facts(folder)).toEqual([
      'a r b 2000-01-01 2004-01-01',
      'a r b 2001-01-01 2003-01-01',
      'a r c 2000-01-01 2010-01-01',
      'a r d 2000-01-01 2002-01-01',
    ])
    expect(await facts(folder, { sequence: 1 })).toEqual([
      'a r b 2000-01-01 2006-01-01',
      'a r c 2000-01-01 2006-01-01',
      'a r d 2000-01-01 null',
    ])
    const third = file('third.tsv', 'a\tr\td\t2000\t3000')
    expect((await importFacts(third, ...options)).answer).toMatchObject({ corrected: 1 })
    const again = file('again.tsv', 'a\tr\td\t2000\t3000')
    expect((await importFacts(again, ...options)).answer).toMatchObject({
      repeated: 1,
      corrected: 0,
    })
  })

  it('may be about one and the same, and begin at the beginning', async () => {
    const folder = place('same')
    const options = ['--into', folder, '--year', '--open-start', '?']
    await importFacts(file('same.tsv', 'a\tr\ta\t?\t2000', 'a\tr\ta\t1990\t2000'), ...options)
    const second = await importFacts(file('same2.tsv', 'a\tr\ta\t?\t1999'), ...options)
    expect(second.answer).toMatchObject({ corrected: 1 })
    expect(await facts(folder)).toEqual(['a r a 1990-01-01 2001-01-01', 'a r a null 2000-01-01'])
  })

  it('can be known since an earlier time', async () => {
    const folder = place('known')
    const path = file('known.tsv', 'a\tr\tb\t2000\t2001', 'a\tr\tc\t2000\t2001')
    await importFacts(path, '--into', folder, '--year', '--system', '2015-01-01', '--batch', '1')
    await using database = await open(folder)
    const times = [1, 2].map((sequence) => String(database.commit(sequence)?.system))
    expect(times).toEqual(['2015-01-01T00:00:00Z', '2015-01-01T00:00:00.000001Z'])
  })
})

describe('bad rows', () => {
  const lines = [
    'a\tr\tb\t2000\t2005',
    'a\tr\tb\t2000',
    'a\tr\tc\tx\t2005',
    '',
    'a\tr\td\t2000\t2005',
  ]

  it('end the import with file and line, and keep what came before', async () => {
    const folder = place('bad')
    const path = file('bad.tsv', ...lines)
    const ran = await importFacts(path, '--into', folder, '--year')
    expect(ran).toMatchObject({
      code: 1,
      notes: expect.stringContaining(`${path}:2: has 4 fields`),
    })
    expect(await facts(folder)).toEqual(['a r b 2000-01-01 2006-01-01'])
    const again = await importFacts(path, '--into', folder, '--year', '--skip-bad')
    expect(again).toMatchObject({
      code: 0,
      answer: { stated: 1, repeated: 0, bad: 2, alreadyImported: 1 },
    })
    expect(await facts(folder)).toHaveLength(2)
  })

  it('are left out and reported on demand, all of them in a file', async () => {
    const many = Array.from({ length: 30 }, (_, at) => `row ${at}`)
    const path = file('many.tsv', ...lines, ...many)
    const report = place('many.bad')
    const ran = await importFacts(
      path,
      '--into',
      place('many'),
      '--year',
      '--skip-bad',
      '--bad-file',
      report,
    )
    expect(ran).toMatchObject({ code: 0, answer: { stated: 2, bad: 32 } })
    expect(ran.notes).toContain(`${path}:3: 'x' is not a whole number (--time year): a r c x 2005`)
    expect(ran.notes).toContain('and 22 more bad rows')
    const reported = readFileSync(report, 'utf8').trimEnd().split('\n')
    expect(reported).toHaveLength(32)
    expect(reported[2]).toBe(`${path}:6\thas 1 field; relation is field 1\trow 0`)
  })
})

describe('an import of facts', () => {
  it('goes on where it stopped, and takes what a file has got since', async () => {
    const folder = place('grown')
    const path = file('grown.csv', 'object,subject,relation,from', 'b,a,r,2000')
    const options = ['--into', folder, '--year']
    expect((await importFacts(path, ...options)).answer).toMatchObject({ stated: 1 })
    expect((await importFacts(path, ...options)).answer).toMatchObject({
      stated: 0,
      alreadyImported: 1,
    })
    appendFileSync(path, '\n"c\nd",a,r,2001\ne,a,r\n')
    const bad = await importFacts(path, ...options)
    expect(bad.notes).toContain(`${path}:6: has 3 fields`)
    const more = await importFacts(path, ...options, '--skip-bad')
    expect(more.answer).toMatchObject({ stated: 0, bad: 1, alreadyImported: 2 })
    expect(await facts(folder)).toEqual(['a r b 2000-01-01 null', 'a r c\nd 2001-01-01 null'])
  })

  it('refuses a file that has changed, and other options, unless told to begin again', async () => {
    const folder = place('changed')
    const path = file('changed.tsv', 'a\tr\tb\t2000\t2005')
    await importFacts(path, '--into', folder, '--year')
    const other = await importFacts(path, '--into', folder, '--year', '--open-end', '3000')
    expect(other).toMatchObject({ code: 1, notes: expect.stringContaining('other options') })
    file('changed.tsv', 'a\tr\tb\t2000\t2009')
    const changed = await importFacts(path, '--into', folder, '--year')
    expect(changed).toMatchObject({ code: 1, notes: expect.stringContaining('is not the file') })
    const again = await importFacts(path, '--into', folder, '--year', '--again')
    expect(again).toMatchObject({ code: 0, answer: { corrected: 1 } })
  })

  it('finds entities again that an earlier run has made', async () => {
    const folder = place('entities')
    await importFacts(file('e1.tsv', 'a\tr\tb\t2000\t2005'), '--into', folder, '--year')
    const ran = await importFacts(
      file('e2.tsv', 'b\tr\ta\t2000\t2005', 'c\tr\ta\t2000\t2005'),
      '--into',
      folder,
      '--year',
    )
    expect(ran.answer).toMatchObject({ stated: 2, entities: { nodes: 3 } })
  })

  it('puts names in the place of ids, and says when a name is missing', async () => {
    const names = file('names.tsv', 'Ada\t1', 'Mary\t2')
    const path = file('ids.txt', '1 7 2 1830 1840', '1 7 3 1830 1840')
    const options = ['--into', place('ids'), '--year', '--entity-names', names, '--skip-bad']
    const ran = await importFacts(path, ...options)
    expect(ran).toMatchObject({ answer: { stated: 1, bad: 1 } })
    expect(ran.notes).toContain('no name is given for object 3')
    expect(await facts(place('ids'))).toEqual(['Ada 7 Mary 1830-01-01 1841-01-01'])
    const twice = file('twice.tsv', 'Ada\t1', 'Ada\t2')
    const wrong = await importFacts(path, ...options.slice(0, 3), '--entity-names', twice)
    expect(wrong.notes).toContain(`${twice}:2: the name Ada is that of 1 too`)
  })

  it('says what is wrong with its files', async () => {
    const missing = await importFacts(place('missing.csv'), '--into', place('x'))
    expect(missing).toMatchObject({ code: 1, notes: expect.stringContaining('there is no file') })
    const folder = await importFacts(place('corrected'), '--into', place('x'))
    expect(folder).toMatchObject({ code: 1, notes: expect.stringContaining('is a folder') })
    const strange = await importFacts(
      file('strange.bin', 'x'.repeat(17 * 1024 * 1024)),
      '--into',
      place('x'),
    )
    expect(strange).toMatchObject({ code: 1, notes: expect.stringContaining('longer than') })
  })
})

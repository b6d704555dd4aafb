import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { open } from 'asofdb'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Ran, runCommand as run, runInterrupted } from '../import/run-command.ts'
import { temporaryFolder } from '../import/temporary-folder.ts'

const place = temporaryFolder()
let db = ''

/** The command with its database as the first argument. */
function keys(word: string, ...args: string[]): Promise<Ran> {
  return run('keys', word, db, ...args)
}

async function lines(word: string, ...args: string[]): Promise<unknown[]> {
  const { code, out, notes } = await keys(word, ...args)
  expect([code, notes]).toEqual([0, ''])
  return out
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown)
}

beforeAll(async () => {
  db = place('db')
  await using database = await open(db, { durability: 'os' })
  await database.write((tx) => {
    const users = tx.keys('users')
    for (const name of ['ada', 'alan', 'bob', 'eve']) users.put(name, { name })
    users.put(['eu', 7], 7)
    users.put(['eu', 8], 8)
    users.put(42, 'number')
    users.put(new Uint8Array([1, 2]), null)
  })
  await database.write((tx) => tx.keys('users').put('ada', 'Ada'), { meta: { who: 'me' } })
  await database.write((tx) => tx.keys('users').delete('bob'))
  await database.write((tx) => tx.keys('tea').put('price', 3, { validFrom: '2024-01-01' }))
})

describe('asof keys', () => {
  it.each([
    [['keys'], 'keys what: get, put'],
    [['keys', 'lits'], 'did you mean asof keys list?'],
    [['keys', 'frobnicate'], 'the commands are keys get,'],
    [['keys', 'get'], 'usage: asof keys get DIR SPACE KEY'],
    [['keys', 'get', 'x'], 'which keyspace?'],
    [['keys', 'get', 'x', 'y'], 'which key?'],
    [['keys', 'get', 'x', 'y', 'z', 'w'], 'one argument too many'],
    [['keys', 'get', 'x', 'y', 'z', '--vlaid', '2'], 'did you mean --valid?'],
    [['keys', 'get', 'x', 'y', '{', '-k'], 'KEY is no typed JSON'],
    [['keys', 'put', 'x', 'y', 'z'], 'which value?'],
    [['keys', 'put', 'x', 'y', 'z', 'v', '--file', 'f'], 'not both'],
    [['keys', 'put', 'x', 'y', 'z', 'v', '--if', 'a', '--if-absent'], 'not both'],
    [['keys', 'put', 'x', 'y', 'z', 'v', '--if', 'a', '--from', '2024'], 'looks at one moment'],
    [['keys', 'put', 'x', 'y', 'z', 'nul', '-v'], 'VALUE is no typed JSON'],
    [['keys', 'delete', 'x', 'y'], '--all for the whole keyspace'],
    [['keys', 'delete', 'x', 'y', 'z', '--all'], 'bounds and --all take no KEY'],
    [['keys', 'delete', 'x', 'y', '--all', '--prefix', 'a'], 'not both'],
    [['keys', 'list', 'x', '--count'], 'of which keyspace?'],
    [['keys', 'list', 'x', 'y', '--keys-only', '--values-only'], 'give one of'],
    [['keys', 'list', 'x', 'y', '--prefix', '7', '-k'], '--prefix takes text, bytes or a list'],
    [['keys', 'versions', 'x', 'y', 'z', '--gt', 'a'], 'KEY or bounds'],
    [['keys', 'watch', 'x', '--prefix', 'a'], 'of one keyspace'],
    [['keys', 'watch', 'x', '--after', 'now'], '--after takes the number of a commit'],
    [['keys', 'watch', 'x', '--every', '0'], '--every takes a number of seconds'],
    [['keys', 'dump', 'x', '--versions', '--valid', '2024'], 'tells all valid times'],
    [['keys', 'load', 'x'], 'which file?'],
  ])('%j is explained', async (args, words) => {
    const { code, out, notes } = await run(...args)
    expect([code, out]).toEqual([2, ''])
    expect(notes).toContain(words)
  })

  it('has a page for each word, examples first', async () => {
    const group = await run('keys', '--help')
    for (const word of ['get', 'put', 'delete', 'list', 'versions', 'watch', 'dump', 'load']) {
      expect(group.out).toContain(`  keys ${word} `)
      const page = await run('keys', word, '--help')
      expect(page.code).toBe(0)
      expect(page.out).toContain(`asof keys ${word}: `)
      expect(page.out.indexOf('Examples')).toBeLessThan(page.out.indexOf('Options'))
      expect(page.out).toBe((await run('help', 'keys', word)).out)
      expect(page.out).toBe((await run('keys', '-h', word)).out)
      expect(Math.max(...page.out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120)
    }
  })
})

describe('asof keys get', () => {
  it('prints the value and nothing else', async () => {
    expect(await keys('get', 'users', 'ada')).toEqual({ code: 0, out: 'Ada\n', notes: '' })
    expect((await keys('get', 'users', 'ada', '--json')).out).toBe('"Ada"\n')
    expect((await keys('get', 'users', 'ada', '--raw')).out).toBe('Ada')
    expect((await keys('get', 'users', 'alan')).out).toBe('{"name":"alan"}\n')
    expect((await keys('get', 'users', '["eu",7]', '-k')).out).toBe('7\n')
    expect((await keys('get', 'users', '42', '--json-key')).out).toBe('number\n')
    expect((await keys('get', 'users', '{"$bytes":"AQI="}', '-k')).out).toBe('null\n')
  })

  it('looks at any point of the two times', async () => {
    for (const point of [
      ['--sequence', '1'],
      ['--system', '#1'],
      ['--sequence', '#1'],
    ]) {
      expect((await keys('get', 'users', 'ada', ...point)).out).toBe('{"name":"ada"}\n')
    }
    const both = await keys('get', 'users', 'ada', '--system', '#1', '--sequence', '1')
    expect(both).toMatchObject({ code: 2, notes: expect.stringContaining('not both') })
    expect((await keys('get', 'tea', 'price', '--valid', '2024-06-01')).out).toBe('3\n')
  })

  it('says of a key that holds nothing when it does', async () => {
    const early = await keys('get', 'tea', 'price', '--valid', '2023-06-01')
    expect([early.code, early.out]).toEqual([4, ''])
    expect(early.notes).toContain('it holds something [2024-01-01, ∞)')
    const never = await keys('get', 'users', 'zoe')
    expect(never).toMatchObject({ code: 4, out: '' })
    expect(never.notes).toContain('users/zoe holds nothing (valid at')
    expect(await keys('get', 'users', '42')).toMatchObject({ code: 4 })
    expect(await keys('get', 'users', 'alan', '--raw')).toMatchObject({ code: 1 })
    expect(await run('keys', 'get', place('none'), 'a', 'b')).toMatchObject({ code: 1 })
  })
})

describe('asof keys put and delete', () => {
  const put = (...args: string[]): Promise<Ran> => run('keys', 'put', place('writes'), ...args)
  const get = async (...args: string[]): Promise<string> =>
    (await run('keys', 'get', place('writes'), ...args)).out
  const remove = (...args: string[]): Promise<Ran> =>
    run('keys', 'delete', place('writes'), ...args)

  it('make a database only when asked to', async () => {
    expect(await put('a', 'k', 'v')).toMatchObject({ code: 1, out: '' })
    const made = await put('a', 'k', 'v', '--create', '--who', 'ada', '--why', 'test')
    expect(made).toEqual({ code: 0, out: 'a/k is set in #1\n', notes: '' })
    await using database = await open(place('writes'))
    expect(database.commit(1)?.meta).toEqual({ who: 'ada', why: 'test' })
  })

  it('take text, typed JSON and files', async () => {
    writeFileSync(place('bytes'), new Uint8Array([0, 255]))
    writeFileSync(place('text'), 'naïve')
    await put('a', 'text', '{"not":"parsed"}')
    await put('a', 'json', '{"at":{"$date":"2024-02-29"}}', '-v')
    await put('a', '[1,true]', '--file', place('bytes'), '-k')
    await put('a', 'file', '--file', place('text'), '--text')
    expect(await get('a', 'text', '--json')).toBe('"{\\"not\\":\\"parsed\\"}"\n')
    expect(await get('a', 'json')).toBe('{"at":{"$date":"2024-02-29"}}\n')
    expect(await get('a', '[1,true]', '-k')).toBe('{"$bytes":"AP8="}\n')
    expect(await get('a', 'file')).toBe('naïve\n')
    expect(await put('a', 'x', '--file', place('bytes'), '--text')).toMatchObject({ code: 1 })
    expect(await put('a', 'x', '--file', place('nothing'))).toMatchObject({
      code: 1,
      notes: expect.stringContaining('there is no file'),
    })
  })

  it('write only where a condition is met', async () => {
    expect(await put('lock', 'job', 'me', '--if-absent')).toMatchObject({ code: 0 })
    const taken = await put('lock', 'job', 'you', '--if-absent')
    expect(taken).toMatchObject({ code: 1, notes: expect.stringContaining('AlreadyExists') })
    const wrong = await put('lock', 'job', 'you', '--if', 'nobody')
    expect(wrong.notes).toBe('asof: lock/job holds "me", so nothing was written\n')
    const told = await put('lock', 'job', '1', '-v', '--if', '2', '--json')
    expect(told.code).toBe(1)
    expect(JSON.parse(told.out)).toEqual({
      keyspace: 'lock',
      key: 'job',
      isWritten: false,
      holds: 'me',
    })
    expect(await put('lock', 'job', 'you', '--if', 'me')).toMatchObject({ code: 0 })
    const kept = await remove('lock', 'job', '--if', 'me')
    expect(kept.notes).toBe('asof: lock/job holds "you", so nothing was deleted\n')
    expect(kept.code).toBe(1)
    expect(await remove('lock', 'job', '--if', 'you')).toMatchObject({ code: 0 })
    expect(await get('lock', 'job')).toBe('')
  })

  it('hold for a period of valid time', async () => {
    await put('tea', 'price', '2', '-v')
    await put('tea', 'price', '3', '-v', '--from', '2024-01-01', '--to', '2025-01-01')
    const prices: string[] = []
    for (const valid of ['2023-06', '2024-06', '2025-06']) {
      prices.push(await get('tea', 'price', '--valid', valid))
    }
    expect(prices).toEqual(['2\n', '3\n', '2\n'])
    const gone = await remove('tea', 'price', '--from', '2024-06-01', '--to', '2024-07-01')
    expect(gone).toMatchObject({ code: 0, out: expect.stringContaining('1 key deleted in #') })
    expect(await get('tea', 'price', '--valid', '2024-06-15')).toBe('')
    expect(await get('tea', 'price', '--valid', '2024-07-15')).toBe('3\n')
  })

  it('delete all within bounds, in one commit', async () => {
    for (const name of ['a1', 'a2', 'b1', 'c1']) await put('many', name, name)
    const first = await remove('many', '--prefix', 'a', '--json')
    expect(JSON.parse(first.out)).toMatchObject({ keyspace: 'many', deleted: 2 })
    const none = await remove('many', '--prefix', 'a')
    expect(none).toMatchObject({ code: 0, out: 'many: 0 keys deleted\n' })
    expect(await remove('many', 'a1')).toMatchObject({ code: 4 })
    expect((await remove('many', '--gt', 'b1')).out).toContain('many: 1 key deleted in #')
    expect((await remove('many', '--all', '--who', 'me')).out).toContain('1 key deleted')
    expect((await run('keys', 'list', place('writes'), 'many', '--count')).out).toBe('0\n')
  })
})

describe('asof keys list', () => {
  it('without a keyspace tells which there are', async () => {
    const { out } = await keys('list')
    expect(out).toMatch(/^valid at .*\n {2}tea {4}1\n {2}users {2}7\n$/)
    const told = JSON.parse((await keys('list', '--json', '--sequence', '1')).out) as unknown
    expect(told).toMatchObject({ keyspaces: [{ keyspace: 'users', keys: 8 }] })
  })

  it('shows keys in their order, and says that there are more', async () => {
    const { out, notes } = await keys('list', 'users', '-n', '2')
    expect(out).toBe('ada   Ada\nalan  {name: alan}\n')
    expect(notes).toContain('and more; --limit')
    expect((await keys('list', 'users', '--keys-only')).out).toBe(
      'ada\nalan\neve\n42\n{"$bytes":"AQI="}\n["eu",7]\n["eu",8]\n',
    )
    expect((await keys('list', 'users', '--values-only', '--prefix', 'ad')).out).toBe('Ada\n')
    expect((await keys('list', 'users', '--count', '--sequence', '1')).out).toBe('8\n')
    expect((await keys('list', 'nothing')).out).toBe('')
  })

  it('takes bounds, order, skip and limit', async () => {
    const shown = async (...args: string[]): Promise<unknown[]> =>
      (await lines('list', 'users', '--json', '--keys-only', ...args)).map(
        (line) => (line as { key: unknown }).key,
      )
    expect(await shown('--gte', 'alan', '--lt', 'f')).toEqual(['alan', 'eve'])
    expect(await shown('--gt', 'alan', '--lte', 'eve')).toEqual(['eve'])
    expect(await shown('--prefix', '["eu"]', '-k', '--reverse')).toEqual([
      ['eu', 8],
      ['eu', 7],
    ])
    expect(await shown('--skip', '1', '--limit', '2')).toEqual(['alan', 'eve'])
    expect(await shown('--limit', '0')).toEqual([])
    expect(await shown('--gte', '41.5', '--lt', '43', '-k')).toEqual([42])
    expect(await shown('--prefix', 'bo', '--sequence', '2')).toEqual(['bob'])
  })

  it('writes all of it as JSON lines, and stops at Ctrl-C', async () => {
    expect(await lines('list', 'users', '--json')).toEqual([
      { key: 'ada', value: 'Ada' },
      { key: 'alan', value: { name: 'alan' } },
      { key: 'eve', value: { name: 'eve' } },
      { key: 42, value: 'number' },
      { key: { $bytes: 'AQI=' }, value: null },
      { key: ['eu', 7], value: 7 },
      { key: ['eu', 8], value: 8 },
    ])
    const stopped = await runInterrupted('keys', 'list', db, 'users', '--json')
    expect(stopped).toEqual({ code: 130, out: '', notes: '' })
  })
})

describe('asof keys versions', () => {
  it('tells everything that was stated', async () => {
    const versions = await lines('versions', 'users', 'ada', '--json')
    expect(versions).toMatchObject([
      { key: 'ada', sequence: 1, valid: [null, null], value: { name: 'ada' } },
      { key: 'ada', sequence: 2, value: 'Ada' },
    ])
    expect(await lines('versions', 'users', 'bob', '--json')).toMatchObject([
      { sequence: 1, value: { name: 'bob' } },
      { sequence: 3, isDeleted: true },
    ])
    const early = await lines('versions', 'users', 'ada', '--json', '--sequence', '1')
    expect(early.length).toBe(1)
  })

  it('as text by key, so many keys', async () => {
    const { out, notes } = await keys('versions', 'users', '--lte', 'bob', '-n', '3')
    expect(notes).toBe('')
    expect(out.replaceAll(/ {2}2\d{3}-\S+ \S+ +/g, '  TIME  ')).toBe(
      'ada\n  #1  TIME  [-∞, ∞)  {name: ada}\n  #2  TIME  [-∞, ∞)  Ada\n' +
        'alan\n  #1  TIME  [-∞, ∞)  {name: alan}\n' +
        'bob\n  #1  TIME  [-∞, ∞)  {name: bob}\n  #3  TIME  [-∞, ∞)  deleted\n',
    )
    expect((await keys('versions', 'users', '-n', '1')).notes).toContain('and more keys')
    expect(await keys('versions', 'users', 'zoe')).toMatchObject({ code: 4 })
  })
})

describe('asof keys dump and load', () => {
  const load = (to: string, ...args: string[]): Promise<Ran> =>
    run('keys', 'load', place(to), ...args)

  it('take keys from one database to another', async () => {
    const { out, notes } = await keys('dump')
    expect(notes).toBe('')
    expect(out.split('\n').slice(0, 3)).toEqual([
      '{"asof":"keys","format":1,"history":false}',
      '{"keyspace":"tea","key":"price","value":3}',
      '{"keyspace":"users","key":"ada","value":"Ada"}',
    ])
    expect(out).toMatch(/\n\{"end":"keys","count":8\}\n$/)
    writeFileSync(place('all.jsonl'), out)
    const loaded = await load('copy', place('all.jsonl'))
    expect(loaded).toMatchObject({ code: 0, notes: '' })
    expect(loaded.out).toMatch(/^Loaded 8 statements in 1 commit: .*\n {2}keyspaces: tea, users\n$/)
    expect((await run('keys', 'dump', place('copy'))).out).toBe(out)
    // Nothing is stated twice.
    await load('copy', place('all.jsonl'))
    await using database = await open(place('copy'))
    expect(database.stats().versions.keys).toBe(8)
  })

  it('write to a file that is whole or as it was', async () => {
    writeFileSync(place('out.jsonl'), 'before')
    const stopped = await runInterrupted('keys', 'dump', db, '--out', place('out.jsonl'))
    expect(stopped).toMatchObject({ code: 130, out: '' })
    expect(readFileSync(place('out.jsonl'), 'utf8')).toBe('before')
    const written = await keys('dump', 'users', '--out', place('out.jsonl'))
    expect(written).toMatchObject({ code: 0, out: '' })
    expect(written.notes).toContain('7 keys written to ')
    const [, ...rest] = readFileSync(place('out.jsonl'), 'utf8').split('\n')
    expect(rest.length).toBe(9)
    expect(readdirSync(place('.')).filter((name) => name.includes('unfinished'))).toEqual([])
    expect(await keys('dump', 'nothing')).toMatchObject({ code: 4 })
    expect(await keys('dump', '--out', place('no/such/file'))).toMatchObject({ code: 1 })
  })

  it('take whole histories over, each commit with its times and who made it', async () => {
    const dump = await keys('dump', '--versions')
    writeFileSync(place('history.jsonl'), dump.out)
    const loaded = await load('history', place('history.jsonl'), '--json')
    expect(JSON.parse(loaded.out)).toMatchObject({ keys: 11, commits: 4, alreadyLoaded: 0 })
    const again = await load('history', place('history.jsonl'), '--json')
    expect(JSON.parse(again.out)).toMatchObject({ keys: 0, commits: 0, alreadyLoaded: 11 })
    expect((await run('keys', 'dump', place('history'), '--versions')).out).toBe(dump.out)
    await using database = await open(place('history'))
    expect(database.commit(2)?.meta).toEqual({ who: 'me' })
    expect(database.retention()).toContainEqual({ of: { keyspace: 'users' }, keep: 'forever' })
    // What is later than the history does not let it in.
    await database.write((tx) => tx.keys('b').put('a', 1))
    await database.close()
    await using other = await open(place('later'))
    await other.write((tx) => tx.keys('b').put('a', 1))
    await other.close()
    const late = await load('later', place('history.jsonl'))
    expect(late).toMatchObject({ code: 1, out: '' })
    expect(late.notes).toContain(':2: the database has commits that are later')
  })

  it('name the line that cannot be used, and go on with --skip-bad', async () => {
    const rows = [
      '{"keyspace":"a","key":"1","value":1}',
      '',
      '{"keyspace":"a","key":null,"value":1}',
      '{"keyspace":"a","key":"2","value":2}',
      '{"keyspace":"a","key":"","value":2}',
      'nonsense',
      '{"keyspace":"","key":"b","value":2}',
      '{"key":"b","value":2}',
      '{"keyspace":"a","key":"b"}',
      '{"keyspace":"a","key":"3","value":3}',
    ]
    writeFileSync(place('rows.jsonl'), rows.join('\r\n'))
    const failed = await load('rows', place('rows.jsonl'))
    expect([failed.code, failed.out]).toEqual([1, ''])
    expect(failed.notes).toContain('rows.jsonl:3: a key is text')
    expect((await run('keys', 'list', place('rows'), 'a', '--count')).out).toBe('1\n')
    const skipped = await load('rows', place('rows.jsonl'), '--skip-bad', '--json', '--batch', '2')
    expect(skipped.code).toBe(0)
    expect(JSON.parse(skipped.out)).toMatchObject({ bad: 6, keys: 3 })
    const named = [...skipped.notes.matchAll(/rows\.jsonl:(\d+): /g)].map(([, line]) => line)
    expect(new Set(named)).toEqual(new Set(['3', '5', '6', '7', '8', '9']))
    expect((await run('keys', 'list', place('rows'), 'a', '--count')).out).toBe('3\n')
    const refused = rows.filter((_, at) => at === 0 || at === 4 || at === 9).join('\n')
    writeFileSync(place('refused.jsonl'), refused)
    const late = await load('refused', place('refused.jsonl'))
    expect(late).toMatchObject({
      code: 1,
      notes: expect.stringContaining('refused.jsonl:2: a key'),
    })
    expect((await run('keys', 'list', place('refused'), 'a', '--keys-only')).out).toBe('1\n')
  })

  it('know a dump that was cut off, or is of another kind', async () => {
    const { out } = await keys('dump', 'users')
    const rows = out.split('\n')
    writeFileSync(place('cut.jsonl'), rows.slice(0, 4).join('\n'))
    const cut = await load('cut', place('cut.jsonl'))
    expect(cut).toMatchObject({ code: 1, notes: expect.stringContaining('was cut off') })
    expect((await run('keys', 'list', place('cut'), 'users', '--count')).out).toBe('3\n')
    writeFileSync(place('hole.jsonl'), rows.toSpliced(2, 1).join('\n'))
    const hole = await load('hole', place('hole.jsonl'))
    expect(hole).toMatchObject({ code: 1, notes: expect.stringContaining('6 statements where') })
    writeFileSync(place('next.jsonl'), '{"asof":"keys","format":2}\n')
    const next = await load('next', place('next.jsonl'))
    expect(next).toMatchObject({ code: 1, notes: expect.stringContaining('this program reads 1') })
    mkdirSync(place('folder'))
    expect(await load('none', place('folder'))).toMatchObject({ code: 1 })
    expect(await load('none', place('missing'))).toMatchObject({ code: 1 })
    expect(readdirSync(place('.'))).not.toContain('none')
  })

  it('put everything into one keyspace, and stop at Ctrl-C', async () => {
    const { out } = await keys('list', 'users', '--json')
    writeFileSync(place('lines.jsonl'), out)
    await load('one', place('lines.jsonl'), '--keyspace', 'copy')
    expect((await run('keys', 'list', place('one'), 'copy', '--json')).out).toBe(out)
    const stopped = await runInterrupted('keys', 'load', place('two'), place('lines.jsonl'))
    expect(stopped).toMatchObject({ code: 130, notes: 'stopped; the same command goes on\n' })
  })
})

describe('asof keys watch', () => {
  it('tells commits of keys behind a point', async () => {
    expect(await lines('watch', '--after', '1', '--once')).toEqual([
      {
        sequence: 2,
        system: expect.any(String),
        meta: { who: 'me' },
        changes: [{ keyspace: 'users', key: 'ada', valid: [null, null], value: 'Ada' }],
      },
      {
        sequence: 3,
        system: expect.any(String),
        changes: [{ keyspace: 'users', key: 'bob', valid: [null, null], isDeleted: true }],
      },
      {
        sequence: 4,
        system: expect.any(String),
        changes: [
          { keyspace: 'tea', key: 'price', valid: ['2024-01-01T00:00:00Z', null], value: 3 },
        ],
      },
    ])
    const bounded = await lines('watch', 'users', '--prefix', 'b', '--after', '0', '--once')
    expect(bounded).toMatchObject([{ sequence: 1, changes: [{ key: 'bob' }] }, { sequence: 3 }])
    expect(await lines('watch', '--once')).toEqual([])
    expect(await keys('watch', '--after', '9', '--once')).toMatchObject({ code: 4 })
    expect(await runInterrupted('keys', 'watch', db)).toMatchObject({ code: 130, out: '' })
  })
})

import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'asofdb'
import { beforeAll, describe, expect, it } from 'vitest'
import { runCommand as run, runInterrupted } from '../import/run-command.ts'
import { temporaryFolder } from '../import/temporary-folder.ts'

const place = temporaryFolder()
const names = ['compact', 'prune', 'erase', 'retention']

beforeAll(async () => {
  await using database = await open(place('original'), { durability: 'os' })
  for (let day = 1; day <= 6; day++) {
    await database.import(
      (tx) => {
        if (day === 1) {
          const ada = tx.createNode('Person', { name: 'Ada' }, { valid: 'always' })
          const bob = tx.createNode('Person', { name: 'Bob' }, { valid: 'always' })
          tx.createEdge(ada, 'KNOWS', bob, {}, { valid: 'always' })
          tx.keys('cache').put([7, 'x'], 'tuple')
        }
        tx.keys('cache').put('n', day)
      },
      { system: `2024-01-0${day}` },
    )
  }
})

/** A copy of the database of six days, in which nothing was forgotten. */
function copy(name: string): string {
  const folder = place(name)
  cpSync(place('original'), folder, { recursive: true })
  return folder
}

async function runJson(...args: string[]): Promise<Record<string, unknown>> {
  const { code, out, notes } = await run(...args, '--json')
  expect([code, notes]).toEqual([0, ''])
  return JSON.parse(out) as Record<string, unknown>
}

describe('asof prune and asof compact', () => {
  it('show the horizons and what was gained', async () => {
    const folder = copy('pruned')
    const args = ['prune', folder, '--keyspace', 'cache', '--before', '2024-01-04T12:00:00Z']
    const pruned = await run(...args)
    expect([pruned.code, pruned.notes]).toEqual([0, ''])
    const [, horizon, gain] = pruned.out.split('\n')
    expect(pruned.out).toContain('pruned: pruned in #7\n')
    expect(horizon).toMatch(/^ {2}keyspace cache: told as of #4, 2024-01-04.* and later$/)
    expect(gain).toMatch(/^ {2}3 versions dropped, 7 versions kept; tables of .* are .* now; took /)
    const again = await run(...args)
    expect(again.out).toContain('nothing to prune, every horizon is there already')
    expect(again.code).toBe(0)
    await using database = await open(folder)
    expect(database.asOf({ sequence: 4 }).keys('cache').get('n')).toBe(4)
    const early = database.asOf({ sequence: 3 }).keys('cache')
    expect(() => early.get('n')).toThrow(expect.objectContaining({ code: 'HistoryPruned' }))
  })

  it('take points as every command does, and leave the room for later if asked to', async () => {
    const folder = copy('later')
    const points = ['--before', '#2', '--label', 'Person', '--type', 'KNOWS']
    const report = await runJson('prune', folder, ...points, '--no-compact')
    expect(report).toMatchObject({
      sequence: 7,
      horizons: [
        { of: { label: 'Person' }, sequence: 2 },
        { of: { type: 'KNOWS' }, sequence: 2 },
      ],
    })
    expect(report).not.toHaveProperty('compaction')
    expect(await runJson('prune', folder, '--before', 'now', '--no-compact')).toMatchObject({
      horizons: [{ sequence: 7 }],
    })
    expect(await runJson('compact', folder)).toMatchObject({ sequence: 8, versionsDropped: 5 })
    const second = await run('compact', folder)
    const stats = await run('stats', folder)
    expect(stats.out).toMatch(/\n {2}horizons +3 +the past before them was pruned; 0 compactions/)
    expect(second.out).toMatch(/later: compacted as of #8\n {2}0 versions dropped, 5 versions kept/)
    const verified = await run('verify', folder)
    expect(verified.code).toBe(0)
  })

  it('do what the rules say where nothing is named', async () => {
    const folder = copy('rules')
    const nothing = await run('prune', folder)
    expect(nothing.out).toContain('nothing to prune')
    expect(nothing.out).toContain('no retention is set either')
    await run('retention', folder, '--keyspace', 'cache', '--keep', 'present')
    const report = await runJson('prune', folder)
    expect(report).toMatchObject({
      horizons: [{ of: { keyspace: 'cache' }, sequence: 7 }],
      compaction: { versionsDropped: 5 },
    })
  })

  it('stop at Ctrl-C with everything as it was', async () => {
    const folder = copy('stopped')
    const notes = 'stopped; run the same command again to finish\n'
    expect(await runInterrupted('compact', folder)).toEqual({ code: 130, out: '', notes })
    await using database = await open(folder)
    expect(database.stats().versions.keys).toBe(7)
  })

  it('once committed are finished by asof compact', async () => {
    const folder = copy('begun')
    const notes = 'stopped; asof compact finishes what was begun\n'
    const prune = ['prune', folder, '--keyspace', 'cache', '--before', '#4']
    expect(await runInterrupted(...prune)).toEqual({ code: 130, out: '', notes })
    expect((await run(...prune)).out).toContain('nothing to prune')
    expect(await runJson('compact', folder)).toMatchObject({ versionsDropped: 3 })
  })
})

describe('asof retention', () => {
  it('sets rules, lists them as they were typed, and takes them away', async () => {
    const folder = copy('kept')
    const none = await run('retention', folder)
    expect(none).toMatchObject({ code: 0, notes: '' })
    expect(none.out).toMatch(/kept\n {2}other keyspaces: .*\n {2}all else is kept for ever\n$/)
    await run('retention', folder, '--label', 'Person', '--type', 'KNOWS', '--keep', '90m')
    await run('retention', folder, '--keyspace', 'cache', '--keep', '2w')
    const listed = await run('retention', folder)
    const rules = listed.out.split('\n').slice(1, -1)
    expect(rules).toEqual([
      '  type KNOWS      90m',
      '  keyspace cache  2w',
      '  label Person    90m',
      '  other keyspaces: as the program says that opens the database, by default the present',
      '  all else is kept for ever',
    ])
    await run('retention', folder, '--label', 'Person', '--keep', 'forever')
    expect(await runJson('retention', folder)).toMatchObject({
      retention: [
        { of: { type: 'KNOWS' }, keep: { keepMs: 5_400_000 } },
        { of: { keyspace: 'cache' }, keep: { keepMs: 1_209_600_000 } },
      ],
    })
    await run('retention', folder, '--type', 'KNOWS', '--keep', 'default')
    await run('retention', folder, '--keyspace', 'cache', '--keep', 'forever')
    expect((await runJson('retention', folder)) as object).toMatchObject({
      retention: [{ of: { keyspace: 'cache' }, keep: 'forever' }],
    })
  })
})

describe('asof erase', () => {
  it('erases ids and keys, says what went and which backups hold it still', async () => {
    const folder = copy('erased')
    const { code, out, notes } = await run('erase', folder, 'node:1', '--yes')
    expect([code, notes]).toEqual([0, ''])
    expect(out).toContain('erased: erased in #7: 1 node, 1 edge, 0 keys\n')
    expect(out).toContain('  no file of the database holds a byte of it\n')
    expect(out).toContain('  backups last made before #7 hold it: bring them up to date, or delete')
    const keys = ['--keyspace', 'cache', '--key', 'n', '--key', '[7,"x"]']
    expect(await runJson('erase', folder, ...keys, '--yes')).toMatchObject({
      keys: 2,
      remaining: [],
      backupsBefore: 8,
    })
    const again = await run('erase', folder, '1', '--yes')
    expect([again.code, again.out]).toEqual([0, expect.stringContaining('erased before')])
    await using database = await open(folder)
    expect([...database.keys('cache').range({})]).toEqual([])
    expect(database.asOf({ sequence: 3 }).node(1)).toBeUndefined()
  })

  it('stopped once it is committed is finished by asof compact', async () => {
    const folder = copy('half-erased')
    await using database = await open(folder, { durability: 'os' })
    await database.write((tx) => tx.keys('cache').put('secret', 'qvzjxkwpfgh'))
    await database.close()
    const isInFiles = (): boolean =>
      readdirSync(folder, { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isFile())
        .some((entry) => readFileSync(join(entry.parentPath, entry.name)).includes('qvzjxkwpfgh'))
    const key = ['--keyspace', 'cache', '--key', 'secret', '--yes']
    const notes = 'stopped; asof compact finishes what was begun\n'
    expect(await runInterrupted('erase', folder, ...key)).toEqual({ code: 130, out: '', notes })
    expect(isInFiles()).toBe(true)
    expect((await run('compact', folder)).code).toBe(0)
    expect(isInFiles()).toBe(false)
  })

  it('does nothing without --yes', async () => {
    const folder = copy('asked')
    const before = readdirSync(folder)
    const asked = await run('erase', folder, '1')
    expect(asked).toMatchObject({ code: 2, out: '' })
    expect(asked.notes).toContain('add --yes to the same command to do it')
    expect(readdirSync(folder)).toEqual(before)
  })

  it('names the files that may hold it still, with exit code 1', async () => {
    const folder = copy('damaged')
    const name = readdirSync(join(folder, 'checkpoint'))[0] ?? ''
    const path = join(folder, 'checkpoint', name)
    const bytes = readFileSync(path)
    bytes[bytes.length - 16] = (bytes[bytes.length - 16] ?? 0) ^ 1
    writeFileSync(path, bytes)
    const recovered = await run('recover', folder, '--policy', 'repair')
    expect([0, 3]).toContain(recovered.code)
    await using database = await open(folder)
    await database.write((tx) => tx.keys('cache').put('n', 0))
    await database.close()
    const ran = await run('erase', folder, '--keyspace', 'cache', '--key', 'n', '--yes')
    expect(ran.code).toBe(1)
    expect(ran.out).toMatch(/these files may hold it still:\n {4}quarantine\/0001: it was damaged/)
  })
})

describe('the commands that forget', () => {
  it('teach by their help', async () => {
    for (const name of names) {
      const help = await run(name, '--help')
      expect(help.code).toBe(0)
      expect(help.out).toContain('Examples')
      expect(help.out).toContain(`asof ${name} history`)
      expect(help.out).toContain('--json')
      expect(await run(name)).toMatchObject({ code: 2, out: '' })
    }
  })

  it('refuse what they do not understand with the exit codes of all commands', async () => {
    const folder = copy('refused')
    const cases: [string[], number, RegExp][] = [
      [['compact', folder, 'more'], 2, /one argument too many/],
      [['compact', place('none')], 1, /there is no directory .*none/],
      [['prune', folder, '--before', 'noon'], 2, /does not understand 'noon'/],
      [['prune', folder, '--before', '#70'], 4, /there is no commit #70/],
      [['prune', folder, '--before', '2999'], 1, /TimeInFuture/],
      [['prune', folder, '--label', ''], 2, /--label takes a name/],
      [['prune', folder, '--labels', 'Person'], 2, /did you mean --label/],
      [['retention', folder, '--keep', 'present'], 2, /keep what\?/],
      [['retention', folder, '--type', 'KNOWS'], 2, /keep it how long\?/],
      [['retention', folder, '--type', 'KNOWS', '--keep', '3y'], 2, /does not understand '3y'/],
      [['erase', folder, '--yes'], 2, /erase what\?/],
      [['erase', folder, 'node:2', '--yes'], 2, /'node:2' is not the id/],
      [['erase', folder, '3', '--yes'], 2, /'3' is not the id/],
      [['erase', folder, '401', '--yes'], 4, /401 is not the id of a node or an edge of this/],
      [['erase', folder, '--key', 'n', '--yes'], 2, /--keyspace and --key, both/],
      [['erase', folder, '--keyspace', 'cache', '--key', 'm', '--yes'], 4, /no key m in cache/],
    ]
    for (const [args, code, says] of cases) {
      const ran = await run(...args)
      expect([args, ran.code, ran.notes]).toEqual([args, code, expect.stringMatching(says)])
    }
    await using database = await open(folder)
    expect(database.sequence).toBe(6)
  })
})

import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { open, type Transaction } from 'asofdb'
import { beforeAll, describe, expect, it } from 'vitest'
import { runCommand as run, runInterrupted } from '../import/run-command.ts'
import { temporaryFolder } from '../import/temporary-folder.ts'
import { wholeHistory } from './whole-history.ts'

const path = temporaryFolder()
let history = ''

async function runJson(...args: string[]): Promise<Record<string, unknown>> {
  const { code, out, notes } = await run(...args, '--json')
  expect(code, notes).toBe(0)
  return JSON.parse(out) as Record<string, unknown>
}

async function historyOf(name: string): Promise<string[]> {
  await using database = await open(path(name), { create: false })
  return wholeHistory(database, database.sequence)
}

beforeAll(async () => {
  history = path('history')
  await using database = await open(history)
  for (let day = 1; day <= 5; day++) {
    const system = `2024-01-0${day}`
    const meta = { who: `writer ${day}` }
    const body = (tx: Transaction) => tx.createNode('N', { day }, { valid: 'always' })
    await database.import(body, { system, meta })
  }
})

describe('asof backup', () => {
  it('makes a backup, brings it up to date, and says what it took', async () => {
    const first = await run('backup', history, '--into', path('backup'))
    expect(first.code, first.notes).toBe(0)
    expect(first.out).toMatch(/backup: up to #5, 2024-01-05/)
    expect(first.out).toMatch(/copied 1 file, [\d.]+ KB; was there already 0 files, 0 B/)
    const again = await runJson('backup', history, '--into', path('backup'))
    expect(again).toMatchObject({ sequence: 5, previousSequence: 5, bytesCopied: 0 })
    expect((await run('verify', path('backup'))).code).toBe(0)
    expect(await historyOf('backup')).toEqual(await historyOf('history'))
  })

  it('refuses a directory of other things, and a command line that says too little', async () => {
    mkdirSync(path('things'))
    writeFileSync(path('things/letter.txt'), 'Dear')
    const refused = await run('backup', history, '--into', path('things'))
    expect(refused.code).toBe(1)
    expect(refused.notes).toMatch(/NotADatabase: .* holds letter.txt; give an empty directory/)
    expect(readdirSync(path('things'))).toEqual(['letter.txt'])
    for (const name of ['backup', 'restore', 'fork']) {
      expect(await run(name, history)).toMatchObject({ code: 2, out: '' })
      expect((await run(name)).code).toBe(2)
      const help = await run(name, '--help')
      expect(help.code).toBe(0)
      expect(help.out).toContain(`asof ${name} `)
    }
  })

  it('stops at Ctrl-C, and the same command finishes', async () => {
    const args = ['backup', history, '--into', path('stopped')]
    const stopped = await runInterrupted(...args)
    expect(stopped.code).toBe(130)
    expect(stopped.notes).toContain('run the same command again')
    expect((await run(...args)).code).toBe(0)
    expect(await historyOf('stopped')).toEqual(await historyOf('history'))
  })
})

describe('asof restore and asof fork', () => {
  it('make databases as of a commit or a time', async () => {
    await run('backup', history, '--into', path('kept'))
    await using original = await open(history)
    const expected = [3, 4, 5].map((sequence) => wholeHistory(original, sequence))
    await original.close()
    const kept = ['restore', path('kept'), '--into']
    const fork = ['fork', history, '--into']
    const cases: [string, string[], number][] = [
      ['r3', [...kept, path('r3'), '--to-sequence', '3'], 3],
      ['r4', [...kept, path('r4'), '--to-time', '2024-01-04T12:00:00Z'], 4],
      ['r5', [...kept, path('r5')], 5],
      ['f3', [...fork, path('f3'), '--to-time', '2024-01-03'], 3],
      ['f4', [...fork, path('f4'), '--to-sequence', '4'], 4],
      ['f5', [...fork, path('f5')], 5],
    ]
    for (const [name, args, sequence] of cases) {
      expect(await runJson(...args)).toMatchObject({ directory: path(name), sequence })
      expect(await historyOf(name)).toEqual(expected[sequence - 3])
    }
    const said = await run(...kept, path('said'), '--to-sequence', '2')
    expect(said.out).toMatch(/said: 2 commits, up to #2, 2024-01-02/)
  })

  it('refuse points that are not there with the exit codes of all commands', async () => {
    const into = ['--into', path('never')]
    const codes: [string[], number, RegExp][] = [
      [['--to-sequence', '6'], 1, /there is no commit 6; the newest is 5/],
      [['--to-sequence', 'six'], 2, /takes the number of a commit/],
      [['--to-time', '#3'], 2, /--to-sequence takes the number/],
      [['--to-time', 'noon'], 2, /does not understand 'noon'/],
      [['--to-time', '2024', '--to-sequence', '3'], 2, /not both/],
      [['--to-time', '2999'], 1, /TimeInFuture/],
    ]
    for (const name of ['restore', 'fork']) {
      for (const [args, code, says] of codes) {
        const ran = await run(name, history, ...into, ...args)
        expect([ran.code, ran.notes]).toEqual([code, expect.stringMatching(says)])
      }
    }
    expect(existsSync(path('never'))).toBe(false)
  })
})

import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { runCommand as run } from '../import/run-command.ts'
import { temporaryFolder } from '../import/temporary-folder.ts'

const place = temporaryFolder()
const segment = 'log-0000000000000001-00000001.seg'

beforeAll(async () => {
  writeFileSync(place('facts.csv'), 'subject,relation,object,from\na,knows,b,2020-01-01\n')
  const paths = ['--log-directory', place('fast'), '--checkpoint-directory', '../points']
  const into = ['--into', place('history'), '--quiet', ...paths]
  const made = await run('import', 'facts', place('facts.csv'), ...into)
  expect(made).toMatchObject({ code: 0, notes: '' })
})

describe('the command', () => {
  it('makes a database with log and checkpoints elsewhere, and finds them again', async () => {
    expect(existsSync(place(`fast/${segment}`))).toBe(true)
    expect(existsSync(place('points/00000001.checkpoint'))).toBe(true)
    expect(await run('verify', place('history'))).toMatchObject({ code: 0 })
    const { out } = await run('stats', place('history'), '--json')
    expect(JSON.parse(out)).toMatchObject({ sequence: 1 })
    const into = ['--into', place('history'), '--log-directory', place('other')]
    const other = await run('import', 'facts', place('facts.csv'), ...into)
    expect(other.code).toBe(1)
    expect(other.notes).toContain(`with the log in ${place('fast')}`)
  })

  it('says where a damaged file really is', async () => {
    const home = place('damaged')
    mkdirSync(home)
    for (const name of ['history', 'points']) {
      cpSync(place(name), join(home, name), { recursive: true })
    }
    cpSync(place('fast'), join(home, 'fast'), { recursive: true })
    const moved = join(home, 'fast')
    expect((await run('verify', join(home, 'history'))).code).toBe(3)
    const told = await run('relocate', join(home, 'history'), '--log-directory', moved)
    expect(told).toMatchObject({ code: 0, notes: '' })
    expect(told.out).toContain(`log          ${moved}`)
    expect((await run('verify', join(home, 'history'))).code).toBe(0)
    const bytes = readFileSync(join(home, 'points/00000001.checkpoint'))
    bytes[bytes.length - 9] = (bytes.at(-9) ?? 0) ^ 1
    writeFileSync(join(home, 'points/00000001.checkpoint'), bytes)
    const { code, out } = await run('verify', join(home, 'history'))
    expect(code).toBe(3)
    expect(out).toContain(`log/ is ${moved}`)
    expect(out).toContain(`checkpoint/ is ${join(home, 'points')}`)
  })

  it('tells programs where things are after a move, and refuses what is not there', async () => {
    const wrong = await run('relocate', place('history'), '--log-directory', place('nowhere'))
    expect(wrong.code).toBe(1)
    expect(wrong.notes).toContain('there is no such directory')
    renameSync(place('fast'), place('faster'))
    const { code, out } = await run('show', place('history'))
    expect([code, out]).toEqual([1, ''])
    const args = ['relocate', place('history'), '--log-directory', '../faster', '--json']
    expect(JSON.parse((await run(...args)).out)).toEqual({
      directory: place('history'),
      logDirectory: place('faster'),
      checkpointDirectory: place('points'),
    })
    expect((await run('verify', place('history'))).code).toBe(0)
  })
})

import { setTimeout as delay } from 'node:timers/promises'
import { open } from 'asofdb'
import { beforeAll, describe, expect, it } from 'vitest'
import { runCommand as run } from './run-command.ts'
import { line } from './checked-import.ts'
import { startCommand } from './command-process.ts'
import { makeRepository } from './git-repository.ts'
import { temporaryFolder } from './temporary-folder.ts'

const place = temporaryFolder()
const commitCount = 2000
let repository = ''

beforeAll(() => {
  repository = place('repository')
  const changes = Array.from({ length: commitCount }, (_, number) => [
    { path: `dir/file ${number % 50}`, content: String(number) },
  ])
  makeRepository(repository, line(...changes))
})

describe('the command in a process of its own', () => {
  it('stops in order at Ctrl-C, and goes on when it is run again', async () => {
    const args = ['import', 'git', repository, '--into', place('stopped')]
    const running = startCommand(args)
    await running.said('Importing')
    await delay(60)
    running.child.kill('SIGINT')
    const { code, signal, stderr } = await running.ended
    // It may have been through before the signal came.
    expect([130, 0], stderr).toContain(code)
    expect(signal).toBeNull()
    if (code === 130) expect(stderr).toContain('the same command goes on')
    const again = await run(...args, '--json')
    expect(again.code, again.notes).toBe(0)
    expect(JSON.parse(again.out)).toMatchObject({ commits: commitCount, isComplete: true })
  })

  it('bears a reader that goes away', async () => {
    const running = startCommand(['show', place('stopped'), 'Commit', '--limit', '2000'])
    running.child.stdout?.destroy()
    const { code, stderr } = await running.ended
    expect(stderr).toBe('')
    expect(code).toBe(0)
  })

  it('names the process that holds a database', async () => {
    const folder = place('held')
    const database = await open(folder)
    try {
      const { code, stderr } = await startCommand(['show', folder]).ended
      expect(code).toBe(1)
      expect(stderr).toContain('asof: Locked:')
      expect(stderr).toContain(String(process.pid))
    } finally {
      await database.close()
    }
  })
})

describe('asof demo', () => {
  it('imports, tells its story, leaves a database and three commands that work', async () => {
    const folder = place('demo')
    const { code, out, notes } = await run('demo', repository, '--into', folder)
    expect(code, notes).toBe(0)
    for (const words of [
      'The tree and its authors as of',
      'Who last touched dir/file',
      'Timeline of dir/file',
      'Provenance of dir/file',
      'The difference between',
      'durable commits per second',
    ]) {
      expect(out).toContain(words)
    }
    const toTry = out
      .split('\n')
      .filter((text) => /^ {2}(?:npx |npm run --silent )?asof /.test(text))
    expect(toTry).toHaveLength(3)
    for (const text of toTry) {
      const words = [...text.matchAll(/'([^']*)'|(\S+)/g)].map(
        ([, quoted, plain]) => quoted ?? plain,
      )
      const args = words.slice(words.indexOf('asof') + 1).filter((word) => word !== '--')
      expect(await run(...args.map(String)), text).toMatchObject({ code: 0 })
    }
    const again = await run('demo', repository, '--into', folder)
    expect(again.out).toContain('nothing was left to import')
  })

  it('never removes a folder that the user has named', async () => {
    const other = place('other')
    makeRepository(other, line([{ path: 'z', content: '1' }]))
    const { code, notes } = await run('demo', other, '--into', place('demo'))
    expect(code).toBe(1)
    expect(notes).toContain('another repository')
    await using database = await open(place('demo'), { create: false })
    expect(database.sequence).toBe(commitCount)
  })

  it('has something to tell of the smallest history', async () => {
    const other = place('other')
    expect(await run('demo', other, '--into', place('small'))).toMatchObject({ code: 0 })
    const bare = place('bare')
    makeRepository(bare, [{ parents: [], authored: 0, changes: [] }])
    const { code, out } = await run('demo', bare, '--into', place('bare-demo'))
    expect(code).toBe(0)
    expect(out).toContain('Imported')
    expect(out).not.toContain('Three things')
  })
})

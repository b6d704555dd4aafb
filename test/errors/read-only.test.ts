import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { open } from 'asofdb'
import { writePlainEngine } from '../kills/plain-modules.ts'

let folder: string
let engine: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'asof-read-only-'))
  chmodSync(folder, 0o755)
  engine = writePlainEngine(join(folder, 'engine'))
})

afterAll(() => {
  forEachPath(folder, (path) => chmodSync(path, 0o777))
  rmSync(folder, { recursive: true, force: true })
})

function forEachPath(path: string, visit: (path: string) => void): void {
  visit(path)
  if (!statSync(path).isDirectory()) return
  for (const name of readdirSync(path)) forEachPath(join(path, name), visit)
}

/** The superuser may write anywhere, so what opens is another user, whoever runs the test. */
const opener = `
const { open } = await import(process.argv[1])
if (process.getuid() === 0) process.setuid(65534)
const error = await open(process.argv[2]).then(() => ({ code: 'opened' }), error => error)
const { code, kind, message } = error
console.log(JSON.stringify({ code, kind, message }))
`

function openAsSomebody(path: string): Record<string, string> {
  const args = ['--input-type=module', '--eval', opener, engine, path]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

describe.skipIf(process.platform === 'win32')('a directory that may only be read', () => {
  it('is refused with what to check, and stays as it is', async () => {
    const path = join(folder, 'database')
    const database = await open(path)
    await database.write((tx) => tx.createNode('P', { name: 'first' }))
    await database.close()
    forEachPath(path, (one) => chmodSync(one, statSync(one).isDirectory() ? 0o555 : 0o444))
    const before = readdirSync(path, { recursive: true, encoding: 'utf8' })
    const refused = openAsSomebody(path)
    expect(refused).toMatchObject({ code: 'ReadOnly', kind: 'unavailable' })
    expect(refused['message']).toContain(path)
    expect(refused['message']).toMatch(/check its permissions/)
    expect(readdirSync(path, { recursive: true, encoding: 'utf8' })).toEqual(before)
  })

  it('is no place for a database', () => {
    chmodSync(folder, 0o555)
    const refused = openAsSomebody(join(folder, 'another'))
    chmodSync(folder, 0o755)
    expect(refused).toMatchObject({ kind: 'unavailable' })
    expect(refused['message']).toContain(join(folder, 'another'))
    expect(refused['message']).toMatch(/EACCES|permission/)
  })
})

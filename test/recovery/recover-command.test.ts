import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'asofdb'
import { beforeAll, describe, expect, it } from 'vitest'
import { runCommand as run } from '../import/run-command.ts'
import { temporaryFolder } from '../import/temporary-folder.ts'

const place = temporaryFolder()
const segment = 'log/log-0000000000000001-00000001.seg'
const commits = 5

/** Five commits, killed; the third is damaged. */
beforeAll(async () => {
  const database = await open(place('used'))
  for (let commit = 1; commit <= commits; commit++) {
    const text = `number ${commit}`
    await database.write((tx) => tx.keys('all').put(commit, text))
  }
  const filter = (path: string): boolean => !path.includes('LOCK')
  cpSync(place('used'), place('sound'), { recursive: true, filter })
  cpSync(place('used'), place('damaged'), { recursive: true, filter })
  await database.close()
  const path = join(place('damaged'), segment)
  const bytes = readFileSync(path)
  const at = bytes.indexOf('number 3')
  bytes[at] = 'N'.charCodeAt(0)
  writeFileSync(path, bytes)
})

let copies = 0

function copyOfDamaged(): string {
  const folder = place(`copy-${copies++}`)
  cpSync(place('damaged'), folder, { recursive: true })
  return folder
}

function contentOf(folder: string): [name: string, bytes: string][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('LOCK'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => [path, readFileSync(path, 'base64')])
}

describe('asof verify', () => {
  it('names file, bytes and commit, and changes nothing', async () => {
    const folder = copyOfDamaged()
    const before = contentOf(folder)
    const { code, out } = await run('verify', folder)
    expect(code).toBe(3)
    expect(out).toMatch(/damaged \(row M\)/)
    expect(out).toMatch(/log\/log-\S+, byte \d+ to \d+, commit 3: .*\(checksum\)/)
    expect(out).toContain('whole up to commit 2')
    expect(contentOf(folder)).toEqual(before)
  })

  it('says the same to programs', async () => {
    const { code, out } = await run('verify', copyOfDamaged(), '--json')
    expect(code).toBe(3)
    expect(JSON.parse(out)).toMatchObject({
      isSound: false,
      code: 'Corrupt',
      row: 'M',
      sequence: 2,
      seenSequence: 5,
      damage: [{ file: segment, kind: 'checksum', commits: { first: 3, last: 3 } }],
    })
  })
})

describe('asof recover', () => {
  it('with --dry-run says what would be done, and does nothing', async () => {
    const folder = copyOfDamaged()
    const before = contentOf(folder)
    const { code, out } = await run('recover', folder, '--dry-run')
    expect(code).toBe(3)
    expect(out).toContain('repaired (row M), 2 commits')
    expect(out).toContain('missing: commits 3 to 5')
    expect(out).toContain('2 commits found whole behind the gap (commits 4 to 5)')
    expect(out).toContain(`in quarantine: ${segment} as quarantine/0001/`)
    expect(out).toContain('nothing was changed')
    expect(contentOf(folder)).toEqual(before)
  })

  it('repairs, and what it repaired is sound', async () => {
    const folder = copyOfDamaged()
    const { code, out } = await run('recover', folder)
    expect(code).toBe(3)
    expect(out).toContain('it opens for reading and writing')
    expect(existsSync(join(folder, 'quarantine', '0001', 'MANIFEST.json'))).toBe(true)
    expect((await run('verify', folder)).code).toBe(0)
    expect((await run('recover', folder)).code).toBe(0)
  })

  it('with --into writes a database of its own, and leaves the damaged one', async () => {
    const folder = copyOfDamaged()
    const before = contentOf(folder)
    const into = `${folder}-saved`
    const { code, out } = await run('recover', folder, '--into', into, '--json')
    expect(code).toBe(3)
    const lost = { first: 3, last: 5 }
    expect(JSON.parse(out)).toMatchObject({ into, recoveredSequence: 2, lost })
    expect(contentOf(folder)).toEqual(before)
    // Nobody has used it yet, so it may have been a crash that kept the answer back.
    expect(await run('recover', folder, '--into', into)).toMatchObject({ code: 3, notes: '' })
    const database = await open(into, { create: false })
    expect([...database.keys('all').range({})].map(({ key }) => key)).toEqual([1, 2])
    await database.close()
    const again = await run('recover', folder, '--into', into)
    expect(again).toMatchObject({ code: 1 })
    expect(again.notes).toContain('AlreadyExists')
    const inside = await run('recover', folder, '--into', join(folder, 'saved'))
    expect(inside.notes).toContain('lies in the database itself')
    expect(contentOf(folder)).toEqual(before)
  })

  it('by other policies changes nothing', async () => {
    const folder = copyOfDamaged()
    const before = contentOf(folder)
    const bestEffort = await run('recover', folder, '--policy', 'bestEffort')
    expect(bestEffort).toMatchObject({ code: 3, notes: '' })
    expect(bestEffort.out).toContain('it opens for reading only')
    const strict = await run('recover', folder, '--policy', 'strict')
    expect(strict).toMatchObject({ code: 3, out: '' })
    expect(strict.notes).toContain('Corrupt')
    expect(contentOf(folder)).toEqual(before)
  })

  it('has nothing to do where nothing is damaged', async () => {
    const { code, out } = await run('recover', place('sound'), '--dry-run')
    expect(code).toBe(0)
    expect(out).toContain('clean (row S), 5 commits')
  })

  it('refuses what makes no sense', async () => {
    const folder = copyOfDamaged()
    expect((await run('recover')).code).toBe(2)
    expect((await run('recover', folder, '--policy', 'best')).code).toBe(2)
    expect((await run('recover', folder, '--into', 'x', '--dry-run')).code).toBe(2)
    expect((await run('recover', place('nowhere'))).notes).toContain('NotADatabase')
  })
})

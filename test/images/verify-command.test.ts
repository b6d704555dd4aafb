import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'asofdb'
import { beforeAll, describe, expect, it } from 'vitest'
import { runCommand as run } from '../import/run-command.ts'
import { temporaryFolder } from '../import/temporary-folder.ts'
import { ask, everyIndex, writeKnown } from './image-database.ts'

const place = temporaryFolder()

beforeAll(async () => {
  const database = await open(place('used'), { indexImageRowsMin: 1 })
  await writeKnown(database, 40)
  ask(database)
  await database.close()
})

/** A copy in which one byte of an image is another, `fromEnd` bytes before its end. */
function copyWithDamage(name: string, file: string, fromEnd: number): string {
  const folder = place(name)
  cpSync(place('used'), folder, { recursive: true })
  const path = join(folder, 'index', file)
  const bytes = readFileSync(path)
  const at = bytes.length - fromEnd
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
  return folder
}

describe('asof verify', () => {
  it('says that the images of indexes are sound', async () => {
    const folder = place('sound')
    cpSync(place('used'), folder, { recursive: true })
    const { code, out } = await run('verify', folder)
    expect(out).toMatch(new RegExp(`  ${everyIndex.length} index images of .*, sound\n`))
    expect(code).toBe(0)
  })

  it('names a damaged image, which is no damage of the database', async () => {
    // The last byte is one of the last section; the first ones are those of the header.
    const folder = copyWithDamage('section', 'keys.image', 1)
    const { code, out } = await run('verify', folder)
    const line = '  index/keys.image: damaged, section 1 is damaged; not used, made anew\n'
    expect(out).toContain(line)
    expect(out).toContain('sound')
    expect(code).toBe(0)
    const again = await run('verify', folder)
    expect(again.out).not.toContain('damaged')
  })

  it('tells programs the state of each', async () => {
    const size = readFileSync(join(place('used'), 'index', 'labels.image')).length
    const folder = copyWithDamage('header', 'labels.image', size - 20)
    const { code, out } = await run('verify', folder, '--json')
    const report = JSON.parse(out)
    const states = report.indexImages.map((one: { file: string; state: string }) => [
      one.file,
      one.state,
    ])
    expect(Object.fromEntries(states)).toMatchObject({
      'index/labels.image': 'damaged',
      'index/settled-edges.image': 'loaded',
    })
    expect(report.isSound).toBe(true)
    expect(code).toBe(0)
  })
})

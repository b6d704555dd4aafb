import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { open, openReadOnly } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../import/temporary-folder.ts'

const place = temporaryFolder()

/** Every file below a folder with its bytes. */
function filesOf(folder: string): Map<string, string> {
  const files = new Map<string, string>()
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(folder, name)
    if (statSync(path).isFile()) files.set(name, readFileSync(path).toString('base64'))
  }
  return files
}

describe('openReadOnly', () => {
  it('reads beside the owner, without a lock and without a trace', async () => {
    const folder = place('owned')
    await using owner = await open(folder)
    await owner.write((tx) => tx.keys('a').put('k', 1))
    await owner.checkpoint()
    await owner.write((tx) => {
      tx.keys('a').put('k', 2)
      tx.createNode('Person', { name: 'Ada' })
    })
    const before = filesOf(folder)
    await using reader = await openReadOnly(folder)
    expect(reader.sequence).toBe(2)
    expect(reader.keys('a').get('k')).toBe(2)
    expect(reader.asOf({ sequence: 1 }).keys('a').get('k')).toBe(1)
    expect([...reader.nodes('Person')].length).toBe(1)
    expect(reader.recovery).toMatchObject({ isReadOnly: true, recoveredSequence: 2 })
    const message = expect.stringContaining('was opened with openReadOnly')
    const refused = expect.objectContaining({ code: 'ReadOnly', message })
    await expect(reader.write((tx) => tx.keys('a').put('k', 3))).rejects.toEqual(refused)
    await expect(reader.checkpoint()).rejects.toEqual(refused)
    expect((await reader.verify()).isSound).toBe(true)
    await reader.close()
    expect(filesOf(folder)).toEqual(before)
    // What comes later is for those who open it later.
    await owner.write((tx) => tx.keys('a').put('k', 3))
    await using later = await openReadOnly(folder)
    expect(later.keys('a').get('k')).toBe(3)
  })

  it('finds a log that lies elsewhere, and needs no owner', async () => {
    const folder = place('placed')
    const owner = await open(folder, { logDirectory: place('placed-log') })
    await owner.write((tx) => tx.keys('a').put('k', 1))
    await owner.close()
    await using reader = await openReadOnly(folder)
    expect(reader.keys('a').get('k')).toBe(1)
    expect(reader.stats().places?.log).toBe(place('placed-log'))
  })

  it('sees a state that there was, whatever the owner does meanwhile', async () => {
    const folder = place('busy')
    const small = { segmentBytesMax: 6 * 1024, checkpointLogBytes: 20_000 }
    await using owner = await open(folder, { durability: 'os', keyRetention: 'forever', ...small })
    const commits = 600
    let isWriting = true
    const writing = (async () => {
      for (let at = 1; at <= commits; at++) {
        await owner.write((tx) => {
          tx.keys('a').put('count', at)
          tx.keys('a').put(at, 'x'.repeat(at % 200))
        })
        if (at % 150 === 0) await owner.compact()
      }
    })().finally(() => (isWriting = false))
    let seen = 0
    let looks = 0
    while (isWriting) {
      const earliest = owner.sequence
      await using reader = await openReadOnly(folder)
      looks++
      expect(reader.sequence).toBeGreaterThanOrEqual(Math.max(earliest, seen))
      const changed = [...reader.changes({ after: seen })]
      expect(changed.map(({ sequence }) => sequence)).toEqual(
        Array.from({ length: reader.sequence - seen }, (_, index) => seen + index + 1),
      )
      seen = reader.sequence
      const keys = reader.asOf({ sequence: seen }).keys('a')
      const count = Number(keys.get('count') ?? 0)
      expect(keys.range({ gt: 0 }).count()).toBe(count)
    }
    await writing
    expect(looks).toBeGreaterThan(3)
  })

  it('refuses what is no database, and what is damaged', async () => {
    await expect(openReadOnly(place('none'))).rejects.toMatchObject({ code: 'NotADatabase' })
    await expect(openReadOnly(':memory:')).rejects.toMatchObject({ code: 'InvalidArgument' })
    const folder = place('damaged')
    const owner = await open(folder)
    await owner.write((tx) => tx.keys('a').put('k', 1))
    await owner.close()
    const manifest = join(folder, 'MANIFEST')
    const bytes = readFileSync(manifest)
    truncateSync(manifest, bytes.length - 3)
    const before = filesOf(folder)
    await expect(openReadOnly(folder)).rejects.toMatchObject({ code: 'Corrupt' })
    expect(filesOf(folder)).toEqual(before)
    // What looks damaged for a moment is looked at again.
    const later = openReadOnly(folder)
    setTimeout(() => writeFileSync(manifest, bytes), 30)
    await using reader = await later
    expect(reader.keys('a').get('k')).toBe(1)
  })
})

import { crc32 } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import type { ErrorCode, ErrorKind } from 'asofdb'
import { sealManifest } from '../../packages/asofdb/src/checkpoint/manifest.ts'
import { segmentHeaderBytes } from '../../packages/asofdb/src/log/segment.ts'
import { must } from '../../packages/asofdb/src/rules/invariant.ts'
import { buildDatabase, directory, historyOf, openImage } from '../damage/damaged-database.ts'
import { type Image, ImageFiles } from '../damage/image-files.ts'
import { caught } from './caught.ts'

let own: Image
let other: Image
let history: string

beforeAll(async () => {
  const built = await buildDatabase('killed', 'own')
  own = built.image
  history = must(built.histories.at(-1), 'the last history')
  other = (await buildDatabase('killed', 'other')).image
})

interface Refused {
  readonly code: ErrorCode
  readonly kind: ErrorKind
  readonly says: readonly RegExp[]
}

/** Opening is refused so, nothing is changed, and with the files put right it opens again. */
async function expectRefused(files: Map<string, Uint8Array>, refused: Refused): Promise<void> {
  const disk = new ImageFiles({ ...own, files })
  const error = await caught(() => openImage(disk))
  expect({ code: error.code, kind: error.kind }).toEqual({ code: refused.code, kind: refused.kind })
  for (const words of refused.says) expect(error.message).toMatch(words)
  expect(disk.changes).toBe(0)
  const database = await openImage(new ImageFiles(own))
  expect(historyOf(database)).toBe(history)
}

function pathsOf(image: Image, part: string): string[] {
  return [...image.files.keys()].filter((path) => path.includes(part)).sort()
}

/** The file of the other database that has the place of this one. */
function counterpart(path: string): Uint8Array {
  const part = path.includes('/log/') ? '/log/' : '/checkpoint/'
  const place = pathsOf(own, part).indexOf(path)
  const name = pathsOf(other, part)[place] ?? path
  return must(other.files.get(other.files.has(path) ? path : name), 'a file of the other database')
}

describe('a file of another database', () => {
  it.each(['/log/', '/checkpoint/'])('in %s is told from damage, and named', async (part) => {
    const paths = pathsOf(own, part)
    expect(paths.length).toBeGreaterThan(0)
    for (const path of paths) {
      const name = new RegExp(must(path.split('/').at(-1), 'a name'))
      await expectRefused(new Map(own.files).set(path, counterpart(path)), {
        code: 'ForeignFile',
        kind: 'corrupt',
        says: [name, /another database/],
      })
    }
  })

  it('that is the manifest makes all the rest foreign', async () => {
    const path = `${directory}/MANIFEST`
    await expectRefused(new Map(own.files).set(path, must(other.files.get(path), 'a manifest')), {
      code: 'ForeignFile',
      kind: 'corrupt',
      says: [/another database/],
    })
  })
})

describe('a newer format', () => {
  const says = [/later/, /open it with/]

  it('of the manifest is no damage: the message says what to get', async () => {
    const path = `${directory}/MANIFEST`
    const manifest = sealManifest(2, '{"release":"7.1.0","whatever":[1]}\n')
    await expectRefused(new Map(own.files).set(path, manifest), {
      code: 'FormatTooNew',
      kind: 'invalid',
      says: [...says, /7\.1\.0/],
    })
  })

  it('of a segment is no damage', async () => {
    for (const path of pathsOf(own, '/log/')) {
      const bytes = must(own.files.get(path), 'a segment').slice()
      const view = new DataView(bytes.buffer)
      view.setUint32(8, 2, true)
      const end = segmentHeaderBytes - 4
      view.setUint32(end, crc32(bytes.subarray(0, end)), true)
      await expectRefused(new Map(own.files).set(path, bytes), {
        code: 'FormatTooNew',
        kind: 'invalid',
        says,
      })
    }
  })
})

describe('a part of the directory', () => {
  /** The disk without a file, or a directory and all in it. */
  function without(part: string): ImageFiles {
    const path = directory + part
    const files = [...own.files].filter(([name]) => name !== path && !name.startsWith(`${path}/`))
    const directories = new Set([...own.directories].filter((name) => name !== path))
    return new ImageFiles({ files: new Map(files), directories })
  }

  it.each(['/log', '/MANIFEST'])('%s that is gone is damage', async (part) => {
    const disk = without(part)
    const error = await caught(() => openImage(disk))
    expect({ code: error.code, kind: error.kind }).toEqual({ code: 'Corrupt', kind: 'corrupt' })
    expect(error.message).toMatch(/missing/)
    expect(error.message).toMatch(/restore a backup/)
    expect(error.message).toMatch(/nothing was changed/)
    expect(disk.changes).toBe(0)
  })

  it('/checkpoint that is gone is made again from the log', async () => {
    const database = await openImage(without('/checkpoint'))
    expect(historyOf(database)).toBe(history)
    expect(database.recovery.outcome).toBe('healed')
    await database.close()
  })

  it('that nobody needs may be a stranger, which stays', async () => {
    const letter = new TextEncoder().encode('dear reader')
    const path = `${directory}/letter.txt`
    const disk = new ImageFiles({ ...own, files: new Map(own.files).set(path, letter) })
    const database = await openImage(disk)
    expect(historyOf(database)).toBe(history)
    await database.close()
    expect(disk.image.files.get(path)).toEqual(letter)
  })
})

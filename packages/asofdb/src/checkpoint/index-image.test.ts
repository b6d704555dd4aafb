import { describe, expect, it } from 'vitest'
import { Tables } from '../versions/tables.ts'
import { imageFileName, imageNameKind } from './directory-names.ts'
import {
  decodeImageHeader,
  encodeImageHeader,
  imageBytes,
  imageHeaderBytes,
  type ImageHeader,
  imageHeaderLength,
  misfitOf,
  stateWithRows,
} from './index-image.ts'
import { isWorthImage } from './index-image-policy.ts'

const databaseId = '000102030405060708090a0b0c0d0e0f'

const header: ImageHeader = {
  databaseId,
  sequence: 2 ** 40,
  rows: 12,
  rewrites: 3,
  removals: 4,
  commitsChecksum: 0xdeadbeef,
  kind: 'key',
  indexFormat: 7,
  name: 'Straße (größe)',
  sections: [
    { length: 0, checksum: 0 },
    { length: 2 ** 33, checksum: 0xffffffff },
  ],
}

describe('the header of an index image', () => {
  const bytes = encodeImageHeader(header)

  it('is read as it was written', () => {
    expect(imageHeaderLength(bytes)).toBe(bytes.length)
    expect(bytes.length).toBe(imageHeaderBytes(header.name, 2))
    expect(decodeImageHeader(bytes)).toEqual({ type: 'header', header })
    expect(imageBytes(header)).toBe(bytes.length + 2 ** 33)
  })

  it('is damaged with any bit flipped, and cut anywhere', () => {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Uint8Array.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(decodeImageHeader(flipped), `bit ${bit}`).toEqual({ type: 'damaged' })
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeImageHeader(bytes.subarray(0, length))).toEqual({ type: 'damaged' })
    }
  })
})

/** Commits with one more node row each, a second apart. */
function tablesWith(systemTimes: readonly number[]): Tables {
  const tables = new Tables()
  for (const [index, time] of systemTimes.entries()) {
    const period = tables.node.periods.intern(0, 0, 1, 0)
    tables.node.append(index, period, 1)
    tables.commits.append(BigInt(time), tables.rowCounts(), 0)
  }
  return tables
}

describe('an image', () => {
  const tables = tablesWith([10, 20, 30, 40])
  const of = (on: Tables) => ({ tables: on, databaseId })
  const state = stateWithRows(tables, { kind: 'node', rows: 3, sequenceMax: 4 })
  const image = { ...header, kind: 'node' as const, ...state }

  it('is of the newest commit with its rows, and of none where no commit ended so', () => {
    expect(state).toMatchObject({ sequence: 3, rows: 3, rewrites: 0, removals: 0 })
    const edges = stateWithRows(tables, { kind: 'edge', rows: 0, sequenceMax: 2 })
    expect(edges?.sequence).toBe(2)
    expect(stateWithRows(tables, { kind: 'node', rows: 4, sequenceMax: 3 })).toBeUndefined()
  })

  it('fits the tables it is of, also when more commits came', () => {
    expect(misfitOf(image, of(tables))).toBeUndefined()
    expect(misfitOf(image, of(tablesWith([10, 20, 30, 40, 50])))).toBeUndefined()
  })

  it('fits no others, and says why', () => {
    const misfit = (changes: Partial<ImageHeader>, on = tables) =>
      misfitOf({ ...image, ...changes }, of(on))
    expect(misfit({ databaseId: databaseId.replace('0f', '0e') })).toContain('another database')
    expect(misfit({ sequence: 5 })).toContain('is not there')
    expect(misfit({ rows: 2 })).toContain('not of the 2 rows')
    expect(misfit({ rewrites: 1 })).toContain('made anew')
    expect(misfit({ removals: 1 })).toContain('taken away')
    expect(misfit({ sequence: 0, rows: 0 })).toContain('rows')
    expect(misfit({}, tablesWith([10, 20, 31, 40]))).toContain('another one')
    expect(misfit({}, tablesWith([11, 20, 30, 40]))).toContain('another one')
    tables.takeAway({ kind: 'prunedEverything', subject: 0, sequence: 1 })
    expect(misfit({})).toContain('taken away')
  })
})

describe('the names of images', () => {
  it('are those of the indexes, and known again', () => {
    expect(imageFileName('edges by source')).toBe('edges-by-source.image')
    expect(imageFileName('Person (name)')).toMatch(/^property-[0-9a-f]{8}\.image$/)
    for (const index of ['keys', 'Person (name)', '../x', 'labels (a)']) {
      const name = imageFileName(index)
      expect(imageNameKind(name)).toBe('image')
      expect(imageNameKind(`${name}.tmp`)).toBe('temporary')
    }
    for (const name of ['notes.txt', 'Keys.image', 'keys.image.old', '.image', 'a--b.image']) {
      expect(imageNameKind(name)).toBe('stranger')
    }
  })
})

describe('whether an image is worth it', () => {
  it('takes enough rows, and a quarter more than are held', () => {
    const table: [rows: number, rowsHeld: number, expected: boolean][] = [
      [0, 0, false],
      [99, 0, false],
      [100, 0, true],
      [150, 100, false],
      [200, 100, true],
      [1240, 1000, false],
      [1250, 1000, true],
      [1000, 1000, false],
      [900, 1000, false],
    ]
    for (const [rows, rowsHeld, expected] of table) {
      expect(isWorthImage({ rows, rowsHeld, rowsMin: 100 }), `${rows}/${rowsHeld}`).toBe(expected)
    }
    expect(isWorthImage({ rows: 1e9, rowsHeld: 0, rowsMin: Infinity })).toBe(false)
  })
})

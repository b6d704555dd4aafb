import { describe, expect, it } from 'vitest'
import { DatabaseError } from '../rules/errors.ts'
import { decodeOwner, decodePaths, encodeOwner, encodePaths } from './paths-file.ts'
import { sealText } from './sealed-text.ts'

const id = '00112233445566778899aabbccddeeff'
const paths = { id, elsewhere: { log: '../fast/log', checkpoint: '/große Platte/points' } }
const owner = { id, holds: 'log', directory: '/site/db' } as const

function codeOf(decode: () => unknown): unknown {
  try {
    return decode()
  } catch (error) {
    return error instanceof DatabaseError ? error.code : error
  }
}

function sealed(kind: 'paths' | 'owner', members: object, version = 1): Uint8Array {
  return sealText({ kind, version }, JSON.stringify(members))
}

describe('the files that say where the parts of a database are', () => {
  it('come back as they were', () => {
    expect(decodePaths(encodePaths(paths))).toEqual(paths)
    expect(decodePaths(encodePaths({ id, elsewhere: {} }))).toEqual({ id, elsewhere: {} })
    expect(decodeOwner(encodeOwner(owner))).toEqual(owner)
  })

  it('are refused with any bit another one, or cut at any length', () => {
    for (const [bytes, decode] of [
      [encodePaths(paths), decodePaths],
      [encodeOwner(owner), decodeOwner],
    ] as const) {
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const other = bytes.slice()
        other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(codeOf(() => decode(other))).toBe('Corrupt')
      }
      for (let length = 0; length < bytes.length; length++) {
        expect(codeOf(() => decode(bytes.subarray(0, length)))).toBe('Corrupt')
      }
    }
  })

  it('are not taken for one another', () => {
    expect(codeOf(() => decodePaths(encodeOwner(owner)))).toBe('Corrupt')
    expect(codeOf(() => decodeOwner(encodePaths(paths)))).toBe('Corrupt')
  })

  it('are refused by name when a later release wrote them', () => {
    const later = { release: '7.1.0', id, more: [] }
    expect(codeOf(() => decodePaths(sealed('paths', later, 2)))).toBe('FormatTooNew')
    expect(codeOf(() => decodeOwner(sealed('owner', later, 2)))).toBe('FormatTooNew')
    expect(() => decodePaths(sealed('paths', later, 2))).toThrow('7.1.0')
  })

  it.each([
    ['paths', {}],
    ['paths', { id: 'ab', elsewhere: {} }],
    ['paths', { id, elsewhere: { index: '/x' } }],
    ['paths', { id, elsewhere: { log: 7 } }],
    ['paths', { id, elsewhere: { log: '' } }],
    ['owner', { id, holds: 'index', directory: '/x' }],
    ['owner', { id, holds: 'log' }],
    ['owner', { id: `${id.slice(1)}G`, holds: 'log', directory: '/x' }],
  ] as const)('are refused with members that no writer gives: %s %o', (kind, members) => {
    const bytes = sealed(kind, members)
    const decode = kind === 'paths' ? decodePaths : decodeOwner
    expect(codeOf(() => decode(bytes, 'the/file'))).toBe('Corrupt')
    expect(() => decode(bytes, 'the/file')).toThrow('the/file is damaged')
  })
})

import { describe, expect, it } from 'vitest'
import { directoryOf, nameOf, pathToText } from './git-path.ts'

describe('pathToText', () => {
  it('keeps UTF-8 as it is, control characters included', () => {
    for (const path of ['a b', 'naïve.txt', 'line\nbreak', '-rf', '"quoted"', '日本/語']) {
      expect(pathToText(Buffer.from(path))).toBe(path)
    }
  })

  it('quotes bytes that are not UTF-8 as git does', () => {
    expect(pathToText(Buffer.from([0x63, 0xe9, 0x22, 0x09, 0x5c, 0x01]))).toBe(
      '"c\\351\\"\\t\\\\\\001"',
    )
  })
})

describe('directoryOf and nameOf', () => {
  it('take a path apart', () => {
    expect([directoryOf('a/b/c.ts'), nameOf('a/b/c.ts')]).toEqual(['a/b', 'c.ts'])
    expect([directoryOf('a'), nameOf('a')]).toEqual(['.', 'a'])
  })
})

import { describe, expect, it } from 'vitest'
import { blankFormat, jsonFormat, type RowFormat, tabFormat } from './row.ts'
import { readRows } from './row-reader.ts'

interface Read {
  readonly fields: readonly string[]
  readonly line: number
  readonly offset: number
  readonly problem: string | undefined
}

async function read(bytes: Buffer, format: RowFormat, chunkBytes = 4096): Promise<Read[]> {
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
  }
  const rows: Read[] = []
  for await (const chunk of readRows(chunks(), format)) {
    for (const row of chunk.rows) {
      const { fields, line, problem } = row
      rows.push({ fields, line, problem, offset: chunk.offsetAfter(row) })
    }
  }
  return rows
}

describe('readRows', () => {
  it('tells line and offset of each row, whatever the chunks', async () => {
    const text = 'a\tb\r\n\n\u00e4\u00f6\t\ud83d\ude00\nlast\tone'
    const bytes = Buffer.from(text)
    const whole = await read(bytes, tabFormat)
    expect(whole).toEqual([
      { fields: ['a', 'b'], line: 1, offset: 5, problem: undefined },
      { fields: ['\u00e4\u00f6', '\ud83d\ude00'], line: 3, offset: 16, problem: undefined },
      { fields: ['last', 'one'], line: 4, offset: bytes.length, problem: undefined },
    ])
    for (let chunk = 1; chunk < 20; chunk++) {
      expect(await read(bytes, tabFormat, chunk)).toEqual(whole)
    }
  })

  it('passes over a byte order mark', async () => {
    const [row] = await read(Buffer.from('\ufeffa\tb\n'), tabFormat)
    expect(row?.fields).toEqual(['a', 'b'])
  })

  it('names the lines that are not UTF-8, and reads the others', async () => {
    const bytes = Buffer.concat([
      Buffer.from('a\tb\n'),
      Buffer.from([0x63, 0xe9, 0x0a]),
      Buffer.from('d\te\n'),
    ])
    for (const chunk of [1, 4096]) {
      const rows = await read(bytes, tabFormat, chunk)
      expect(rows.map(({ line, problem }) => [line, problem])).toEqual([
        [1, undefined],
        [2, 'is not UTF-8 text'],
        [3, undefined],
      ])
      expect(rows[2]?.offset).toBe(bytes.length)
    }
  })

  it('splits at any blanks', async () => {
    const [row] = await read(Buffer.from('  1  2\t3\n'), blankFormat)
    expect(row?.fields).toEqual(['1', '2', '3'])
  })

  it('reads JSON objects by the names of their keys', async () => {
    const lines = ['{"b":1,"a":"x"}', '{"a":null}', 'not json', '[1]', '{"a":{}}']
    const rows = await read(Buffer.from(lines.join('\n')), jsonFormat(['a', 'b']))
    expect(rows.map(({ fields, problem }) => problem ?? fields)).toEqual([
      ['x', '1'],
      ['', ''],
      expect.stringContaining('is not JSON'),
      'is not a JSON object',
      'a is neither text nor a number',
    ])
  })
})

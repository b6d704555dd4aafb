import { describe, expect, it } from 'vitest'
import { csvFormat } from './csv.ts'
import { readRows } from './row-reader.ts'

interface Read {
  readonly fields: readonly string[]
  readonly line: number
  readonly problem: string | undefined
}

async function read(text: string, chunkBytes = 4096): Promise<Read[]> {
  const bytes = Buffer.from(text)
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
  }
  const rows: Read[] = []
  for await (const chunk of readRows(chunks(), csvFormat)) {
    for (const { fields, line, problem } of chunk.rows) rows.push({ fields, line, problem })
  }
  return rows
}

const fields = async (text: string, chunkBytes?: number): Promise<(readonly string[])[]> =>
  (await read(text, chunkBytes)).map((row) => row.fields)

describe('CSV as in RFC 4180', () => {
  it('takes commas, line ends and doubled quotation marks inside quoted fields', async () => {
    const text = 'a,"b,c","d""e"\r\n"line\r\nbreak",,"" \n'.replace(' ', '')
    expect(await fields(text)).toEqual([
      ['a', 'b,c', 'd"e'],
      ['line\r\nbreak', '', ''],
    ])
  })

  it('is the same whatever the chunks', async () => {
    const text = 'ä,"b\n""c""",d\r\n\r\n"",x\ny,"z"'
    const whole = await read(text)
    expect(whole.map(({ line }) => line)).toEqual([1, 4, 5])
    for (let bytes = 1; bytes < 30; bytes++) expect(await read(text, bytes)).toEqual(whole)
  })

  it('leaves a quotation mark alone inside an unquoted field', async () => {
    expect(await fields('5" nail,x\n')).toEqual([['5" nail', 'x']])
  })

  it('names the line of text after a quoted field, and goes on with the next line', async () => {
    const rows = await read('a,b\n"x"y,z\nc,d\n')
    expect(rows[1]).toMatchObject({ line: 2, problem: expect.stringContaining('quoted field') })
    expect(rows[2]).toMatchObject({ line: 3, fields: ['c', 'd'], problem: undefined })
  })

  it('loses one line only to a quoted field that does not end', async () => {
    const rows = await read('a,b\nx,"never\nc,d\ne,f\n', 5)
    expect(rows.map(({ line, problem }) => [line, problem !== undefined])).toEqual([
      [1, false],
      [2, true],
      [3, false],
      [4, false],
    ])
  })
})

import { describe, expect, it } from 'vitest'
import { type GitCommit, parseLog } from './git-log.ts'

const hash = (digit: string): string => digit.repeat(40)

function header(
  digit: string,
  fields: Partial<Record<'parents' | 'subject', string>> = {},
): string {
  const { parents = '', subject = 'a subject' } = fields
  const head = ['Ada Lovelace', 'ada@example.org', '1700000000', '1700000001', subject]
  return `\u0001${hash(digit)}\0${parents}\0${head.join('\0')}\0`
}

const zeros = hash('0')
const entry = (status: string, ...paths: string[]): string =>
  `:000000 100644 ${zeros} ${hash('b')} ${status}\0${paths.join('\0')}\0`

async function parse(text: string, chunkBytes: number): Promise<GitCommit[]> {
  const bytes = Buffer.from(text)
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
  }
  const commits: GitCommit[] = []
  for await (const commit of parseLog(chunks())) commits.push(commit)
  return commits
}

describe('parseLog', () => {
  it('reads the fields of a commit and its entries', async () => {
    const [commit] = await parse(`${header('1')}\n${entry('A', 'a b.txt')}${entry('D', 'c')}`, 4096)
    expect(commit).toEqual({
      hash: hash('1'),
      parents: [],
      authorName: 'Ada Lovelace',
      authorEmail: 'ada@example.org',
      authoredSeconds: 1700000000,
      committedSeconds: 1700000001,
      subject: 'a subject',
      entries: [
        { status: 'A', mode: '100644', blob: hash('b'), path: 'a b.txt', oldPath: undefined },
        { status: 'D', mode: '100644', blob: hash('b'), path: 'c', oldPath: undefined },
      ],
    })
  })

  it('gives the same whatever the chunks', async () => {
    const text =
      `${header('1')}\n${entry('A', 'naïve\n"file".txt')}` +
      `${header('2', { parents: hash('1'), subject: '' })}` +
      `${header('3', { parents: hash('2') })}\n` +
      `${entry('R086', 'old name', 'new name')}${entry('M', '-x')}`
    const whole = await parse(text, text.length * 2)
    expect(whole.map(({ entries }) => entries.length)).toEqual([1, 0, 2])
    expect(whole[2]?.entries[0]).toMatchObject({
      status: 'R',
      oldPath: 'old name',
      path: 'new name',
    })
    for (let bytes = 1; bytes < 40; bytes++) expect(await parse(text, bytes)).toEqual(whole)
  })

  it('joins the diffs of a merge against its parents', async () => {
    const parents = `${hash('1')} ${hash('2')}`
    const text =
      `${header('3', { parents })}\n${entry('M', 'a')}` +
      `${header('3', { parents })}\n${entry('A', 'b')}${entry('M', 'a')}`
    const commits = await parse(text, 4096)
    expect(commits).toHaveLength(1)
    expect(commits[0]?.parents).toEqual([hash('1'), hash('2')])
    expect(commits[0]?.entries.map(({ path }) => path)).toEqual(['a', 'b', 'a'])
  })

  it('refuses output that it does not understand, or that is cut short', async () => {
    await expect(parse('warning: something\0', 4096)).rejects.toThrow('unexpected')
    await expect(parse(`\u0001${hash('1')}\0`, 4096)).rejects.toThrow('unexpected')
    await expect(parse(`${header('1')}\n:000000 100644 ${zeros}`, 4096)).rejects.toThrow(
      'unexpected',
    )
  })

  it('marks a date that is no number', async () => {
    const [commit] = await parse(header('1').replace('1700000000', ''), 4096)
    expect(commit?.authoredSeconds).toBeNaN()
  })
})

import { open } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { type Moment, parseMoment, viewAt } from './moment.ts'

const parse = (text: string): Moment => parseMoment({ text, option: '--valid' })
const now: Moment = { kind: 'now' }

function instantOf(text: string): string {
  const moment = parse(text)
  return moment.kind === 'instant' ? moment.instant.toString() : moment.kind
}

describe('parseMoment', () => {
  it('reads dates as short as a year', () => {
    expect(['2024', '2024-06', '2024-06-03'].map(instantOf)).toEqual([
      '2024-01-01T00:00:00Z',
      '2024-06-01T00:00:00Z',
      '2024-06-03T00:00:00Z',
    ])
    expect(instantOf('2024-06-03T12:00:00+02:00')).toBe('2024-06-03T10:00:00Z')
  })

  it('reads now, numbers of commits and commits of git', () => {
    expect(parse('now')).toEqual(now)
    expect(parse('#12')).toEqual({ kind: 'sequence', sequence: 12 })
    expect(parse('commit:1D2f3c')).toEqual({ kind: 'commit', hash: '1d2f3c' })
  })

  it.each(['yesterday', '2024-13', '12', '#x', 'commit:xyz', '2024-02-30'])(
    'does not guess what %s means',
    (text) => {
      expect(() => parse(text)).toThrow(`--valid does not understand '${text}'`)
    },
  )
})

describe('viewAt', () => {
  it('finds the commit of the database that took over a commit of git', async () => {
    const database = await open(':memory:')
    for (const hash of ['abc111', 'abc222']) {
      const authored = new Date(Date.UTC(2020, 0, hash === 'abc111' ? 1 : 2))
      await database.write((tx) => tx.createNode('Commit', { hash, authored }, { valid: 'always' }))
    }
    const at = (hash: string): Moment => ({ kind: 'commit', hash })
    expect(viewAt(database, { valid: now, system: at('abc1') }).sequence).toBe(1)
    const view = viewAt(database, { valid: at('abc222'), system: now })
    expect(view.valid.toString()).toBe('2020-01-02T00:00:00Z')
    expect(() => viewAt(database, { valid: now, system: at('abc') })).toThrow('2 commits')
    expect(() => viewAt(database, { valid: now, system: at('def') })).toThrow('no commit of git')
    const third: Moment = { kind: 'sequence', sequence: 3 }
    expect(() => viewAt(database, { valid: now, system: third })).toThrow('no commit #3')
    expect(() => viewAt(database, { valid: third, system: now })).toThrow('--valid takes a time')
  })
})

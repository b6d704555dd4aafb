import { FOREVER, Instant } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { TimeMapping, type TimeOptions } from './time-mapping.ts'

const plain = { format: 'iso', openEnds: [], openStarts: [] } as const

function read(options: Partial<TimeOptions>, from: string, to?: string): string {
  const made = new TimeMapping({ ...plain, ...options }).read(from, to)
  if ('problem' in made) return made.problem
  const text = (micros: bigint): string =>
    micros === FOREVER.epochMicroseconds || micros < -(2n ** 62n)
      ? String(Instant.from(micros))
      : Instant.from(micros).toString()
  return `${text(made.from)} ${text(made.to)}`
}

describe('TimeMapping', () => {
  it('reads ISO 8601, the end excluded', () => {
    expect(read({}, '2014-01-01', '2014-02-01T12:00:00+02:00')).toBe(
      '2014-01-01T00:00:00Z 2014-02-01T10:00:00Z',
    )
  })

  it('holds for ever without an end', () => {
    expect(read({}, '2014-01-01')).toBe('2014-01-01T00:00:00Z infinity')
    expect(read({}, '2014-01-01', '')).toBe('2014-01-01T00:00:00Z infinity')
  })

  it('takes the last year of a fact into it', () => {
    expect(read({ format: 'year' }, '1926', '1929')).toBe(
      '1926-01-01T00:00:00Z 1930-01-01T00:00:00Z',
    )
    expect(read({ format: 'year' }, '-3', '7')).toBe('-000003-01-01T00:00:00Z 0008-01-01T00:00:00Z')
  })

  it('knows the words for open ends', () => {
    const options = { format: 'year', openEnds: ['3000'], openStarts: ['?'] } as const
    expect(read(options, '2014', '3000')).toBe('2014-01-01T00:00:00Z infinity')
    expect(read(options, '?', '2000')).toBe('-infinity 2001-01-01T00:00:00Z')
  })

  it('counts units since a zero', () => {
    const options = { format: 'day', zero: '2014-01-01' } as const
    expect(read(options, '0', '0')).toBe('2014-01-01T00:00:00Z 2014-01-02T00:00:00Z')
    const hours = { format: 'hour', zero: '2014-01-01', lasts: 'day' } as const
    expect(read(hours, '8016')).toBe('2014-12-01T00:00:00Z 2014-12-02T00:00:00Z')
    expect(read({ format: 'second' }, '10', '20')).toBe('1970-01-01T00:00:10Z 1970-01-01T00:00:20Z')
    expect(read({ format: 'day', ends: 'exclusive' }, '0', '1')).toBe(
      '1970-01-01T00:00:00Z 1970-01-02T00:00:00Z',
    )
  })

  it('lets a fact last a year, leap or not', () => {
    expect(read({ lasts: 'year' }, '2024-02-01')).toBe('2024-02-01T00:00:00Z 2025-02-01T00:00:00Z')
  })

  it('says what is wrong with a time', () => {
    expect(read({ format: 'year' }, '1929', '1926')).toContain('before it begins')
    expect(read({}, '2014-01-01', '2014-01-01')).toContain('before it begins')
    expect(read({ format: 'year' }, 'x', '1926')).toContain('not a whole number')
    expect(read({ format: 'year' }, '', '1926')).toContain('not a whole number')
    expect(read({ format: 'year' }, '1e20', '1926')).toContain('not a whole number')
    expect(read({ format: 'year' }, '900000', '900001')).toContain('further away')
    expect(read({}, 'yesterday')).toContain('yesterday')
  })

  it('refuses options that contradict each other', () => {
    expect(() => new TimeMapping({ ...plain, zero: '2014-01-01' })).toThrow('--zero')
    expect(() => new TimeMapping({ ...plain, lasts: 'week' })).toThrow('--lasts')
    expect(() => new TimeMapping({ ...plain, ends: 'inclusive' })).toThrow('--ends')
  })
})

import { describe, expect, it } from 'vitest'
import { Instant } from '../encoding/instant.ts'
import { isDatabaseError } from '../rules/errors.ts'
import { allen, covers, intersects, precedes } from './period-relations.ts'

const at = (micros: number): bigint => BigInt(micros)
const span = (from: number, to: number) => ({ from: at(from), to: at(to) })

describe('relations of periods', () => {
  it.each([
    ['before', span(0, 2), span(3, 5)],
    ['meets', span(0, 3), span(3, 5)],
    ['overlaps', span(0, 4), span(3, 5)],
    ['starts', span(3, 4), span(3, 5)],
    ['during', span(4, 5), span(3, 6)],
    ['finishes', span(4, 5), span(3, 5)],
    ['equals', span(3, 5), span(3, 5)],
    ['after', span(6, 7), span(3, 5)],
    ['met-by', span(5, 7), span(3, 5)],
    ['overlapped-by', span(4, 7), span(3, 5)],
    ['started-by', span(3, 7), span(3, 5)],
    ['contains', span(2, 7), span(3, 5)],
    ['finished-by', span(2, 5), span(3, 5)],
  ])('%s', (name, p, q) => {
    expect(allen(p, q)).toBe(name)
  })

  it('takes open ends and whatever is an instant', () => {
    expect(allen({ to: new Date(0) }, { from: '1970-01-01T00:00:00Z' })).toBe('meets')
    expect(allen({}, { from: Instant.from('2020-01-01T00:00:00Z'), to: null })).toBe('finished-by')
  })

  it('keeps the unions of SQL apart from the relations of Allen', () => {
    expect(intersects(span(0, 3), span(3, 5))).toBe(false)
    expect(intersects(span(4, 5), span(3, 6))).toBe(true)
    expect(covers(span(3, 6), span(3, 5))).toBe(true)
    expect(covers(span(3, 5), span(3, 6))).toBe(false)
    expect(precedes(span(0, 3), span(3, 5))).toBe(true)
    expect(precedes(span(0, 4), span(3, 5))).toBe(false)
  })

  it('refuses an empty period', () => {
    const error = (() => {
      try {
        return allen(span(3, 3), span(0, 1))
      } catch (thrown) {
        return thrown
      }
    })()
    expect(isDatabaseError(error, 'InvalidPeriod')).toBe(true)
  })
})

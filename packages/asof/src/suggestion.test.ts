import { expect, it } from 'vitest'
import { compareSpelling, suggest } from './suggestion.ts'

it('counts insertions, deletions, replacements and swaps', () => {
  expect(compareSpelling('', 'abc')).toBe(3)
  expect(compareSpelling('show', 'show')).toBe(0)
  expect(compareSpelling('shwo', 'show')).toBe(1)
  expect(compareSpelling('provenence', 'provenance')).toBe(1)
  expect(compareSpelling('dif', 'diff')).toBe(1)
})

it('suggests the closest word, or the one that was begun, and nothing far away', () => {
  const words = ['show', 'timeline', 'provenance', 'diff', 'stats']
  expect(suggest('shwo', words)).toBe('show')
  expect(suggest('time', words)).toBe('timeline')
  expect(suggest('stat', words)).toBe('stats')
  expect(suggest('frobnicate', words)).toBeUndefined()
})

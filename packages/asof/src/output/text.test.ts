import { Duration, float, Instant, LocalDate } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { fit, pad, printable, widthOf } from './display-width.ts'
import { jsonText } from './json.ts'
import { bytesText, countText, peopleNoun, plural, secondsText } from './number-text.ts'
import { Progress } from './progress.ts'
import { styleOf } from './style.ts'
import { tableLines } from './table.ts'
import type { Terminal } from './terminal.ts'
import { instantText, periodText, valueText } from './value-text.ts'

describe('text of the outside', () => {
  it('cannot move the cursor', () => {
    expect(printable('a\nb\u001b[2Jc\u202e')).toBe('a\\nb\\u{1b}[2Jc\\u{202e}')
    expect(printable('naïve 日本')).toBe('naïve 日本')
  })

  it('is cut and filled up by the columns it takes', () => {
    expect(widthOf('e\u0301')).toBe(1)
    expect(widthOf('日本')).toBe(4)
    expect(fit('日本語', 5)).toBe('日本…')
    expect(fit('abc', 3)).toBe('abc')
    expect(pad('日本', 6)).toBe('日本  ')
    expect(
      tableLines(
        [
          ['a', '日本', 'x'],
          ['bcd', 'e', ''],
        ],
        80,
      ),
    ).toEqual(['a    日本  x', 'bcd  e'])
  })
})

describe('numbers', () => {
  it('are written for people', () => {
    expect([countText(1234567), plural(1, 'file'), plural(2, peopleNoun)]).toEqual([
      '1,234,567',
      '1 file',
      '2 people',
    ])
    expect([999, 1000, 23_456_789].map(bytesText)).toEqual(['999 B', '1.0 KB', '23 MB'])
    expect([0.421, 12.34, 185].map(secondsText)).toEqual(['0.42 s', '12.3 s', '3 min 5 s'])
  })
})

describe('values', () => {
  it('are in quotation marks only where they need them', () => {
    expect(valueText('src/index.ts')).toBe('src/index.ts')
    expect(valueText('')).toBe('""')
    expect(valueText(' a')).toBe('" a"')
    expect(valueText('a\nb')).toBe('a\\nb')
    expect(valueText([1, 'a', null, { b: true }])).toBe('[1, a, null, {b: true}]')
    expect(valueText(new Uint8Array(3))).toBe('3 bytes')
    expect(valueText(new Float32Array(2))).toBe('vector of 2')
    expect(valueText(float(1))).toBe('1.0')
    expect(valueText(undefined)).toBe('∅')
  })

  it('show instants as short as they can be', () => {
    const from = Instant.from('2024-02-29')
    expect(instantText(from)).toBe('2024-02-29')
    expect(instantText(Instant.from('2024-02-29T12:30:00Z'))).toBe('2024-02-29 12:30:00')
    expect(periodText({ from: null, to: from })).toBe('[-∞, 2024-02-29)')
    expect(periodText({ from, to: null })).toBe('[2024-02-29, ∞)')
  })

  it('are JSON that any reader takes', () => {
    const answer = {
      at: Instant.from('2024-02-29'),
      open: Instant.from('infinity'),
      big: 2n ** 60n,
      small: 5n,
      bytes: new Uint8Array([1, 2]),
      vector: new Float32Array([0.5]),
      missing: undefined,
      float: float(1),
      date: LocalDate.from('2024-02-29'),
      duration: Duration.from('P1D'),
    }
    expect(JSON.parse(jsonText(answer))).toEqual({
      at: '2024-02-29T00:00:00Z',
      open: null,
      big: '1152921504606846976',
      small: 5,
      bytes: { base64: 'AQI=' },
      vector: [0.5],
      float: 1,
      date: '2024-02-29',
      duration: 'P1D',
    })
  })
})

describe('a terminal', () => {
  const terminal = (more: Partial<Terminal> = {}): Terminal & { notes: string[] } => {
    const notes: string[] = []
    return {
      notes,
      write: () => {},
      note: (text) => void notes.push(text),
      columns: 80,
      hasColor: false,
      isInteractive: false,
      ...more,
    }
  }

  it('without colours gets none', () => {
    expect(styleOf(terminal()).bold('x')).toBe('x')
    expect(styleOf(terminal({ hasColor: true })).bold('x')).toBe('\u001b[1mx\u001b[0m')
  })

  it('that is none is not told of progress at every step', () => {
    const quiet = terminal()
    const progress = new Progress(quiet, 'commits', 100)
    for (let count = 0; count < 100; count++) progress.update(count)
    progress.end()
    expect(quiet.notes).toEqual([])
  })
})

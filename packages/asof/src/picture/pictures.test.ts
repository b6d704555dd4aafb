import { describe, expect, it } from 'vitest'
import { drawRectangles } from './rectangle-picture.ts'
import { cellWidths, labelLine } from './scale.ts'
import { drawTimeline } from './timeline-picture.ts'

const forever = Infinity
const text = (bound: number): string => `t${bound}`

describe('the picture of a history', () => {
  it('shows a correction as a cut through what was believed', () => {
    const lines = drawRectangles(
      [
        { mark: 'A', valid: { from: 10, to: 20 }, system: { from: 10, to: forever } },
        { mark: 'B', valid: { from: 20, to: forever }, system: { from: 10, to: 20 } },
        { mark: 'C', valid: { from: 20, to: forever }, system: { from: 20, to: forever } },
      ],
      { width: 40, systemText: text, validText: text },
    )
    expect(lines).toEqual([
      't10  ┌────────────────┬────────────────╴',
      '     │ A              │ B             →',
      't20  │                ├────────────────╴',
      '     │                │ C             →',
      '     t10              t20              ∞',
    ])
  })

  it('leaves out what was never believed, and closes what ended', () => {
    const lines = drawRectangles(
      [
        { mark: 'A', valid: { from: 0, to: 1 }, system: { from: 0, to: 1 } },
        { mark: 'B', valid: { from: 2, to: 3 }, system: { from: 0, to: 2 } },
      ],
      { width: 29, systemText: text, validText: text },
    )
    expect(lines).toEqual(
      [
        't0  ┌───────┐       ┌───────┐',
        '    │ A     │       │ B     │',
        't1  └───────┘       │       │',
        '                    │       │',
        '                    └───────┘',
        '    t0      t1      t2     t3',
      ].map((line) => line.trimEnd()),
    )
  })

  it('is not drawn when there is no room for it', () => {
    const many = Array.from({ length: 30 }, (_, at) => ({
      mark: 'A',
      valid: { from: at, to: at + 1 },
      system: { from: 0, to: forever },
    }))
    expect(drawRectangles(many, { width: 80, systemText: text, validText: text })).toBeUndefined()
  })
})

describe('the picture of a timeline', () => {
  it('shows parts, gaps and open ends', () => {
    const parts = [
      { mark: 'A', from: 0, to: 10 },
      { mark: 'B', from: 10, to: 20 },
      { mark: 'C', from: 30, to: forever },
    ]
    expect(drawTimeline(parts, { width: 45, validText: text })).toEqual([
      '├─A────────┼─B────────┤          ├─C────────→',
      't0         t10        t20        t30        ∞',
    ])
    expect(
      drawTimeline([{ mark: 'A', from: -forever, to: 5 }], { width: 12, validText: text }),
    ).toEqual(['←─A────────┤', '-∞        t5'])
  })
})

describe('a scale', () => {
  it('fills the width, every cell readable', () => {
    const cells = [
      { from: 0, to: 1 },
      { from: 1, to: 1000 },
      { from: 1000, to: forever },
    ]
    const widths = cellWidths(cells, { width: 60, cellWidth: 4 })
    expect(widths?.[0]).toBe(4)
    expect(widths?.reduce((sum, width) => sum + width, 0)).toBe(60)
    expect(cellWidths(cells, { width: 11, cellWidth: 4 })).toBeUndefined()
  })

  it('leaves out labels that would run into others', () => {
    const labels = [
      { at: 0, text: 'one' },
      { at: 2, text: 'two' },
      { at: 8, text: 'three' },
    ]
    expect(labelLine(labels, 10)).toBe('one  three')
  })
})

/** A stretch of an axis between two neighbouring bounds; open ends are infinite. */
export interface Cell {
  readonly from: number
  readonly to: number
}

/** The cells between all bounds, in order; none where there is nothing to show. */
export function cellsOf(spans: readonly Cell[]): Cell[] {
  const bounds = [...new Set(spans.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b)
  const cells: Cell[] = []
  for (const [at, from] of bounds.entries()) {
    const to = bounds[at + 1]
    if (to !== undefined) cells.push({ from, to })
  }
  return cells
}

/**
 * Widths of cells that fill `width`: every cell gets `cellWidth`, the rest goes by length; a cell
 * without an end gets as much as a middling one. Undefined when there are too many.
 */
export function cellWidths(
  cells: readonly Cell[],
  limits: { readonly width: number; readonly cellWidth: number },
): number[] | undefined {
  const spare = limits.width - cells.length * limits.cellWidth
  if (spare < 0) return undefined
  const finite = cells.map(({ from, to }) => to - from).filter((length) => Number.isFinite(length))
  const whole = finite.reduce((sum, length) => sum + length, 0)
  const middling = finite.length === 0 ? 1 : whole / finite.length
  const lengths = cells.map(({ from, to }) => (Number.isFinite(to - from) ? to - from : middling))
  const total = lengths.reduce((sum, length) => sum + length, 0)
  let sum = 0
  let given = 0
  return lengths.map((length) => {
    sum += length
    const reached = Math.round((spare * sum) / total)
    const own = reached - given
    given = reached
    return limits.cellWidth + own
  })
}

/** A label and the column it should begin in. */
export interface Label {
  readonly at: number
  readonly text: string
}

/** One line with as many labels as fit, each where it belongs; earlier ones go first. */
export function labelLine(labels: readonly Label[], width: number): string {
  let line = ''
  for (const { at, text } of labels) {
    const start = Math.max(0, Math.min(at, width - text.length))
    if (start < line.length + (line === '' ? 0 : 1)) continue
    line = line.padEnd(start) + text
  }
  return line
}

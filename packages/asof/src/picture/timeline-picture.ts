import { type Cell, cellsOf, cellWidths, labelLine } from './scale.ts'

/** What held when. */
export interface PicturePart extends Cell {
  /** One character. */
  readonly mark: string
}

/** The line on the left, and three characters around the mark. */
const cellWidthMin = 4

/**
 * Parts of a timeline as a bar, with the bounds below it. Undefined when there are too many for
 * the width.
 */
export function drawTimeline(
  parts: readonly PicturePart[],
  options: { readonly width: number; validText(bound: number): string },
): string[] | undefined {
  const cells = cellsOf(parts)
  const widths = cellWidths(cells, { width: options.width - 1, cellWidth: cellWidthMin })
  if (widths === undefined || parts.length === 0) return undefined
  let bar = ''
  const labels: { at: number; text: string }[] = []
  let before: PicturePart | undefined
  for (const [index, cell] of cells.entries()) {
    const part = parts.find(({ from, to }) => from <= cell.from && cell.to <= to)
    const text = Number.isFinite(cell.from) ? options.validText(cell.from) : '-∞'
    labels.push({ at: bar.length, text })
    bar += cellText({ cell, part, before, width: widths[index] ?? 0 })
    before = part
  }
  const end = cells.at(-1)?.to ?? Infinity
  labels.push({ at: bar.length, text: Number.isFinite(end) ? options.validText(end) : '∞' })
  bar += Number.isFinite(end) ? '┤' : '→'
  return [bar.trimEnd(), labelLine(labels, bar.length)]
}

function cellText(place: {
  readonly cell: Cell
  readonly part: PicturePart | undefined
  readonly before: PicturePart | undefined
  readonly width: number
}): string {
  const { cell, part, before, width } = place
  if (part === undefined) return `${before === undefined ? ' ' : '┤'}${' '.repeat(width - 1)}`
  const isOpen = !Number.isFinite(cell.from)
  const side = isOpen ? '←' : before === undefined ? '├' : '┼'
  return `${side}─${part.mark}`.padEnd(width, '─')
}

import { type Cell, cellsOf, cellWidths, labelLine } from './scale.ts'

/** What was believed to hold when (`valid`), and when it was believed (`system`). */
export interface PictureRectangle {
  readonly valid: Cell
  readonly system: Cell
  /** One character. */
  readonly mark: string
}

export interface PictureOptions {
  readonly width: number
  /** What to write beside and below a bound. */
  systemText(bound: number): string
  validText(bound: number): string
}

/** Blank, the mark, blank, and the line on the left. */
const cellWidthMin = 4

/**
 * Rectangles in the plane of the two times: valid time to the right, system time downwards. A side
 * without a line is open: it holds, or is believed, for ever. Undefined when there are too many
 * for the width.
 */
export function drawRectangles(
  rectangles: readonly PictureRectangle[],
  options: PictureOptions,
): string[] | undefined {
  const columns = cellsOf(rectangles.map(({ valid }) => valid))
  const bands = cellsOf(rectangles.map(({ system }) => system))
  const sideTexts = bands.map(({ from }) => options.systemText(from))
  const side = Math.max(0, ...sideTexts.map((text) => text.length)) + 2
  const width = options.width - side - 1
  const widths = cellWidths(columns, { width, cellWidth: cellWidthMin })
  if (widths === undefined || rectangles.length === 0) return undefined
  const grid = bands.map((band) => columns.map((column) => rectangleAt(rectangles, column, band)))
  const canvas: Canvas = { rectangles, columns, bands, widths, grid }
  const lines: string[] = []
  for (const [band, text] of sideTexts.entries()) {
    lines.push(`${text.padEnd(side)}${borderLine(canvas, band)}`)
    lines.push(`${' '.repeat(side)}${contentLine(canvas, band)}`)
  }
  if (bands.at(-1)?.to !== Infinity)
    lines.push(`${' '.repeat(side)}${borderLine(canvas, bands.length)}`)
  lines.push(`${' '.repeat(side)}${axisLine(canvas, options)}`)
  return lines.map((line) => line.trimEnd())
}

interface Canvas {
  readonly rectangles: readonly PictureRectangle[]
  readonly columns: readonly Cell[]
  readonly bands: readonly Cell[]
  readonly widths: readonly number[]
  /** For each band and column the rectangle there, -1 where there is none. */
  readonly grid: readonly (readonly number[])[]
}

function rectangleAt(rectangles: readonly PictureRectangle[], column: Cell, band: Cell): number {
  return rectangles.findIndex(
    ({ valid, system }) =>
      valid.from <= column.from &&
      column.to <= valid.to &&
      system.from <= band.from &&
      band.to <= system.to,
  )
}

function at(canvas: Canvas, band: number, column: number): number {
  return canvas.grid[band]?.[column] ?? -1
}

/** A line to the left of a column: between two different things, unless the left side is open. */
function hasSide(canvas: Canvas, band: number, column: number): boolean {
  const left = at(canvas, band, column - 1)
  const right = at(canvas, band, column)
  if (left === right) return false
  if (column === 0) return canvas.columns[0]?.from !== -Infinity
  return column < canvas.columns.length || canvas.columns.at(-1)?.to !== Infinity
}

/** A line above a band. */
function hasTop(canvas: Canvas, band: number, column: number): boolean {
  if (column < 0 || column >= canvas.columns.length) return false
  return at(canvas, band - 1, column) !== at(canvas, band, column)
}

/** Box characters by which of the lines up, right, down, left meet. */
const corners = ' ╵╶└╷│┌├╴┘─┴┐┤┬┼'

function corner(canvas: Canvas, band: number, column: number): string {
  const up = hasSide(canvas, band - 1, column) ? 1 : 0
  const right = hasTop(canvas, band, column) ? 2 : 0
  const down = hasSide(canvas, band, column) ? 4 : 0
  const left = hasTop(canvas, band, column - 1) ? 8 : 0
  return corners[up + right + down + left] ?? ' '
}

function borderLine(canvas: Canvas, band: number): string {
  const cells = canvas.widths.map((width, column) => {
    const fill = hasTop(canvas, band, column) ? '─' : ' '
    return corner(canvas, band, column) + fill.repeat(width - 1)
  })
  return cells.join('') + corner(canvas, band, canvas.columns.length)
}

function contentLine(canvas: Canvas, band: number): string {
  const cells = canvas.widths.map((width, column) => {
    const side = hasSide(canvas, band, column) ? '│' : ' '
    const own = at(canvas, band, column)
    const isFirst = own !== at(canvas, band - 1, column) && own !== at(canvas, band, column - 1)
    const mark = own >= 0 && isFirst ? (canvas.rectangles[own]?.mark ?? '') : ''
    const isOpen = own >= 0 && canvas.columns[column]?.to === Infinity
    const text = ` ${mark}`.padEnd(width - 1)
    return side + (isOpen ? `${text.slice(0, -1)}→` : text)
  })
  const end = hasSide(canvas, band, canvas.columns.length) ? '│' : ''
  return cells.join('') + end
}

function axisLine(canvas: Canvas, options: PictureOptions): string {
  let column = 0
  const labels = canvas.columns.map(({ from }, index) => {
    const label = { at: column, text: Number.isFinite(from) ? options.validText(from) : '-∞' }
    column += canvas.widths[index] ?? 0
    return label
  })
  const end = canvas.columns.at(-1)?.to
  if (end !== undefined) {
    labels.push({ at: column, text: Number.isFinite(end) ? options.validText(end) : '∞' })
  }
  return labelLine(labels, column + 1)
}

import { fit, pad, widthOf } from './display-width.ts'

/** Lines of a table: columns two blanks apart, cut to a width, no blanks at line ends. */
export function tableLines(rows: readonly (readonly string[])[], columnsMax: number): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [at, cell] of row.entries()) {
      widths[at] = Math.max(widths[at] ?? 0, widthOf(cell))
    }
  }
  return rows.map((row) => {
    const cells = row.map((cell, at) => (at === row.length - 1 ? cell : pad(cell, widths[at] ?? 0)))
    return fit(cells.join('  '), columnsMax).trimEnd()
  })
}

/** Reads the documents, so that tests can hold their tables against the code. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const repository = fileURLToPath(new URL('../..', import.meta.url))

/** A row of a table by the names of its columns. Code marks around a whole cell are taken off. */
export type TableRow = Readonly<Record<string, string>>

export class Document {
  readonly path: string
  readonly text: string

  constructor(path: string) {
    this.path = path
    this.text = readFileSync(`${repository}${path}`, 'utf8')
  }

  /** The table after the given heading, the `nth` (from 0) of those with these columns. */
  table(heading: string, columns: readonly string[], nth: number = 0): TableRow[] {
    const tables = tablesIn(this.#section(heading)).filter(
      (one) => one.columns.join('|') === columns.join('|'),
    )
    const found = tables[nth]
    if (found === undefined) {
      throw new Error(`${this.path} has no such table under '${heading}': ${columns.join(', ')}`)
    }
    return found.rows
  }

  /** The rows of all tables with these columns, wherever they stand. */
  everyTable(columns: readonly string[]): TableRow[] {
    return tablesIn(this.text)
      .filter((one) => one.columns.join('|') === columns.join('|'))
      .flatMap(({ rows }) => rows)
  }

  #section(heading: string): string {
    const [, level = ''] = /^(#+) /.exec(heading) ?? []
    const lines = this.text.split('\n')
    const start = lines.indexOf(heading)
    if (start < 0) throw new Error(`${this.path} has no heading '${heading}'`)
    const rest = lines.slice(start + 1)
    const end = rest.findIndex((line) => {
      const [, other = ''] = /^(#+) /.exec(line) ?? []
      return other !== '' && other.length <= level.length
    })
    return rest.slice(0, end < 0 ? undefined : end).join('\n')
  }
}

function tablesIn(text: string): { columns: string[]; rows: TableRow[] }[] {
  const tables: { columns: string[]; rows: TableRow[] }[] = []
  for (const [block] of text.matchAll(/(?:^\|.*\|$\n?)+/gm)) {
    const [head = '', , ...lines] = block.trim().split('\n')
    const columns = cellsOf(head)
    const rows = lines.map((line) => {
      const cells = cellsOf(line)
      return Object.fromEntries(columns.map((name, index) => [name, cells[index] ?? '']))
    })
    tables.push({ columns, rows })
  }
  return tables
}

function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1'))
}

export function cell(row: TableRow, column: string): string {
  const text = row[column]
  if (text === undefined) throw new Error(`a row has no column ${column}`)
  return text
}

/** One row of an input file: its fields, or what is wrong with it. */
export interface Row {
  /** The line it begins on, from 1, and the one the next row begins on. */
  readonly line: number
  readonly nextLine: number
  readonly fields: readonly string[]
  /** Why it cannot be read; the fields are then its text, for the report. */
  readonly problem: string | undefined
  /** Where it ends in the text of its chunk, line end included. */
  readonly end: number
}

/** How the text of a file is cut into rows. */
export interface RowFormat {
  /**
   * The row that begins at `start`, where a line begins and text is left; undefined when `text`
   * may not hold all of it. `isLast` tells that nothing follows `text`.
   */
  readRow(text: string, start: RowStart, isLast: boolean): Row | undefined
}

export interface RowStart {
  readonly at: number
  readonly line: number
}

/** The line that begins at `at`, without its end; `next` is where the following one begins. */
export function lineAt(
  text: string,
  at: number,
): { readonly text: string; readonly next: number; readonly isWhole: boolean } {
  const feed = text.indexOf('\n', at)
  const end = feed < 0 ? text.length : feed
  const last = end > at && text[end - 1] === '\r' ? end - 1 : end
  return { text: text.slice(at, last), next: feed < 0 ? end : feed + 1, isWhole: feed >= 0 }
}

/** Rows that are lines, split by `split`. */
export function lineFormat(
  split: (line: string) => readonly string[] | { problem: string },
): RowFormat {
  return {
    readRow(text, start, isLast) {
      const line = lineAt(text, start.at)
      if (!line.isWhole && !isLast) return undefined
      const made = split(line.text)
      const place = { line: start.line, nextLine: start.line + 1, end: line.next }
      return 'problem' in made
        ? { ...place, fields: [line.text], problem: made.problem }
        : { ...place, fields: made, problem: undefined }
    },
  }
}

/** One tab between two fields, no quoting. Cut directly out of the text: no line is made first. */
export const tabFormat: RowFormat = {
  readRow(text, start, isLast) {
    const feed = text.indexOf('\n', start.at)
    if (feed < 0 && !isLast) return undefined
    const next = feed < 0 ? text.length : feed + 1
    const lineEnd = feed < 0 ? text.length : feed
    const end = lineEnd > start.at && text[lineEnd - 1] === '\r' ? lineEnd - 1 : lineEnd
    const fields: string[] = []
    let at = start.at
    for (;;) {
      const tab = text.indexOf('\t', at)
      if (tab < 0 || tab >= end) break
      fields.push(text.slice(at, tab))
      at = tab + 1
    }
    fields.push(text.slice(at, end))
    return { line: start.line, nextLine: start.line + 1, fields, problem: undefined, end: next }
  },
}

/** Any blanks between two fields. */
export const blankFormat: RowFormat = lineFormat((line) => line.trim().split(/[ \t]+/))

/** A JSON object on each line; `names` are its keys in the order of the fields. */
export function jsonFormat(names: readonly string[]): RowFormat {
  return lineFormat((line) => {
    let parsed: unknown
    try {
      parsed = JSON.parse(line)
    } catch (error) {
      return { problem: `is not JSON: ${error instanceof Error ? error.message : String(error)}` }
    }
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
      return { problem: 'is not a JSON object' }
    }
    const entries = new Map<string, unknown>(Object.entries(parsed))
    const fields: string[] = []
    for (const name of names) {
      const value = entries.get(name) ?? ''
      if (typeof value !== 'string' && typeof value !== 'number') {
        return { problem: `${name} is neither text nor a number` }
      }
      fields.push(String(value))
    }
    return fields
  })
}

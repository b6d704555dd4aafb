import { lineAt, type Row, type RowFormat, type RowStart } from './row.ts'

/**
 * Comma-separated values as in RFC 4180: a field that begins with a quotation mark ends at the
 * next single one, and may hold commas, line ends and doubled quotation marks. A quotation mark
 * inside any other field is an ordinary character.
 */
export const csvFormat: RowFormat = { readRow }

/** A quoted field that goes on for longer is taken for one whose end was forgotten. */
const rowCharactersMax = 1024 * 1024

function readRow(text: string, start: RowStart, isLast: boolean): Row | undefined {
  const line = lineAt(text, start.at)
  if (!line.isWhole && !isLast) return undefined
  if (!line.text.includes('"')) {
    const fields = line.text.split(',')
    const nextLine = start.line + 1
    return { line: start.line, nextLine, fields, problem: undefined, end: line.next }
  }
  const fields: string[] = []
  let at = start.at
  for (;;) {
    const field = text[at] === '"' ? quotedField(text, at) : plainField(text, at)
    if (typeof field === 'string') {
      const canGrow = field === unclosed && !isLast && text.length - start.at < rowCharactersMax
      return canGrow ? undefined : badLine(text, start, field)
    }
    fields.push(field.value)
    at = field.end
    if (text[at] === ',') {
      at++
      continue
    }
    const end = lineEndAt(text, at)
    // The line feed of a pair may still be to come.
    if (end === undefined && !isLast) return undefined
    const nextLine = start.line + countLines(text.slice(start.at, end))
    return { line: start.line, nextLine, fields, problem: undefined, end: end ?? text.length }
  }
}

const unclosed = 'has a quoted field that does not end'

interface Field {
  readonly value: string
  readonly end: number
}

/** Up to the next comma or line end. */
function plainField(text: string, at: number): Field {
  let end = at
  while (end < text.length && text[end] !== ',' && lineEndAt(text, end) === undefined) end++
  return { value: text.slice(at, end), end }
}

function quotedField(text: string, at: number): Field | string {
  let value = ''
  let from = at + 1
  for (;;) {
    const mark = text.indexOf('"', from)
    if (mark < 0) return unclosed
    value += text.slice(from, mark)
    if (text[mark + 1] !== '"') {
      const end = mark + 1
      const isEnd = end >= text.length || text[end] === ',' || /[\r\n]/.test(text[end] ?? '')
      return isEnd ? { value, end } : 'has text between the end of a quoted field and the comma'
    }
    value += '"'
    from = mark + 2
  }
}

/** Where the next line begins, if a line ends at `at`. */
function lineEndAt(text: string, at: number): number | undefined {
  if (text[at] === '\n') return at + 1
  return text[at] === '\r' && text[at + 1] === '\n' ? at + 2 : undefined
}

/** Only the line on which the row begins is lost: what follows it is read again as rows. */
function badLine(text: string, start: RowStart, problem: string): Row {
  const line = lineAt(text, start.at)
  const nextLine = start.line + 1
  return { line: start.line, nextLine, fields: [line.text], problem, end: line.next }
}

function countLines(text: string): number {
  let count = 0
  for (let feed = text.indexOf('\n'); feed >= 0; feed = text.indexOf('\n', feed + 1)) count++
  return count
}

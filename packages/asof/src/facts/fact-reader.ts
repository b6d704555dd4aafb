import { CommandFailure } from '../failure.ts'
import { plural } from '../output/number-text.ts'
import type { Condition } from './condition.ts'
import { csvFormat } from './csv.ts'
import type { Fact } from './fact-writer.ts'
import {
  type ColumnChoice,
  type FactColumns,
  type FactRole,
  factRoles,
  isNumbered,
  namedColumns,
  numberedColumns,
} from './fact-columns.ts'
import { blankFormat, jsonFormat, type Row, type RowFormat, tabFormat } from './row.ts'
import type { TimeMapping } from './time-mapping.ts'

export const factFormats = ['csv', 'tsv', 'space', 'jsonl'] as const
export type FactFormat = (typeof factFormats)[number]

export interface FactReading {
  readonly format: FactFormat
  readonly columns?: ColumnChoice | undefined
  /** The first row names the columns. Default: when it does so with our words, or must. */
  readonly header?: boolean | undefined
  readonly conditions: readonly Condition[]
  readonly time: TimeMapping
  readonly entityNames?: ReadonlyMap<string, string> | undefined
  readonly relationNames?: ReadonlyMap<string, string> | undefined
}

/** A row is a fact, is not wanted, is a header, or cannot be used. */
export type ReadRow =
  | { readonly kind: 'fact'; readonly fact: Fact }
  | { readonly kind: 'unwanted' }
  | { readonly kind: 'header' }
  | { readonly kind: 'bad'; readonly problem: string }

export interface FactFile {
  readonly path: string
  readonly firstLine: string
}

/** The format a file most likely has, from its name and its first line. */
export function guessFormat({ path, firstLine }: FactFile): FactFormat {
  if (/\.csv$/i.test(path)) return 'csv'
  if (/\.(?:jsonl|ndjson|json)$/i.test(path)) return 'jsonl'
  if (/\.(?:tsv|tab)$/i.test(path) || firstLine.includes('\t')) return 'tsv'
  if (firstLine.trimStart().startsWith('{')) return 'jsonl'
  return firstLine.includes(',') && !firstLine.includes(' ') ? 'csv' : 'space'
}

/** Turns rows into facts. */
export class FactReader {
  readonly rowFormat: RowFormat
  readonly #reading: FactReading
  #columns: FactColumns | undefined

  constructor(reading: FactReading) {
    this.#reading = reading
    const { format, columns } = reading
    if (format === 'jsonl') {
      const names = factRoles.map((role) => (columns === undefined ? role : columns.get(role)))
      this.rowFormat = jsonFormat(names.filter((name) => name !== undefined))
      let next = 0
      const places = names.map((name) => (name === undefined ? undefined : next++))
      const [subject, relation, object, from, to] = places
      this.#columns = { subject, relation, object, from, to }
      return
    }
    this.rowFormat = { csv: csvFormat, tsv: tabFormat, space: blankFormat }[format]
    const isHeaderless =
      reading.header === false ||
      (reading.header === undefined && columns !== undefined && isNumbered(columns))
    if (isHeaderless) this.#columns = numberedColumns(columns)
  }

  /** Takes the rows of a file in order, its first row first. */
  read(row: Row): ReadRow {
    if (row.problem !== undefined) return { kind: 'bad', problem: row.problem }
    if (this.#columns === undefined) {
      const { columns, header } = this.#reading
      const named = namedColumns(row.fields, columns)
      if (named === undefined && header === true) {
        throw new CommandFailure(
          'the first row does not name subject, relation, object and from; say with --columns ' +
            'which columns they are',
        )
      }
      this.#columns = named ?? numberedColumns(columns)
      if (named !== undefined) return { kind: 'header' }
    }
    return this.#readFact(row.fields, this.#columns)
  }

  #readFact(fields: readonly string[], columns: FactColumns): ReadRow {
    for (const role of factRoles) {
      const at = columns[role]
      if (at !== undefined && at >= fields.length) {
        return bad(`has ${plural(fields.length, 'field')}; ${role} is field ${at}`)
      }
    }
    for (const { role, accepts } of this.#reading.conditions) {
      if (!accepts(fieldAt(fields, columns[role]) ?? '')) return { kind: 'unwanted' }
    }
    const { entityNames, relationNames, time } = this.#reading
    const subject = nameAt(fields, columns.subject, entityNames)
    const relation = nameAt(fields, columns.relation, relationNames)
    const object = nameAt(fields, columns.object, entityNames)
    if (subject === undefined) return bad(noName('subject', fieldAt(fields, columns.subject)))
    if (relation === undefined) return bad(noName('relation', fieldAt(fields, columns.relation)))
    if (object === undefined) return bad(noName('object', fieldAt(fields, columns.object)))
    const period = time.read(fieldAt(fields, columns.from) ?? '', fieldAt(fields, columns.to))
    if ('problem' in period) return bad(period.problem)
    return { kind: 'fact', fact: { subject, relation, object, from: period.from, to: period.to } }
  }
}

function fieldAt(fields: readonly string[], at: number | undefined): string | undefined {
  return at === undefined ? undefined : fields[at]
}

function bad(problem: string): ReadRow {
  return { kind: 'bad', problem }
}

/** The name for what a field says; undefined when that is nothing, or has no name. */
function nameAt(
  fields: readonly string[],
  at: number | undefined,
  names: ReadonlyMap<string, string> | undefined,
): string | undefined {
  const text = fieldAt(fields, at)
  if (text === undefined || text === '') return undefined
  return names === undefined ? text : names.get(text)
}

function noName(role: FactRole, text: string | undefined): string {
  return text === undefined || text === ''
    ? `has no ${role}`
    : `no name is given for ${role} ${text}`
}

import { usageFailure } from '../failure.ts'

/** What a column of the input means. */
export const factRoles = ['subject', 'relation', 'object', 'from', 'to'] as const
export type FactRole = (typeof factRoles)[number]

/** Where each role stands in a row: the number of its field, from 0; undefined: nowhere. */
export type FactColumns = Readonly<Record<FactRole, number | undefined>>

/** What `--columns` said: for each role the name or the number of a column. */
export type ColumnChoice = ReadonlyMap<FactRole, string>

const requiredRoles: readonly FactRole[] = ['subject', 'relation', 'object', 'from']

/** Reads `subject=0,relation=type,…`. Roles that are not named are not in the input. */
export function parseColumnChoice(text: string): ColumnChoice {
  const choice = new Map<FactRole, string>()
  for (const part of text.split(',')) {
    const at = part.indexOf('=')
    const role = factRoles.find((one) => one === part.slice(0, at).trim())
    const column = part.slice(at + 1).trim()
    if (role === undefined || column === '') {
      throw usageFailure(`--columns does not understand '${part}'`, {
        hint: `write ROLE=COLUMN, such as subject=0,from=since; roles: ${factRoles.join(', ')}`,
      })
    }
    choice.set(role, column)
  }
  const missing = requiredRoles.filter((role) => !choice.has(role))
  if (missing.length > 0) throw usageFailure(`--columns lacks ${missing.join(', ')}`)
  return choice
}

/** True when every column is a number, so that no header is needed. */
export function isNumbered(choice: ColumnChoice): boolean {
  return [...choice.values()].every((column) => /^\d+$/.test(column))
}

/** The columns of a file without a header: as chosen by number, or in the usual order. */
export function numberedColumns(choice: ColumnChoice | undefined): FactColumns {
  return columnsBy((role) => {
    if (choice === undefined) return factRoles.indexOf(role)
    const column = choice.get(role)
    return column === undefined ? undefined : Number(column)
  })
}

/** The columns of a file whose first row names them; undefined when it names none of ours. */
export function namedColumns(
  header: readonly string[],
  choice: ColumnChoice | undefined,
): FactColumns | undefined {
  const names = header.map((name) => name.trim())
  const find = (name: string): number => {
    const exact = names.indexOf(name)
    if (exact >= 0) return exact
    const lower = name.toLowerCase()
    return names.findIndex((one) => one.toLowerCase() === lower)
  }
  if (choice === undefined) {
    const isHeader = requiredRoles.every((role) => find(role) >= 0)
    if (!isHeader) return undefined
    return columnsBy((role) => (find(role) < 0 ? undefined : find(role)))
  }
  return columnsBy((role) => {
    const column = choice.get(role)
    if (column === undefined) return undefined
    const at = find(column)
    if (at >= 0) return at
    if (/^\d+$/.test(column)) return Number(column)
    throw usageFailure(`there is no column '${column}'`, {
      hint: `the first row names ${names.slice(0, 20).join(', ')}`,
    })
  })
}

function columnsBy(find: (role: FactRole) => number | undefined): FactColumns {
  return {
    subject: find('subject'),
    relation: find('relation'),
    object: find('object'),
    from: find('from'),
    to: find('to'),
  }
}

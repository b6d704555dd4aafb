import { usageFailure } from '../failure.ts'
import { type FactRole, factRoles } from './fact-columns.ts'

/** A test of one field of a row, before names are looked up. */
export interface Condition {
  readonly role: FactRole
  readonly accepts: (text: string) => boolean
}

const comparisons = new Map<string, (order: number) => boolean>([
  ['<=', (order) => order <= 0],
  ['>=', (order) => order >= 0],
  ['!=', (order) => order !== 0],
  ['<', (order) => order < 0],
  ['>', (order) => order > 0],
  ['=', (order) => order === 0],
])

/** Reads `relation<24`. Numbers are compared as numbers, other text as text. */
export function parseCondition(text: string): Condition {
  const match = /^\s*(\w+)\s*(<=|>=|!=|<|>|=)\s*(.*)$/.exec(text)
  const [, name, operator = '', operand = ''] = match ?? []
  const role = factRoles.find((one) => one === name)
  const holds = comparisons.get(operator)
  if (role === undefined || holds === undefined) {
    throw usageFailure(`--where does not understand '${text}'`, {
      hint: `write ROLE, < <= = != >= or >, and a value, as relation<24; ${factRoles.join(', ')}`,
    })
  }
  const number = operand.trim() === '' ? Number.NaN : Number(operand)
  return {
    role,
    accepts(field) {
      const own = field.trim() === '' ? Number.NaN : Number(field)
      if (!Number.isNaN(number) && !Number.isNaN(own)) return holds(own - number)
      return holds(field < operand ? -1 : field > operand ? 1 : 0)
    },
  }
}

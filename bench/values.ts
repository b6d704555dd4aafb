/** What was read, as the type that was written; a value of another type makes a sum wrong. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

export function lengthOf(value: unknown): number {
  return typeof value === 'string' ? value.length : 0
}

export function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

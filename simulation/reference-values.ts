/**
 * The values of the reference model: plain JavaScript, told apart exactly as payload equality
 * (semantics 2.2) tells them apart. A `number` that is a safe integer is an integer; every other
 * number is a float; a float that happens to be whole is written as a `PlainFloat`.
 */
export type PlainValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Float32Array
  | PlainFloat
  | readonly PlainValue[]
  | PlainMap

export interface PlainMap {
  readonly [key: string]: PlainValue
}

/** A float whatever its value: 1.0 as opposed to 1. */
export class PlainFloat {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }
}

/** The parts of keys; a list is a tuple. */
export type PlainKey = string | number | readonly PlainKey[]

/**
 * One text per value, equal exactly when the values are equal by 2.2: 1 and 1.0 differ, NaN equals
 * NaN, 0.0 differs from -0.0, lists compare element by element, maps by key.
 */
export function valueText(value: PlainValue): string {
  if (value === null) return 'null'
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return numberText(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof PlainFloat) return floatText(value.value)
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`
  if (value instanceof Float32Array) return `vector[${[...value].map(floatText).join(',')}]`
  if (isList(value)) return `[${value.map(valueText).join(',')}]`
  return mapText(value)
}

/** The entries of a map in the order of their keys, as `{a:1,b:2}`. */
export function mapText(map: PlainMap): string {
  const entries = Object.entries(map).sort(([left], [right]) => (left < right ? -1 : 1))
  return `{${entries.map(([key, value]) => `${key}:${valueText(value)}`).join(',')}}`
}

function isList(value: readonly PlainValue[] | PlainMap): value is readonly PlainValue[] {
  return Array.isArray(value)
}

function numberText(value: number): string {
  const isInteger = Number.isSafeInteger(value) && !Object.is(value, -0)
  return isInteger ? String(value) : floatText(value)
}

function floatText(value: number): string {
  if (Object.is(value, -0)) return '-0.0'
  return Number.isInteger(value) ? `${value}.0` : String(value)
}

/**
 * Order of two values for the conditions of `where`, or undefined when they can't be compared:
 * numbers compare as numbers, so that 1 equals 1.0; strings with strings, booleans with booleans.
 */
export function compareValues(left: PlainValue, right: PlainValue): number | undefined {
  const numbers = [toNumber(left), toNumber(right)] as const
  if (numbers[0] !== undefined && numbers[1] !== undefined) {
    return numbers[0] < numbers[1] ? -1 : Number(numbers[0] > numbers[1])
  }
  if (typeof left === 'string' && typeof right === 'string') return compareTexts(left, right)
  if (typeof left === 'boolean' && typeof right === 'boolean') return Number(left) - Number(right)
  return undefined
}

function toNumber(value: PlainValue): number | bigint | undefined {
  if (value instanceof PlainFloat) return value.value
  return typeof value === 'number' || typeof value === 'bigint' ? value : undefined
}

/** Order of keys: numbers before strings before tuples; tuples part by part, the shorter first. */
export function compareKeys(left: PlainKey, right: PlainKey): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right
  if (typeof left === 'string' && typeof right === 'string') return compareTexts(left, right)
  if (isTuple(left) && isTuple(right)) return compareTuples(left, right)
  return keyRank(left) - keyRank(right)
}

function compareTuples(left: readonly PlainKey[], right: readonly PlainKey[]): number {
  for (const [index, leftPart] of left.entries()) {
    const rightPart = right[index]
    if (rightPart === undefined) return 1
    const order = compareKeys(leftPart, rightPart)
    if (order !== 0) return order
  }
  return left.length - right.length
}

function isTuple(key: PlainKey): key is readonly PlainKey[] {
  return Array.isArray(key)
}

function keyRank(key: PlainKey): number {
  if (typeof key === 'number') return 0
  return typeof key === 'string' ? 1 : 2
}

/** By UTF-8 bytes, which is by code point. */
function compareTexts(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}

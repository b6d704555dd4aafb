import { Instant, type Value } from 'asofdb'
import { printable } from './display-width.ts'

/** A value for people: text in quotes only where that is needed to tell it from something else. */
export function valueText(value: Value | undefined): string {
  if (value === undefined) return '∅'
  if (typeof value === 'string') {
    const isPlain = /^[^\s"'[\]{},][^"[\]{}]*$/.test(value) && value.trim() === value
    return isPlain ? printable(value) : printable(JSON.stringify(value))
  }
  if (value instanceof Instant) return instantText(value)
  if (value instanceof Date) return instantText(Instant.from(value))
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (value instanceof Float32Array) return `vector of ${value.length}`
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`
  if (isMap(value)) {
    const entries = Object.entries(value).map(([name, one]) => `${name}: ${valueText(one)}`)
    return `{${entries.join(', ')}}`
  }
  return printable(String(value))
}

function isMap(value: Value): value is Record<string, Value> {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  )
}

/** An instant as short as it can be written: the date alone at midnight, no zeros after it. */
export function instantText(instant: Instant | null, open: string = '∞'): string {
  if (instant === null || !instant.isFinite) return open
  const text = instant.toString()
  return text
    .replace(/T00:00:00Z$/, '')
    .replace('T', ' ')
    .replace(/Z$/, '')
}

/** `[from, to)`, open ends as ∞. */
export function periodText(period: { from: Instant | null; to: Instant | null }): string {
  return `[${instantText(period.from, '-∞')}, ${instantText(period.to)})`
}

import { Instant } from 'asofdb'

/**
 * Any answer as JSON text. Instants are ISO 8601 text, open ends null; an integer that JSON's
 * readers could not hold is text; bytes are { "base64": … }; vectors are lists.
 */
export function jsonText(answer: unknown): string {
  return `${JSON.stringify(toJson(answer), null, 2)}\n`
}

/** The same on one line, for programs that read line by line. */
export function jsonLine(answer: unknown): string {
  return `${JSON.stringify(toJson(answer))}\n`
}

function toJson(value: unknown): unknown {
  if (typeof value === 'bigint') {
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  }
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Instant) return value.isFinite ? value.toString() : null
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') }
  if (value instanceof Float32Array) return [...value]
  if (Array.isArray(value)) return value.map(toJson)
  if ('toJSON' in value && typeof value.toJSON === 'function') return toJson(value.toJSON())
  const entries = Object.entries(value).filter(([, one]) => one !== undefined)
  return Object.fromEntries(entries.map(([name, one]) => [name, toJson(one)]))
}

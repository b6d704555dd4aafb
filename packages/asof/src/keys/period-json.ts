import { BEGINNING, FOREVER, Instant, isDatabaseError, type Period } from 'asofdb'
import { type Json, NotationError } from './typed-json.ts'

/** `[from, to]` as ISO 8601 text; null for an open end. */
export function periodToJson({ from, to }: Period): Json {
  return [from?.toString() ?? null, to?.toString() ?? null]
}

/** Both ends, for a write. Throws `NotationError`. */
export function jsonToPeriod(json: unknown): { validFrom: Instant; validTo: Instant } {
  if (!Array.isArray(json) || json.length !== 2) {
    throw new NotationError('"valid" is a list of two times, null for an open end')
  }
  const [from, to]: readonly unknown[] = json
  return { validFrom: instantOf(from) ?? BEGINNING, validTo: instantOf(to) ?? FOREVER }
}

/** Undefined for null. Throws `NotationError`. */
export function instantOf(json: unknown): Instant | undefined {
  if (json === null) return undefined
  if (typeof json !== 'string') throw new NotationError('a time is ISO 8601 text')
  try {
    return Instant.from(json)
  } catch (error) {
    if (isDatabaseError(error)) throw new NotationError(error.message)
    throw error
  }
}

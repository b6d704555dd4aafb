import type { KeyInput } from './ordered-key.ts'

const shownCharactersMax = 80

/** A key for a message. */
export function describeKey(key: KeyInput): string {
  const text = wholeKey(key)
  return text.length <= shownCharactersMax ? text : `${text.slice(0, shownCharactersMax)}…`
}

function wholeKey(key: KeyInput): string {
  if (typeof key === 'string') return JSON.stringify(key)
  if (Array.isArray(key)) return `[${key.map(wholeKey).join(', ')}]`
  if (!(key instanceof Uint8Array)) return key instanceof Date ? key.toJSON() : String(key)
  const start = key.subarray(0, shownCharactersMax)
  return `0x${Array.from(start, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

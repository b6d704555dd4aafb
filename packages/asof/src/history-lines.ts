import type { Instant, Period } from 'asofdb'
import type { Cell } from './picture/scale.ts'
import { instantText } from './output/value-text.ts'

/** A letter for each of the parts that are drawn. */
export function markOf(index: number): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  return letters[index % letters.length] ?? '*'
}

/** A period as a stretch of an axis, in seconds since 1970. */
export function periodToCell(period: Period): Cell {
  return { from: toSeconds(period.from, -Infinity), to: toSeconds(period.to, Infinity) }
}

function toSeconds(instant: Instant | null, open: number): number {
  return instant === null ? open : Number(instant.epochMicroseconds) / 1e6
}

/** How exactly instants must be written so that the bounds of a picture can be told apart. */
export function boundText(periods: readonly Period[]): (bound: number) => string {
  const texts = new Map<number, string>()
  for (const { from, to } of periods) {
    for (const instant of [from, to]) {
      if (instant !== null) texts.set(toSeconds(instant, 0), instantText(instant))
    }
  }
  const days = new Set([...texts.values()].map((text) => text.slice(0, 10)))
  const areDaysEnough = days.size === texts.size
  return (bound) => {
    const text = texts.get(bound) ?? ''
    return areDaysEnough && /^\d{4}-\d\d-\d\d/.test(text) ? text.slice(0, 10) : text
  }
}

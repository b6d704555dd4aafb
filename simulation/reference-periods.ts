/** Closed-open periods of the valid axis, in microseconds since 1970, as plain bigints. */
export interface Period {
  readonly from: bigint
  readonly to: bigint
}

export const BEGINNING = -(2n ** 63n)
export const FOREVER = 2n ** 63n - 1n
export const ALWAYS: Period = { from: BEGINNING, to: FOREVER }

export function contains(period: Period, instant: bigint): boolean {
  return period.from <= instant && instant < period.to
}

export function intersects(left: Period, right: Period): boolean {
  return left.from < right.to && right.from < left.to
}

export function intersection(left: Period, right: Period): Period | undefined {
  if (!intersects(left, right)) return undefined
  return {
    from: left.from > right.from ? left.from : right.from,
    to: left.to < right.to ? left.to : right.to,
  }
}

/** The instants that lie in both lists. */
export function intersectionOfAll(
  left: readonly Period[],
  right: readonly Period[],
): Period[] {
  return left.flatMap((one) =>
    right.flatMap((other) => {
      const both = intersection(one, other)
      return both === undefined ? [] : [both]
    }),
  )
}

/** What is left of `period` without `removed`. */
export function subtract(period: Period, removed: readonly Period[]): Period[] {
  let rest = [period]
  for (const hole of removed) {
    rest = rest.flatMap((piece) => {
      if (!intersects(piece, hole)) return [piece]
      const pieces: Period[] = []
      if (piece.from < hole.from) pieces.push({ from: piece.from, to: hole.from })
      if (hole.to < piece.to) pieces.push({ from: hole.to, to: piece.to })
      return pieces
    })
  }
  return rest.sort(comparePeriods)
}

/** The same instants as maximal periods in order. */
export function mergePeriods(periods: readonly Period[]): Period[] {
  const merged: Period[] = []
  for (const period of [...periods].sort(comparePeriods)) {
    const last = merged.at(-1)
    if (last === undefined || last.to < period.from) {
      merged.push(period)
    } else if (last.to < period.to) {
      merged[merged.length - 1] = { from: last.from, to: period.to }
    }
  }
  return merged
}

export function comparePeriods(left: Period, right: Period): number {
  if (left.from !== right.from) return left.from < right.from ? -1 : 1
  if (left.to !== right.to) return left.to < right.to ? -1 : 1
  return 0
}

/** The elementary periods between all bounds of `periods` within `window`, in order. */
export function elementaryPeriods(periods: readonly Period[], window: Period): Period[] {
  const bounds = new Set([window.from, window.to])
  for (const period of periods) {
    for (const bound of [period.from, period.to]) {
      if (window.from < bound && bound < window.to) bounds.add(bound)
    }
  }
  const sorted = [...bounds].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0))
  return sorted.slice(1).map((to, index) => ({ from: sorted[index] ?? to, to }))
}

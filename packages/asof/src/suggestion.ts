/** The word of a list that was most likely meant; undefined when none is close. */
export function suggest(typed: string, words: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(typed.length / 3)) + 1
  for (const word of words) {
    const distance = word.startsWith(typed) && typed.length > 1 ? 1 : compareSpelling(typed, word)
    if (distance >= bestDistance) continue
    best = word
    bestDistance = distance
  }
  return best
}

/** Insertions, deletions, replacements and swaps of neighbours that lead from one to the other. */
export function compareSpelling(one: string, other: string): number {
  let twoAbove: number[] = []
  let above = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let i = 1; i <= one.length; i++) {
    const row = [i]
    for (let j = 1; j <= other.length; j++) {
      const cost = one[i - 1] === other[j - 1] ? 0 : 1
      let best = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + cost)
      const isSwap = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]
      if (isSwap) best = Math.min(best, (twoAbove[j - 2] ?? 0) + 1)
      row.push(best)
    }
    twoAbove = above
    above = row
  }
  return above[other.length] ?? 0
}

/** What a simulation tried and saw. */
export interface CrashCounts {
  /** Mutating calls times their outcomes, by the kind of call. */
  readonly points: Record<string, number>
  /** Crashes, many of which leave the same disk, by their kind. */
  readonly crashes: Record<string, number>
  /** How many of those were crashes of a recovery, or of what followed it. */
  nested: number
  /** Different disks that were opened and compared. */
  states: number
  /** How many of those were then written to, closed, opened and compared again. */
  followed: number
  /** Commits of the workloads themselves. */
  commits: number
}

export function newCrashCounts(): CrashCounts {
  return { points: {}, crashes: {}, nested: 0, states: 0, followed: 0, commits: 0 }
}

export function addCounts(sum: CrashCounts, more: CrashCounts): void {
  for (const [kind, count] of Object.entries(more.points)) {
    sum.points[kind] = (sum.points[kind] ?? 0) + count
  }
  for (const [kind, count] of Object.entries(more.crashes)) {
    sum.crashes[kind] = (sum.crashes[kind] ?? 0) + count
  }
  sum.nested += more.nested
  sum.states += more.states
  sum.followed += more.followed
  sum.commits += more.commits
}

export function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

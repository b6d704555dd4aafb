/** What a swarm tried and saw. */
export interface SwarmCounts {
  /** Openings of a database to its end, or to a crash. */
  lives: number
  /** Lives by how they ended. */
  readonly endings: Record<string, number>
  /** Faults that struck, by the kind of call. */
  readonly faults: Record<string, number>
  /** Damages made at rest, by their kind. */
  readonly damages: Record<string, number>
  /** Openings by policy and what came of them. */
  readonly recoveries: Record<string, number>
  /** Different disks that were opened and compared, beside those of the crash explorer. */
  states: number
  /** Answers of the engine that were held against the model or against earlier answers. */
  answers: number
  /** Refusals of the engine that the model shares. */
  refusals: number
  commits: number
  /** What each kind of actor did. */
  readonly actors: Record<string, number>
}

export function newSwarmCounts(): SwarmCounts {
  return {
    lives: 0,
    endings: {},
    faults: {},
    damages: {},
    recoveries: {},
    states: 0,
    answers: 0,
    refusals: 0,
    commits: 0,
    actors: {},
  }
}

export function addSwarmCounts(sum: SwarmCounts, more: SwarmCounts): void {
  sum.lives += more.lives
  sum.states += more.states
  sum.answers += more.answers
  sum.refusals += more.refusals
  sum.commits += more.commits
  for (const name of ['endings', 'faults', 'damages', 'recoveries', 'actors'] as const) {
    for (const [kind, count] of Object.entries(more[name])) tally(sum[name], kind, count)
  }
}

export function tally(counts: Record<string, number>, kind: string, more = 1): void {
  counts[kind] = (counts[kind] ?? 0) + more
}

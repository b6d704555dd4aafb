import {
  type CommitMeta,
  type CommitRecord,
  type Database,
  type Instant,
  isDatabaseError,
  type KeyInput,
  type Period,
  type Value,
} from 'asofdb'

/** What was stated about a key. */
export interface KeyStatement {
  readonly keyspace: string
  readonly key: KeyInput
  readonly valid: Period
  readonly value: Value | undefined
}

/** What a commit stated about keys. */
export interface KeyCommit {
  readonly sequence: number
  readonly system: Instant
  readonly meta: CommitMeta | undefined
  readonly statements: readonly KeyStatement[]
}

export interface HistorySelection {
  readonly keyspaces: readonly string[]
  /** Up to this commit. */
  readonly sequence: number
  /** Of a pruned history, so many versions are held at a time; each lot is another pass. */
  readonly versionsAtATime?: number
}

const versionsAtATimeDefault = 500_000

/** All that is told of the keys of some keyspaces, commit by commit, oldest first. */
export function keyCommits(database: Database, selection: HistorySelection): Iterable<KeyCommit> {
  try {
    // Where nothing was pruned, commits can be read as they came.
    const changes = database.changes({ to: selection.sequence })
    return commitsOf(changes, new Set(selection.keyspaces))
  } catch (error) {
    if (!isDatabaseError(error, 'HistoryPruned')) throw error
    return toldCommits(database, selection)
  }
}

function* commitsOf(
  changes: ReturnType<Database['changes']>,
  keyspaces: ReadonlySet<string>,
): Generator<KeyCommit> {
  for (const record of changes) {
    const { sequence, system, meta } = record
    const statements = statementsOf(record).filter(({ keyspace }) => keyspaces.has(keyspace))
    if (statements.length > 0) yield { sequence, system, meta, statements }
  }
}

/** What a commit stated about keys. */
export function statementsOf({ events }: Pick<CommitRecord, 'events'>): KeyStatement[] {
  const statements: KeyStatement[] = []
  for (const { kind, keyspace, key, valid, value } of events) {
    if (kind !== 'key' || keyspace === undefined || key === undefined) continue
    statements.push({ keyspace, key, valid, value })
  }
  return statements
}

/** The same from what is left of histories, which comes by key: some commits at a time. */
export function* toldCommits(
  database: Database,
  { keyspaces, sequence: last, versionsAtATime = versionsAtATimeDefault }: HistorySelection,
): Generator<KeyCommit> {
  const view = database.asOf({ sequence: last })
  const counts = new Uint32Array(last + 1)
  for (const keyspace of keyspaces) {
    for (const { sequence = 0 } of view.keys(keyspace).versions()) {
      counts[sequence] = (counts[sequence] ?? 0) + 1
    }
  }
  for (let from = 1; from <= last;) {
    let to = from
    let held = counts[from] ?? 0
    while (to < last && held + (counts[to + 1] ?? 0) <= versionsAtATime) held += counts[++to] ?? 0
    const lot = held === 0 ? undefined : collectLot(view, keyspaces, { from, to })
    for (let sequence = from; sequence <= to; sequence++) {
      const statements = lot?.get(sequence)
      const commit = database.commit(sequence)
      if (statements !== undefined && commit !== undefined) yield { ...commit, statements }
    }
    from = to + 1
  }
}

function collectLot(
  view: ReturnType<Database['asOf']>,
  keyspaces: readonly string[],
  { from, to }: { readonly from: number; readonly to: number },
): Map<number, KeyStatement[]> {
  const lot = new Map<number, KeyStatement[]>()
  for (const keyspace of keyspaces) {
    for (const { sequence = 0, key, valid, value } of view.keys(keyspace).versions()) {
      if (sequence < from || sequence > to) continue
      const statement = { keyspace, key, valid, value }
      const statements = lot.get(sequence)
      if (statements === undefined) lot.set(sequence, [statement])
      else statements.push(statement)
    }
  }
  return lot
}

import type { ChangeEvent, Database, View } from 'asofdb'

/** Instants at which the present of a state is looked at, in microseconds. */
const instants = [-5n, 0n, 3n, 7n, 12n, 40n, 1_704_067_200_500_000n, 4_000_000_000_000_000n]

/** Everything that a database answers as of a commit, as text, line by line. */
export function wholeHistory(database: Database, sequence: number): string[] {
  const commits = [...database.changes({ to: sequence })]
  const events = commits.flatMap((commit) => commit.events)
  const lines = commits.map(({ sequence: number, system, meta, events: stated }) =>
    show([number, system, meta, stated]),
  )
  const view = database.asOf({ sequence, valid: 0n })
  for (const id of idsOf(events)) {
    lines.push(show(['history', id, view.timeline(id), view.provenance(id)]))
  }
  for (const [keyspace, keys] of keysOf(events)) {
    const reader = view.keys(keyspace)
    for (const key of keys) {
      lines.push(show(['key', keyspace, key, reader.timeline(key), reader.provenance(key)]))
    }
  }
  for (const valid of instants) {
    lines.push(...present(database.asOf({ sequence, valid }), keysOf(events).keys()))
  }
  return lines
}

/** What holds at the instant of a view. */
function present(view: View, keyspaces: Iterable<string>): string[] {
  const lines: string[] = []
  for (const { id, labels, properties } of view.nodes()) {
    const out = view.out(id).map((edge) => [edge.id, edge.type, edge.target, edge.properties])
    lines.push(show([view.valid, id, labels, properties, out, view.sources(id)]))
  }
  for (const keyspace of keyspaces) {
    lines.push(show([view.valid, keyspace, [...view.keys(keyspace).range({})]]))
  }
  return lines
}

function idsOf(events: readonly ChangeEvent[]): number[] {
  const ids = events.filter(({ kind }) => kind !== 'key').map(({ id }) => id)
  return [...new Set(ids)].sort((a, b) => a - b)
}

function keysOf(events: readonly ChangeEvent[]): Map<string, NonNullable<ChangeEvent['key']>[]> {
  const found = new Map<string, Map<string, NonNullable<ChangeEvent['key']>>>()
  for (const { keyspace, key } of events) {
    if (keyspace === undefined || key === undefined) continue
    const keys = found.get(keyspace) ?? new Map()
    found.set(keyspace, keys.set(show(key), key))
  }
  return new Map([...found].map(([keyspace, keys]) => [keyspace, [...keys.values()]]))
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}n` : one))
}

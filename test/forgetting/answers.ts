import { type Database, DatabaseError, type KeyInput, type View } from 'asofdb'

/** Whatever can be named in the questions about a database. */
export interface Vocabulary {
  readonly ids: readonly number[]
  readonly labels: readonly string[]
  readonly types: readonly string[]
  readonly keys: ReadonlyMap<string, readonly KeyInput[]>
}

const instants = [-5n, 0n, 7n, 12n, 930n, 1050n, 4_000_000_000_000_000n]

export const pruned = 'HistoryPruned'

/** Everything that the commits of a database name. */
export function vocabularyOf(database: Database): Vocabulary {
  const ids = new Set<number>()
  const labels = new Set<string>()
  const types = new Set<string>()
  const keys = new Map<string, Map<string, KeyInput>>()
  for (const { events } of database.changes()) {
    for (const { id, kind, state, keyspace, key } of events) {
      if (kind !== 'key') ids.add(id)
      for (const label of state?.labels ?? []) labels.add(label)
      if (keyspace === undefined || key === undefined) continue
      const known = keys.get(keyspace) ?? new Map<string, KeyInput>()
      keys.set(keyspace, known.set(show(key), key))
    }
  }
  for (let sequence = 1; sequence <= database.sequence; sequence++) {
    for (const valid of instants) {
      for (const { type } of database.asOf({ sequence, valid }).edges()) types.add(type)
    }
  }
  return {
    ids: [...ids],
    labels: [...labels],
    types: [...types],
    keys: new Map([...keys].map(([name, found]) => [name, [...found.values()]])),
  }
}

/** What the question is asked about, for those who know what was taken away. */
export interface Answer {
  readonly sequence: number
  readonly about:
    | { readonly id: number }
    | { readonly label: string | undefined }
    | { readonly type: string | undefined }
    | { readonly keyspace: string; readonly key?: string }
  readonly text: string
}

/** The answers to every question at every commit, by the question. */
export function answersOf(
  database: Database,
  words: Vocabulary,
  sequences: Iterable<number>,
): Map<string, Answer> {
  const answers = new Map<string, Answer>()
  for (const sequence of sequences) {
    const ask = (
      question: readonly unknown[],
      about: Answer['about'],
      answer: () => unknown,
    ): void => {
      answers.set(show([sequence, ...question]), { sequence, about, text: answerOf(answer) })
    }
    const history = database.asOf({ sequence, valid: 0n })
    for (const id of words.ids) {
      ask(['timeline', id], { id }, () => history.timeline(id))
      ask(['provenance', id], { id }, () => history.provenance(id))
    }
    for (const [keyspace, keys] of words.keys) {
      const reader = history.keys(keyspace)
      for (const key of keys) {
        const about = { keyspace, key: show(key) }
        ask(['timeline', keyspace, key], about, () => reader.timeline(key))
        ask(['provenance', keyspace, key], about, () => reader.provenance(key))
      }
    }
    for (const valid of instants) askPresent(database.asOf({ sequence, valid }), words, ask)
  }
  return answers
}

type Ask = (question: readonly unknown[], about: Answer['about'], answer: () => unknown) => void

function askPresent(view: View, words: Vocabulary, ask: Ask): void {
  const at = view.valid.epochMicroseconds
  for (const id of words.ids) {
    const isNode = id % 4 === 1
    const entity = () => (isNode ? view.node(id) : view.edge(id))
    ask([at, 'entity', id], { id }, () => describe(entity()))
    if (!isNode) continue
    for (const type of [undefined, ...words.types]) {
      ask([at, 'out', id, type], { type }, () => view.out(id, type).map(describe))
      ask([at, 'sources', id, type], { type }, () => sorted(view.sources(id, type)))
    }
    ask([at, 'targets', id], { type: undefined }, () => sorted(view.targets(id)))
  }
  for (const label of [undefined, ...words.labels]) {
    const found = () => [...view.nodes(label)].sort((a, b) => a.id - b.id)
    ask([at, 'nodes', label], { label }, () => found().map(describe))
  }
  for (const type of [undefined, ...words.types]) {
    ask([at, 'edges', type], { type }, () => [...view.edges(type)].map(describe))
  }
  for (const [keyspace, keys] of words.keys) {
    const reader = view.keys(keyspace)
    ask([at, 'range', keyspace], { keyspace }, () => [...reader.range({})])
    for (const key of keys) {
      ask([at, 'get', keyspace, key], { keyspace, key: show(key) }, () => reader.get(key))
    }
  }
}

function sorted(ids: readonly number[]): number[] {
  return [...ids].sort((a, b) => a - b)
}

function describe(
  entity: ReturnType<View['node']> | ReturnType<View['edge']>,
): readonly unknown[] | undefined {
  if (entity === undefined) return undefined
  const identity =
    'labels' in entity ? [entity.labels] : [entity.type, entity.source, entity.target]
  return [entity.id, ...identity, entity.properties]
}

function answerOf(answer: () => unknown): string {
  try {
    return show(answer())
  } catch (error) {
    if (error instanceof DatabaseError && error.code === pruned) return pruned
    throw error
  }
}

export function show(value: unknown): string {
  const text: string | undefined = JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'bigint' ? `${one}n` : one,
  )
  return text ?? 'undefined'
}

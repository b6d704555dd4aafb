/**
 * The direct serialization graph of a history and its phenomena, after Atul Adya, "Weak
 * Consistency: A Generalized Theory and Optimistic Implementations for Distributed Transactions"
 * (MIT, 1999), chapters 3 and 4. Nodes are committed transactions; T -> U means that U has to come
 * after T:
 *
 * - ww: U installs the version after one of T (write dependency)
 * - wr: U read what T installed (read dependency)
 * - rw: U installs the version after one that T read (anti-dependency); for a range, the next one
 *   that makes a key come or go
 *
 * Nothing is known here of how a database does it, but for the number of its commits and of the
 * one that a transaction was begun on (start dependencies, for the phenomena of snapshots).
 */
import type { History, RecordedTransaction } from './history.ts'
import { type Observation, type Observed, observe, something } from './observations.ts'
import type { Cell } from './operations.ts'

export const phenomenonNames = [
  'G0',
  'G1a',
  'G1b',
  'G1c',
  'G-SIa',
  'G-SIb',
  'lost update',
  'read skew',
  'G-single',
  'G-nonadjacent',
  'G2-item',
  'G2',
  'unexplained read',
  'concurrent writes',
  'stale begin',
] as const
export type PhenomenonName = (typeof phenomenonNames)[number]

export interface Phenomenon {
  readonly name: PhenomenonName
  /** What happened, in words. */
  readonly how: string
}

export interface Edge {
  readonly from: number
  readonly to: number
  readonly kind: 'ww' | 'wr' | 'rw'
  readonly cell: Cell
  readonly isPredicate: boolean
}

interface Installed {
  /** Index of the transaction; -1: it was there before. */
  readonly writer: number
  readonly value: string | null
}

interface Node {
  readonly transaction: RecordedTransaction
  readonly observed: Observed
  /** The number of its commit; for one that stated nothing its snapshot. */
  readonly sequence: number
}

export class DependencyGraph {
  readonly nodes: readonly Node[]
  readonly edges: readonly Edge[]
  readonly #history: History
  readonly #versions = new Map<Cell, Installed[]>()
  readonly #direct: Phenomenon[] = []

  constructor(history: History) {
    this.#history = history
    this.nodes = history.transactions.flatMap((transaction): Node[] => {
      const { outcome, base } = transaction
      if (outcome.kind !== 'committed' && outcome.kind !== 'empty') return []
      const sequence = outcome.kind === 'committed' ? outcome.sequence : base
      return [{ transaction, observed: observe(history, transaction), sequence }]
    })
    this.#install()
    const edges: Edge[] = []
    for (const [cell, versions] of this.#versions) {
      for (const [at, { writer }] of versions.entries()) {
        const next = versions[at + 1]
        if (next === undefined || writer < 0 || writer === next.writer) continue
        edges.push({ from: writer, to: next.writer, kind: 'ww', cell, isPredicate: false })
      }
    }
    for (const [index, { observed }] of this.nodes.entries()) {
      for (const fault of observed.faults) {
        this.#direct.push({ name: 'unexplained read', how: fault })
      }
      for (const observation of observed.observations) {
        edges.push(...this.#edgesOf(index, observation))
      }
    }
    this.edges = edges
  }

  /** Versions in the order in which the database says that they were committed. */
  #install(): void {
    const { before, versions } = this.#history
    const byWriter = new Map<number, number>()
    for (const [index, { transaction, sequence }] of this.nodes.entries()) {
      if (transaction.outcome.kind === 'committed') byWriter.set(sequence, index)
    }
    const cells = new Set<Cell>([...before.keys(), ...versions.keys()])
    for (const cell of cells) {
      const installed: Installed[] = [{ writer: -1, value: before.get(cell) ?? null }]
      for (const { sequence, value } of versions.get(cell) ?? []) {
        const writer = byWriter.get(sequence)
        if (writer !== undefined) installed.push({ writer, value })
      }
      this.#versions.set(cell, installed)
    }
  }

  #edgesOf(reader: number, observation: Observation): Edge[] {
    const { cell, saw, isPredicate } = observation
    const versions = this.#versions.get(cell) ?? [{ writer: -1, value: null }]
    const at = this.#find(reader, observation, versions)
    if (at === undefined) {
      this.#direct.push(this.#withoutVersion(reader, observation))
      return []
    }
    const isThere = (index: number) => versions[index]?.value !== null
    const isOfPresence = saw === null || saw === something
    let origin = at
    if (isOfPresence) while (origin > 0 && isThere(origin - 1) === isThere(at)) origin -= 1
    let next = at + 1
    if (isOfPresence) while (next < versions.length && isThere(next) === isThere(at)) next += 1
    const edges: Edge[] = []
    const writer = versions[origin]?.writer ?? -1
    if (writer >= 0 && writer !== reader) {
      edges.push({ from: writer, to: reader, kind: 'wr', cell, isPredicate })
    }
    const overwriter = versions[next]?.writer ?? reader
    if (overwriter !== reader) {
      // What a range returned was read as an item; that nothing else was there as a predicate.
      const isOfRange = isPredicate && isOfPresence
      edges.push({ from: reader, to: overwriter, kind: 'rw', cell, isPredicate: isOfRange })
    }
    return edges
  }

  /** Which version was read: one that fits, that of the snapshot if it does. */
  #find(reader: number, { saw }: Observation, versions: readonly Installed[]): number | undefined {
    const fits = ({ value }: Installed) => (saw === something ? value !== null : value === saw)
    const base = this.nodes[reader]?.transaction.base ?? 0
    const isEarly = ({ writer }: Installed) => (this.nodes[writer]?.sequence ?? 0) <= base
    const ofSnapshot = versions.findLastIndex(isEarly)
    const candidate = versions[ofSnapshot]
    if (candidate !== undefined && fits(candidate)) return ofSnapshot
    const found = versions.findLastIndex(fits)
    return found < 0 ? undefined : found
  }

  #withoutVersion(reader: number, { cell, saw }: Observation): Phenomenon {
    const who = this.nodes[reader]?.transaction.name
    const how = `${who} read ${String(saw)} at ${cell}`
    if (typeof saw === 'string') {
      for (const { transaction, observed } of this.nodes) {
        if (observed.intermediate.has(saw)) {
          return { name: 'G1b', how: `${how}, which ${transaction.name} replaced before it ended` }
        }
      }
      for (const transaction of this.#history.transactions) {
        const { kind } = transaction.outcome
        if (kind === 'committed' || kind === 'empty') continue
        const isOf = transaction.steps.some(
          ({ operation }) => 'value' in operation && operation.value === saw,
        )
        if (isOf) return { name: 'G1a', how: `${how}, of ${transaction.name}, which was ${kind}` }
      }
    }
    return { name: 'unexplained read', how: `${how}, which was never committed` }
  }

  /** Everything that is wrong with the history, the worst first. */
  phenomena(): Phenomenon[] {
    return [...this.#direct, ...this.#cycles(), ...this.#ofSnapshots()]
  }

  #cycles(): Phenomenon[] {
    const ofKinds = (...kinds: Edge['kind'][]) =>
      this.edges.filter(({ kind }) => kinds.includes(kind))
    const dependencies = ofKinds('ww', 'wr')
    const found: Phenomenon[] = []
    const note = (name: PhenomenonName, cycle: readonly Edge[] | undefined) => {
      if (cycle !== undefined) found.push({ name, how: this.#show(cycle) })
    }
    note('G0', shortestCycle(ofKinds('ww'), ofKinds('ww')))
    note('G1c', shortestCycle(ofKinds('wr'), dependencies))
    for (const edge of ofKinds('rw')) {
      const way = shortestPath(edge.to, edge.from, dependencies)
      if (way !== undefined) note(nameOfSingle(edge, way), [edge, ...way])
    }
    if (found.length > 0) return found
    note('G-nonadjacent', this.#cycleWithoutNeighbours(dependencies, ofKinds('rw')))
    if (found.length > 0) return found
    const items = this.edges.filter(({ isPredicate, kind }) => kind !== 'rw' || !isPredicate)
    const ofItems = shortestCycle(items.filter(({ kind }) => kind === 'rw'), items)
    if (ofItems !== undefined) note('G2-item', ofItems)
    // One that can't do without a predicate.
    const isOfRanges = ({ isPredicate, kind }: Edge) => isPredicate && kind === 'rw'
    const cycle = shortestCycle(this.edges.filter(isOfRanges), this.edges)
    if (cycle !== undefined) note('G2', cycle)
    return found
  }

  /** A cycle in which no two anti-dependencies follow each other: each is joined to the next. */
  #cycleWithoutNeighbours(
    dependencies: readonly Edge[],
    antis: readonly Edge[],
  ): Edge[] | undefined {
    const joined = new Map<Edge, readonly [Edge, Edge]>()
    for (const anti of antis) {
      for (const next of dependencies) {
        if (anti.to !== next.from) continue
        joined.set({ ...anti, to: next.to }, [anti, next])
      }
    }
    const all = [...dependencies, ...joined.keys()]
    const cycle = shortestCycle(all, all)
    return cycle?.flatMap((edge) => joined.get(edge) ?? [edge])
  }

  /** What snapshots and the first committer's victory rule out. */
  #ofSnapshots(): Phenomenon[] {
    const found: Phenomenon[] = []
    const isBefore = (from: number, to: number) =>
      (this.nodes[from]?.sequence ?? 0) <= (this.nodes[to]?.transaction.base ?? 0)
    for (const edge of this.edges) {
      if (edge.kind === 'rw' || isBefore(edge.from, edge.to)) continue
      const name = edge.kind === 'ww' ? 'concurrent writes' : 'G-SIa'
      found.push({ name, how: this.#show([edge]) })
    }
    for (const edge of this.edges) {
      // With the start dependency a cycle of one anti-dependency: it did not see a commit that
      // its snapshot has.
      if (edge.kind !== 'rw' || !this.#isCommit(edge.to) || !isBefore(edge.to, edge.from)) continue
      found.push({ name: 'G-SIb', how: `${this.#show([edge])}, which it was begun after` })
    }
    for (const { transaction } of this.nodes) {
      const { name, base, acknowledged } = transaction
      if (base >= acknowledged) continue
      const how = `${name} was begun on ${base} when ${acknowledged} had been acknowledged`
      found.push({ name: 'stale begin', how })
    }
    return found
  }

  #isCommit(node: number): boolean {
    return this.nodes[node]?.transaction.outcome.kind === 'committed'
  }

  /** Edges of serializable transactions that do not lead to a later commit. */
  backwardEdges(): string[] {
    const isWrong = (edge: Edge) => {
      const [from, to] = [this.nodes[edge.from], this.nodes[edge.to]]
      if (from === undefined || to === undefined) return true
      // What stated nothing has its place right after its snapshot.
      const place = ({ transaction, sequence }: Node) =>
        sequence + (transaction.outcome.kind === 'empty' ? 0.5 : 0)
      const guilty = edge.kind === 'rw' ? from : to
      return guilty.transaction.isolation === 'serializable' && place(from) >= place(to)
    }
    return this.edges.filter(isWrong).map((edge) => this.#show([edge]))
  }

  #show(edges: readonly Edge[]): string {
    const name = (index: number) => this.nodes[index]?.transaction.name ?? '?'
    const first = edges[0]
    if (first === undefined) return ''
    const steps = edges.map(({ to, kind, cell, isPredicate }) => {
      return ` -${kind}${isPredicate ? ' of a range' : ''} ${cell}-> ${name(to)}`
    })
    return name(first.from) + steps.join('')
  }
}

/** Lost update: both wrote what the one had read. Read skew: some of a commit was seen. */
function nameOfSingle(anti: Edge, way: readonly Edge[]): PhenomenonName {
  const [only, ...others] = way
  if (only === undefined || others.length > 0) return 'G-single'
  if (only.kind === 'ww') return only.cell === anti.cell ? 'lost update' : 'G-single'
  return 'read skew'
}

/** The shortest cycle through one of `through`, along `edges`. */
function shortestCycle(
  through: readonly Edge[],
  edges: readonly Edge[],
): readonly Edge[] | undefined {
  let shortest: readonly Edge[] | undefined
  for (const edge of through) {
    const way = shortestPath(edge.to, edge.from, edges)
    if (way === undefined || (shortest !== undefined && way.length + 1 >= shortest.length)) continue
    shortest = [edge, ...way]
  }
  return shortest
}

function shortestPath(from: number, to: number, edges: readonly Edge[]): Edge[] | undefined {
  const reached = new Map<number, Edge | undefined>([[from, undefined]])
  for (let ring = [from]; ring.length > 0 && !reached.has(to); ) {
    const next: number[] = []
    for (const edge of edges) {
      if (!ring.includes(edge.from) || reached.has(edge.to)) continue
      reached.set(edge.to, edge)
      next.push(edge.to)
    }
    ring = next
  }
  if (!reached.has(to)) return undefined
  const way: Edge[] = []
  for (let at = reached.get(to); at !== undefined; at = reached.get(at.from)) way.unshift(at)
  return way
}

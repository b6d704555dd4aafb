import type { CommitCheck } from '../commit/commit-pipeline.ts'
import type { TransactionCore } from '../commit/transaction-core.ts'
import { DatabaseError } from '../rules/errors.ts'
import { nodeId } from '../versions/entity.ts'
import { alwaysSpan, type Span } from '../versions/periods.ts'
import { timelineWithin } from '../versions/timeline.ts'
import type { GraphIndexes } from './graph-indexes.ts'
import { hasLabel } from './payload.ts'
import { describeMicros } from './period-options.ts'
import { indexKeyOf } from './property-index.ts'
import type { UniqueDefinition } from './schema.ts'

interface Holding extends Span {
  readonly node: number
  readonly key: string
}

/**
 * Unique keys over time (semantics 2.5): in the current belief no two nodes carry a label with the
 * same non-null key at the same valid instant. Whole timelines are compared, so a write about the
 * past can clash with a later holder. Candidates come from the constraint's index, which holds
 * every key a version ever had.
 */
export class Uniqueness implements CommitCheck {
  readonly #indexes: GraphIndexes

  constructor(indexes: GraphIndexes) {
    this.#indexes = indexes
  }

  check(core: TransactionCore): void {
    const { schema } = this.#indexes
    const declared = schema.declaredBy(core)
    const known = core.tail.has('node') ? schema.uniques() : []
    if (declared.length + known.length === 0) return
    const touched = new Map<number, readonly Span[]>()
    for (const { ordinal } of core.tail.newestOf('node')) {
      touched.set(ordinal, [...core.tail.of('node', ordinal)])
    }
    for (const unique of declared) {
      this.#checkAmong(core, unique, this.#everyHolder(unique, touched))
    }
    for (const unique of known) this.#checkAmong(core, unique, touched)
  }

  /** A constraint that is new has to hold for what is there already. */
  #everyHolder(
    unique: UniqueDefinition,
    touched: ReadonlyMap<number, readonly Span[]>,
  ): Map<number, readonly Span[]> {
    const all = new Map(touched)
    const label = this.#indexes.tables.symbols.find(unique.label)
    if (label === undefined) return all
    for (const node of this.#indexes.labels.nodes(label)) all.set(node, [alwaysSpan])
    return all
  }

  /** Holds nodes, within the spans in which they may have changed, against all others. */
  #checkAmong(
    core: TransactionCore,
    unique: UniqueDefinition,
    spansByNode: ReadonlyMap<number, readonly Span[]>,
  ): void {
    const byKey = new Map<string, Holding[]>()
    for (const [node, spans] of spansByNode) {
      for (const span of spans) {
        for (const holding of this.#holdings(core, { node, span }, unique)) {
          const same = byKey.get(holding.key)
          if (same === undefined) byKey.set(holding.key, [holding])
          else same.push(holding)
        }
      }
    }
    const index = this.#indexes.schema.uniqueIndex(unique)
    for (const [key, holdings] of byKey) {
      const rivals = new Set<number>(index.candidates({ gte: key, lte: key }))
      for (const { node } of holdings) rivals.add(node)
      for (const holding of holdings) this.#refuseRivals(core, unique, { holding, rivals })
    }
  }

  #refuseRivals(
    core: TransactionCore,
    unique: UniqueDefinition,
    clash: { readonly holding: Holding; readonly rivals: ReadonlySet<number> },
  ): void {
    const { holding, rivals } = clash
    const span = unique.isForAllTime ? alwaysSpan : holding
    for (const rival of rivals) {
      if (rival === holding.node) continue
      for (const other of this.#holdings(core, { node: rival, span }, unique)) {
        if (other.key === holding.key) throw violation(unique, holding.node, other)
      }
    }
  }

  /** The parts of a span in which a node carries the label and a complete key. */
  #holdings(
    core: TransactionCore,
    where: { readonly node: number; readonly span: Span },
    unique: UniqueDefinition,
  ): Holding[] {
    const { tables } = this.#indexes
    const { node, span } = where
    const label = tables.symbols.find(unique.label)
    const holdings: Holding[] = []
    if (label === undefined) return holdings
    for (const { from, to, payload } of timelineWithin(core.events('node', node), span)) {
      if (!hasLabel(payload, label)) continue
      const key = indexKeyOf(tables, payload, unique.properties)
      if (key !== undefined) holdings.push({ node, from, to, key })
    }
    return holdings
  }
}

function violation(unique: UniqueDefinition, node: number, holder: Holding): DatabaseError {
  const { from, to } = holder
  return new DatabaseError(
    'UniqueViolation',
    `node ${nodeId(holder.node)} already holds this ${unique.properties.join(' + ')} of ` +
      `${unique.label} in [${describeMicros(from)}, ${describeMicros(to)}); use another value ` +
      'or another period',
    {
      details: {
        id: nodeId(node),
        other: nodeId(holder.node),
        label: unique.label,
        properties: unique.properties,
        periods: [{ from, to }],
      },
    },
  )
}

import { labelsOf } from '../graph/payload.ts'
import { type EntityKind, entityKinds } from '../versions/entity.ts'
import { schemaKeyspace } from '../versions/key-names.ts'
import { sliceOf } from '../versions/payload-slice.ts'
import type { Tables } from '../versions/tables.ts'

/** How long something is told: milliseconds of system time, or one of the ends of that. */
export type Keep = 'forever' | 'present' | number

interface NamedRule {
  readonly kind: EntityKind
  readonly name: string
  readonly keep: Keep
}

/** What is kept of the entities of a kind with a name; those of a kind that no rule is about. */
export interface KeepRules {
  readonly named: readonly NamedRule[]
  /** Of keyspaces without a rule. Nodes and edges without one are kept for ever. */
  readonly otherKeyspaces: Keep
}

/** Rows looked at between two turns of the caller. */
const rowsAtATime = 256

/** How far each kind has been looked at for one length of time. */
interface Group {
  readonly keep: Keep
  readonly next: Record<EntityKind, number>
}

/**
 * Counts the versions that rules let go, in tables that only grow: those that were known so long
 * ago and that the next version of the same entity covers wholly, and absences of keys. A version
 * that only several later ones cover together is not counted, so it may be some more. Each row is
 * looked at once for each length of time that there is, however often it is asked.
 */
export class Reclaimable {
  readonly #tables: Tables
  readonly #rules: KeepRules
  readonly #groups: readonly Group[]
  /** By kind and symbol, as far as asked for. */
  readonly #keeps: Readonly<Record<EntityKind, Map<number, Keep>>>
  /** Symbols of keyspaces without a rule in which something may go. */
  readonly #keyspaces = new Set<number>()
  /** Symbols of keyspaces in which something may go. */
  readonly #noted = new Set<number>()
  #count = 0

  constructor(tables: Tables, rules: KeepRules) {
    this.#tables = tables
    this.#rules = rules
    this.#keeps = { node: new Map(), edge: new Map(), key: new Map() }
    const keeps = new Set(rules.named.map(({ keep }) => keep)).add(rules.otherKeyspaces)
    keeps.delete('forever')
    this.#groups = [...keeps].map((keep) => ({ keep, next: { node: 0, edge: 0, key: 0 } }))
  }

  /** Of what has been looked at. */
  get count(): number {
    return this.#count
  }

  /** Names of keyspaces without a rule of which something may go. */
  otherKeyspaces(): string[] {
    return [...this.#keyspaces].map((symbol) => this.#tables.symbols.name(symbol))
  }

  /** At most so many versions can go, as can be said at once. */
  static bound(tables: Tables, rules?: KeepRules): number {
    let bound = 0
    for (const kind of entityKinds) {
      if (rules !== undefined && !isAbout(rules, kind)) continue
      const table = tables.versions(kind)
      bound += table.count - table.entitiesWithRows
      if (kind === 'key') bound += table.absentHeads
    }
    return bound
  }

  /** Looks at what was known at a horizon and has not been looked at; takes a turn at each step. */
  *follow(horizonOf: (keep: Keep) => number): Generator<undefined> {
    let looked = 0
    for (const { keep, next } of this.#groups) {
      const end = this.#tables.commits.counts(horizonOf(keep))
      for (const kind of entityKinds) {
        if (!isAbout(this.#rules, kind)) continue
        for (let row = next[kind]; row < end[kind]; row++) {
          this.#look(kind, row, keep)
          next[kind] = row + 1
          if (++looked % rowsAtATime === 0) yield
        }
      }
    }
  }

  #look(kind: EntityKind, row: number, keep: Keep): void {
    const table = this.#tables.versions(kind)
    const replaced = table.previous(row)
    const isAbsentKey = kind === 'key' && table.payloadOf(row) === 0
    // The first version of an entity replaces nothing, which is what most are.
    if (replaced < 0 && !isAbsentKey) return
    const entity = table.entityOf(row)
    if (table.isErased(entity) || this.#keepOf(kind, entity, replaced) !== keep) return
    if (kind === 'key') this.#noteKeyspace(this.#tables.keyNames.keyspace(entity))
    if (replaced < 0) this.#count++
    else if (isCovered(table, replaced, row)) {
      // The absence of a key is counted when it is stated.
      if (kind !== 'key' || table.payloadOf(replaced) !== 0) this.#count++
      if (isAbsentKey) this.#count++
    }
  }

  #noteKeyspace(symbol: number): void {
    if (this.#noted.has(symbol)) return
    this.#noted.add(symbol)
    if (this.#ruleOf('key', this.#tables.symbols.name(symbol)) === undefined) {
      this.#keyspaces.add(symbol)
    }
  }

  #ruleOf(kind: EntityKind, name: string): NamedRule | undefined {
    return this.#rules.named.find((rule) => rule.kind === kind && rule.name === name)
  }

  #keepOf(kind: EntityKind, ordinal: number, replaced: number): Keep {
    const { keyNames, edgeEnds, node } = this.#tables
    if (kind === 'key') return this.#keepOfName(kind, keyNames.keyspace(ordinal))
    if (kind === 'edge') return this.#keepOfName(kind, edgeEnds.type(ordinal))
    const reference = node.payloadOf(replaced)
    const labels = reference === 0 ? [] : labelsOf(sliceOf(node.arena, reference))
    return longest(labels.map((label) => this.#keepOfName(kind, label)))
  }

  #keepOfName(kind: EntityKind, symbol: number): Keep {
    const known = this.#keeps[kind].get(symbol)
    if (known !== undefined) return known
    const name = this.#tables.symbols.name(symbol)
    const other = kind === 'key' && name !== schemaKeyspace ? this.#rules.otherKeyspaces : 'forever'
    const keep = this.#ruleOf(kind, name)?.keep ?? other
    this.#keeps[kind].set(symbol, keep)
    return keep
  }
}

/** Whether something of a kind may ever go. */
function isAbout(rules: KeepRules, kind: EntityKind): boolean {
  if (kind === 'key' && rules.otherKeyspaces !== 'forever') return true
  return rules.named.some((rule) => rule.kind === kind && rule.keep !== 'forever')
}

function isCovered(table: Tables['node'], replaced: number, row: number): boolean {
  if (table.periodOf(replaced) === table.periodOf(row)) return true
  return table.from(row) <= table.from(replaced) && table.to(row) >= table.to(replaced)
}

/** Of a node with several labels the longest counts, and without any it is kept for ever. */
function longest(keeps: readonly Keep[]): Keep {
  if (keeps.length === 0 || keeps.includes('forever')) return 'forever'
  const lengths = keeps.filter((keep) => typeof keep === 'number')
  return lengths.length === 0 ? 'present' : Math.max(...lengths)
}

import { invariant } from '../rules/invariant.ts'
import type { Tables } from '../versions/tables.ts'

/** What the tables consist of, as far as a policy may treat it differently. */
export const stateKinds = ['graph', 'keys', 'symbols'] as const
export type StateKind = (typeof stateKinds)[number]

/** Versions of nodes and edges, versions of keys, names of labels, types, properties, keyspaces. */
export type KindCounts = Readonly<Record<StateKind, number>>

/** What no checkpoint has of one kind. */
export interface KindNeed {
  readonly mutations: number
  /** Milliseconds since it was first seen to have any; 0 when it has none. */
  readonly sinceOldestMs: number
}

export type KindNeeds = Readonly<Record<StateKind, KindNeed>>

/**
 * Counts by kind what no checkpoint has, and since when. All kinds have one safe sequence, that of
 * the checkpoint: see docs/decisions/0011-one-checkpoint-for-all-kinds.md.
 */
export class UnsavedState {
  #sequence: number
  #symbols: number
  readonly #oldestMs = new Map<StateKind, number>()

  /** The newest commit that a checkpoint has, and how many symbols it has. */
  constructor(saved: { readonly sequence: number; readonly symbols: number }) {
    this.#sequence = saved.sequence
    this.#symbols = saved.symbols
  }

  /** How much of each kind no checkpoint has. */
  counts({ commits, node, edge, key, symbols }: Tables): KindCounts {
    const saved = commits.counts(this.#sequence)
    const counts = {
      graph: node.count + edge.count - saved.node - saved.edge,
      keys: key.count - saved.key,
      // Tables made anew may have fewer of them.
      symbols: Math.max(0, symbols.count - this.#symbols),
    }
    invariant(counts.graph >= 0 && counts.keys >= 0, 'a checkpoint has no more than there is')
    return counts
  }

  needs(tables: Tables, nowMs: number): KindNeeds {
    const counts = this.counts(tables)
    const need = (kind: StateKind): KindNeed => {
      const mutations = counts[kind]
      if (mutations === 0) this.#oldestMs.delete(kind)
      else if (!this.#oldestMs.has(kind)) this.#oldestMs.set(kind, nowMs)
      return { mutations, sinceOldestMs: nowMs - (this.#oldestMs.get(kind) ?? nowMs) }
    }
    return { graph: need('graph'), keys: need('keys'), symbols: need('symbols') }
  }

  /** A checkpoint begun at `startMs`, with at least `symbols`, has everything up to `sequence`. */
  noteSaved(
    saved: { readonly sequence: number; readonly symbols: number; readonly startMs: number },
    tables: Tables,
  ): void {
    this.#sequence = Math.max(this.#sequence, saved.sequence)
    const isAll = tables.commits.sequence === this.#sequence
    this.#symbols = isAll ? tables.symbols.count : saved.symbols
    const counts = this.counts(tables)
    for (const kind of stateKinds) {
      // Whatever is there beyond it has come since it began.
      if (counts[kind] > 0) this.#oldestMs.set(kind, saved.startMs)
      else this.#oldestMs.delete(kind)
    }
  }
}

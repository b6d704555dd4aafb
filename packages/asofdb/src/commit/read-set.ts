import type { EntityKind } from '../versions/entity.ts'
import { KeyReads } from './key-reads.ts'

/**
 * Something a transaction read that is more than one entity: a label, a node's edges, a range of
 * keys. It must say yes to every version that could change what was read; saying yes to others
 * only costs a retry.
 */
export interface ReadDependency {
  isChangedBy(kind: EntityKind, entity: number): boolean
}

/** What a serializable transaction has read, reads that found nothing included. */
export class ReadSet {
  #entities: Set<number> | undefined
  #dependencies: Map<string, ReadDependency> | undefined
  #keys: KeyReads | undefined

  /** What was read of the order of keys. */
  get keys(): KeyReads {
    this.#keys ??= new KeyReads()
    return this.#keys
  }

  /** The same, if anything was. */
  get keysIfAny(): KeyReads | undefined {
    return this.#keys
  }

  /** Remembers that an entity was read, by its id. */
  add(id: number): void {
    this.#entities ??= new Set()
    this.#entities.add(id)
  }

  has(id: number): boolean {
    return this.#entities?.has(id) === true
  }

  /** Remembers a dependency once; `name` tells equal ones apart from others. */
  depend(name: string, make: () => ReadDependency): void {
    this.#dependencies ??= new Map()
    if (!this.#dependencies.has(name)) this.#dependencies.set(name, make())
  }

  isChangedBy(kind: EntityKind, entity: number): boolean {
    if (this.#dependencies === undefined) return false
    for (const dependency of this.#dependencies.values()) {
      if (dependency.isChangedBy(kind, entity)) return true
    }
    return false
  }
}

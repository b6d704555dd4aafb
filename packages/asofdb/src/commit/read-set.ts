import type { EntityKind } from '../versions/entity.ts'

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
  readonly entities = new Set<number>()
  readonly #dependencies = new Map<string, ReadDependency>()

  /** Remembers a dependency once; `name` tells equal ones apart from others. */
  depend(name: string, make: () => ReadDependency): void {
    if (!this.#dependencies.has(name)) this.#dependencies.set(name, make())
  }

  isChangedBy(kind: EntityKind, entity: number): boolean {
    for (const dependency of this.#dependencies.values()) {
      if (dependency.isChangedBy(kind, entity)) return true
    }
    return false
  }
}

/** What a history was made to forget: entities that were erased, and horizons of names. */
import type { EntityKind, ReferenceEvent } from './reference-history.ts'

/** What a horizon is of: a label, an edge type, a keyspace; without a name, of everything. */
export interface HorizonSubject {
  readonly kind: EntityKind
  readonly name: string
}

export interface Horizon {
  readonly of: HorizonSubject | undefined
  /** The first commit as of which questions are answered. */
  readonly sequence: number
}

/** What a commit took away: entities by their names, or what was invisible from horizons on. */
export type Forgetting =
  | { readonly erased: readonly string[] }
  | { readonly horizons: readonly Horizon[] }

export class ReferenceForgetting {
  /** The commits that erased an entity; a key can be written to again, and erased again. */
  readonly #erasures = new Map<string, number[]>()
  readonly #horizons = new Map<string, Horizon>()
  /** How often anything was forgotten. */
  count = 0

  /** Erased for now, by something that nobody has seen yet. */
  pending: ReadonlySet<string> = new Set()

  erase(names: readonly string[], sequence: number): void {
    this.count += 1
    for (const name of names) {
      this.#erasures.set(name, [...(this.#erasures.get(name) ?? []), sequence])
    }
  }

  setHorizons(horizons: readonly Horizon[]): void {
    this.count += 1
    for (const horizon of horizons) {
      const known = this.#horizons.get(keyOf(horizon.of))?.sequence ?? 0
      if (horizon.sequence > known) this.#horizons.set(keyOf(horizon.of), horizon)
    }
  }

  /** The newest commit up to `upTo` that erased an entity; 0: none did. */
  erasedAt(name: string, upTo = Infinity): number {
    return this.#erasures.get(name)?.findLast((sequence) => sequence <= upTo) ?? 0
  }

  /** Of a node and an edge it is told that they were erased, of a key not even that. */
  isHidden(event: ReferenceEvent, kind: EntityKind | undefined, upTo = Infinity): boolean {
    if (this.pending.has(event.entity)) return true
    const erased = this.erasedAt(event.entity, upTo)
    return event.sequence < erased || (kind === 'key' && event.sequence === erased)
  }

  get everything(): number {
    return this.#horizons.get(keyOf(undefined))?.sequence ?? 0
  }

  /** The horizon of a name. */
  of(kind: EntityKind, name: string): number {
    return Math.max(this.#horizons.get(keyOf({ kind, name }))?.sequence ?? 0, this.everything)
  }

  /** All horizons of a kind, that of everything among them. */
  horizons(kind?: EntityKind): Horizon[] {
    return [...this.#horizons.values()].filter(
      ({ of }) => kind === undefined || of === undefined || of.kind === kind,
    )
  }

  /** The latest horizon of a kind, or of all. */
  latest(kind?: EntityKind): number {
    return Math.max(0, ...this.horizons(kind).map(({ sequence }) => sequence))
  }
}

function keyOf(of: HorizonSubject | undefined): string {
  return of === undefined ? '' : `${of.kind} ${of.name}`
}

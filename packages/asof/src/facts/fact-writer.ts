import { BEGINNING, type Edge, FOREVER, type Node, type Transaction, type View } from 'asofdb'
import { EntityIds } from './entity-ids.ts'
import { FactFilter, type FactIdentity } from './fact-filter.ts'

/** A fact as the input states it. */
export interface Fact {
  readonly subject: string
  readonly relation: string
  readonly object: string
  /** Microseconds since 1970; `to` is the first instant after it. */
  readonly from: bigint
  readonly to: bigint
}

/** What stating a fact did: it was new, it was known like this, or its end was corrected. */
export type FactOutcome = 'stated' | 'repeated' | 'corrected'

const beginning = BEGINNING.epochMicroseconds
const forever = FOREVER.epochMicroseconds
const everything = [{ node: 'subject' }, { edge: 'fact' }, { node: 'object' }]

/**
 * Writes facts: an edge for each, over its period, between nodes that hold always. The same
 * subject, relation, object and start are the same fact: stated again with another end, the old
 * period is taken back and the other one put in its place, in one transaction, so that both beliefs
 * stay on the axis of system time.
 */
export class FactWriter {
  readonly #entities: EntityIds
  readonly #filter = new FactFilter()

  /** Continues what the database holds. */
  constructor(view: View) {
    let hasEntities = false
    for (const _ of view.nodes('Entity')) {
      hasEntities = true
      break
    }
    this.#entities = new EntityIds(hasEntities)
    if (!hasEntities) return
    for (const { bindings, valid } of view.match(everything)) {
      const fact = bindings['fact']
      if (fact === undefined || !('type' in fact)) continue
      const from = valid.from?.epochMicroseconds ?? beginning
      const { source: subject, target: object, type: relation } = fact
      this.#filter.add({ subject, object, relation, from })
    }
  }

  get entitiesCreated(): number {
    return this.#entities.created
  }

  write(tx: Transaction, fact: Fact): FactOutcome {
    const { relation, from, to } = fact
    const subject = this.#entities.find(tx, fact.subject)
    const object = this.#entities.find(tx, fact.object)
    const identity = { subject, object, relation, from }
    if (this.#filter.mayHave(identity)) {
      const stated = findFact(tx, identity)
      if (stated !== undefined) return restate(tx, stated, fact)
    }
    this.#filter.add(identity)
    tx.createEdge(subject, relation, object, undefined, period(from, to))
    return 'stated'
  }
}

/** A fact that is already in the database. */
interface StatedFact {
  readonly edge: number
  readonly to: bigint
}

function restate(tx: Transaction, stated: StatedFact, fact: Fact): FactOutcome {
  const { from, to } = fact
  if (stated.to === to) return 'repeated'
  tx.delete(stated.edge, period(from, stated.to))
  tx.put(stated.edge, {}, period(from, to))
  return 'corrected'
}

/** Bounds for a write: the open ends by their names. */
function period(from: bigint, to: bigint) {
  return {
    validFrom: from === beginning ? BEGINNING : from,
    ...(to === forever ? {} : { validTo: to }),
  }
}

/** The first instants of time that a window may begin and end at. */
const firstMicros = -8_640_000_000_000_000_000n

function findFact(tx: Transaction, identity: FactIdentity): StatedFact | undefined {
  const { subject, object, relation, from } = identity
  const at = from === beginning ? firstMicros : from
  const pattern = [
    { node: 'subject', id: subject },
    { edge: 'fact', type: relation },
    { node: subject === object ? 'subject' : 'object', id: object },
  ]
  for (const { bindings } of tx.match(pattern, { from: at, to: at + 1n })) {
    const fact = bindings['fact']
    if (fact === undefined || !isEdge(fact)) continue
    // Another fact may hold at this instant too, but begins at another one.
    const [part] = tx.timeline(fact.id)
    if (part === undefined || (part.valid.from?.epochMicroseconds ?? beginning) !== from) continue
    return { edge: fact.id, to: part.valid.to?.epochMicroseconds ?? forever }
  }
  return undefined
}

function isEdge(element: Node | Edge): element is Edge {
  return 'type' in element
}

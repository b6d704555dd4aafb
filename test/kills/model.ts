import type { Database, Value, View } from 'asofdb'
import { type Action, stepOf } from './workload.ts'

interface Statement {
  /** The commit that made it. */
  readonly number: number
  /** Undefined: there is nothing at this place any more. */
  readonly value: string | undefined
}

/**
 * What a database must hold after each of its commits, place by place: plain lists that are only
 * added to, since which commits there are never changes once they were found after a kill.
 */
export class Model {
  readonly #seed: string
  readonly #places = new Map<string, Statement[]>()
  readonly #edges = new Map<string, { readonly from: number; readonly to: number }>()
  readonly #lives: number[] = []

  constructor(seed: string) {
    this.#seed = seed
  }

  get count(): number {
    return this.#lives.length
  }

  /** The life that made a commit; 0 for one that is not known. */
  lifeOf(number: number): number {
    return this.#lives[number - 1] ?? 0
  }

  /** The next commit, and which life made it. */
  add(life: number): void {
    this.#lives.push(life)
    const { number, actions } = stepOf(this.#seed, this.count, life)
    for (const action of actions) this.#apply(action, number)
  }

  /** Everything there is after a commit, by its place. */
  stateAt(number: number): Map<string, string> {
    const state = new Map<string, string>()
    for (const [place, statements] of this.#places) {
      const value = statements.findLast((one) => one.number <= number)?.value
      if (value !== undefined) state.set(place, value)
    }
    return state
  }

  #apply(action: Action, number: number): void {
    switch (action.type) {
      case 'putKey':
        this.#state(`key ${action.key}`, { number, value: action.text })
        break
      case 'deleteKey':
        this.#state(`key ${action.key}`, { number, value: undefined })
        break
      case 'putNode':
        this.#state(`node ${action.slot}`, { number, value: `${number} ${action.text}` })
        break
      case 'deleteNode':
        this.#state(`node ${action.slot}`, { number, value: undefined })
        for (const [place, { from, to }] of this.#edges) {
          if (from === action.slot || to === action.slot) {
            this.#state(place, { number, value: undefined })
          }
        }
        break
      case 'link': {
        const { from, to } = action
        const place = `edge ${from} ${to}`
        if (!this.#has(`node ${from}`) || !this.#has(`node ${to}`) || this.#has(place)) break
        this.#edges.set(place, { from, to })
        this.#state(place, { number, value: String(number) })
        break
      }
      case 'unlink':
        this.#state(`edge ${action.from} ${action.to}`, { number, value: undefined })
    }
  }

  #has(place: string): boolean {
    return this.#places.get(place)?.at(-1)?.value !== undefined
  }

  #state(place: string, statement: Statement): void {
    const statements = this.#places.get(place)
    if (statements === undefined) this.#places.set(place, [statement])
    else statements.push(statement)
  }
}

/** The same of a database: every key, node and edge, and each edge seen from both its ends. */
export function stateOf(view: View): Map<string, string> {
  const state = new Map<string, string>()
  for (const { key, value } of view.keys('texts').range()) {
    state.set(`key ${Number(key)}`, textOf(value))
  }
  const slots = new Map<number, number>()
  for (const node of view.nodes('N')) {
    const slot = Number(node.get('slot'))
    slots.set(node.id, slot)
    state.set(`node ${slot}`, `${Number(node.get('number'))} ${textOf(node.get('text'))}`)
    if (view.keys('slots').get(slot) !== node.id) state.set(`no key of ${node.id}`, '')
  }
  for (const { id, source, target, number } of edgesOf(view)) {
    const place = `edge ${slots.get(source) ?? '?'} ${slots.get(target) ?? '?'}`
    state.set(state.has(place) ? `${place} twice` : place, number)
    const isSeen = [view.out(source), view.in(target)].every((edges) =>
      edges.some((one) => one.id === id),
    )
    if (!isSeen) state.set(`${place} not seen from both ends`, '')
  }
  return state
}

function textOf(value: Value | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null)
}

function edgesOf(view: View) {
  return [...view.edges('T')].map((edge) => {
    const { id, source, target } = edge
    return { id, source, target, number: String(Number(edge.get('number'))) }
  })
}

/** In a few words, where two states differ; undefined when they are equal. */
export function difference(
  found: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string>,
): string | undefined {
  for (const place of new Set([...found.keys(), ...expected.keys()])) {
    const [is, should] = [found.get(place), expected.get(place)]
    if (is !== should) return `${place} is ${shorten(is)} and should be ${shorten(should)}`
  }
  return undefined
}

function shorten(text: string | undefined): string {
  if (text === undefined) return 'absent'
  return text.length > 60 ? `'${text.slice(0, 60)}...' (${text.length})` : `'${text}'`
}

/** The life that says it made each commit of a database after some. */
export function* livesAfter(database: Database, after: number): Generator<number> {
  for (let number = after + 1; number <= database.sequence; number++) {
    yield Number(database.commit(number)?.meta?.who)
  }
}

/**
 * The small language of the conformance table: reads operations and queries, carries them out on a
 * store, and writes the answers as the table does. Nodes carry a label that the notation hides;
 * `unique e` is over it.
 */
import type {
  Operation,
  Query,
  ScriptInstant,
  ScriptPeriod,
  ScriptProperties,
  ScriptValue,
} from '../../simulation/operation-script.ts'
import {
  formatAnswer,
  formatFailure,
  type Answer,
  type CommitAnswer,
  type Store,
} from './store.ts'

const hiddenLabel = 'Hidden'
const edgeType = 'EDGE'

interface Statement {
  /** As in `@10`; undefined: at whatever the clock shows. */
  readonly at: string | undefined
  readonly operations: string
}

/** The statements of a row, with `as 2` and `as 20 without @6` replaced by what they stand for. */
export function expandOperations(
  operations: string,
  operationsOf: (row: number) => string,
): Statement[] {
  return operations.split(';').flatMap((piece) => {
    const text = piece.trim()
    const repeat = /^as (\d+)(?: without (@\d+))?$/.exec(text)
    if (repeat !== null) {
      const repeated = expandOperations(operationsOf(Number(repeat[1])), operationsOf)
      return repeated.filter(({ at }) => at === undefined || at !== repeat[2])
    }
    const dated = /^(@\d+) (.+)$/.exec(text)
    return [{ at: dated?.[1], operations: dated?.[2] ?? text }]
  })
}

/** A store, what the statements did to it, and the answers to queries about it. */
export class Interpreter {
  readonly #store: Store
  readonly #known = new Set<string>()
  readonly #outcomes = new Map<string, CommitAnswer>()
  readonly #systems: bigint[] = []

  constructor(store: Store) {
    this.#store = store
  }

  async run({ at, operations }: Statement): Promise<void> {
    const clock = /^clock (\d+)$/.exec(operations)
    if (clock !== null) return this.#store.setClock(BigInt(clock[1] ?? ''))
    if (at !== undefined) this.#store.setClock(BigInt(at.slice(1)))
    const chosen = /^(.*) with system time (\d+)$/.exec(operations)
    const parsed = this.#parse(chosen?.[1] ?? operations)
    const outcome =
      chosen === null
        ? await this.#store.write(parsed)
        : await this.#store.writeWithSystemTime(parsed, BigInt(chosen[2] ?? ''))
    this.#note(at, outcome)
    if ('commit' in outcome) for (const operation of parsed) this.#learn(operation)
  }

  #note(at: string | undefined, outcome: CommitAnswer): void {
    this.#outcomes.set('-', outcome)
    if (at !== undefined) this.#outcomes.set(at, outcome)
    if ('failure' in outcome || outcome.commit.sequence === this.#systems.length) return
    const { system } = outcome.commit
    if (at !== undefined && at !== `@${system}`) throw new Error(`${at} was committed at ${system}`)
    this.#systems.push(system)
  }

  #learn(operation: Operation): void {
    if ('name' in operation) this.#known.add(operation.name)
  }

  #parse(operations: string): Operation[] {
    const parsed: Operation[] = []
    for (const text of operations.split(/, (?=put|patch|upsert|create|del|detach|edge|unique)/)) {
      const operation = parseOperation(text, (name) => this.#known.has(name) || isIn(parsed, name))
      parsed.push(operation)
    }
    return parsed
  }

  ask(query: string): string {
    const outcome = this.#outcomes.get(query)
    if (outcome !== undefined) return 'failure' in outcome ? formatFailure(outcome.failure) : 'fine'
    if (query === 'tx') return this.#systems.join(', ')
    if (query === 'affected') return this.#lastAffected()
    const difference = /^netDiff\((\d+),(\d+)\)$/.exec(query)
    if (difference !== null) {
      const [from, to] = [{ system: Number(difference[1]) }, { system: Number(difference[2]) }]
      return show(this.#store.history({ ask: 'netDiff', from, to }))
    }
    if (query.startsWith('MATCH')) {
      const hops = query.split('->').length - 1
      return show(this.#store.read({}, { ask: 'paths', hops })).replaceAll(/ \w+(?=[ ;]|$)/g, '')
    }
    return this.#askEntity(query)
  }

  #lastAffected(): string {
    const last = this.#outcomes.get('-')
    return last !== undefined && 'affected' in last ? String(last.affected.at(-1)) : ''
  }

  #askEntity(query: string): string {
    const state = /^(\w+)\((\d*),?(?:T=(\d+))?\)$/.exec(query)
    if (state !== null) {
      const at = {
        ...(state[2] === '' ? {} : { valid: Number(state[2]) }),
        ...(state[3] === undefined ? {} : { system: Number(state[3]) }),
      }
      const answer = this.#store.read(at, { ask: 'entity', entity: state[1] ?? '' })
      return show(answer) || 'present'
    }
    const rewind = /^(\w+) rewind\((\d+)\)$/.exec(query)
    if (rewind !== null) {
      const at = { rewind: Number(rewind[2]) }
      return show(this.#store.read(at, { ask: 'entity', entity: rewind[1] ?? '' }))
    }
    const [what, entity = '', ...window] = query.split(' ')
    switch (what) {
      case 'line':
        return show(this.#store.read({}, timelineQuery(entity, window)))
      case 'prov':
        return show(this.#store.read({}, { ask: 'provenance', entity }))
      case 'parts':
        return String(show(this.#store.read({}, { ask: 'timeline', entity })).split(', ').length)
      case 'events':
        return String(this.#countEvents(entity))
      default:
        throw new Error(`the notation has no query ${query}`)
    }
  }

  #countEvents(entity: string): number {
    const afterCommitsBack = this.#systems.length
    const all = { ask: 'changes', afterCommitsBack, toCommitsBack: 0 } as const
    const events = show(this.#store.history(all)).split(/[\n;]/)
    return events.filter((event) => event.includes(` ${entity} `)).length
  }
}

function isIn(operations: readonly Operation[], name: string): boolean {
  return operations.some((operation) => 'name' in operation && operation.name === name)
}

/** Payloads without the hidden label, empty braces and quotes. */
function show(answer: Answer): string {
  if ('failure' in answer) return answer.failure.code
  const hidden = new RegExp(`:${hiddenLabel}|\\{\\}|"`, 'g')
  return formatAnswer(answer).replaceAll(hidden, '')
}

function timelineQuery(entity: string, window: readonly string[]): Query {
  const [word, from, , to] = window
  if (from === undefined || to === undefined) return { ask: 'timeline', entity }
  const between = word === 'BETWEEN'
  return { ask: 'timeline', entity, window: { from: Number(from), to: Number(to), between } }
}

const shape = /^(\w+) (\w+)(?: (\w+)>(\w+))? ?(\{.*?\})?(.*)$/

function parseOperation(text: string, isKnown: (name: string) => boolean): Operation {
  const unique = /^unique (\w+)$/.exec(text.trim())
  if (unique !== null) {
    return { verb: 'createUnique', label: hiddenLabel, properties: [unique[1] ?? ''] }
  }
  const found = shape.exec(text.trim()) ?? []
  const [, verb = '', name = '', source, target, braces = '{}', rest = ''] = found
  const period = parsePeriod(rest.trim())
  const properties = parseProperties(braces)
  if (verb === 'edge' && source !== undefined && target !== undefined) {
    const ends = { source, type: edgeType, target }
    const edge = { verb: 'createEdge', name, ...ends, properties, period } as const
    return rest.includes("bounds:'clip'") ? { ...edge, bounds: 'clip' } : edge
  }
  if ((verb === 'put' || verb === 'create') && !isKnown(name)) {
    return { verb: 'createNode', name, labels: [hiddenLabel], properties, period }
  }
  switch (verb) {
    case 'put':
    case 'create':
      return { verb, entity: name, properties, period }
    case 'patch':
    case 'upsert':
      return { verb, entity: name, changes: properties, period }
    case 'del':
    case 'detach':
      return { verb: 'delete', entity: name, detach: verb === 'detach', period }
    default:
      throw new Error(`the notation has no operation ${text}`)
  }
}

function parsePeriod(text: string): ScriptPeriod {
  const both = /^\[(-?\w+),(\w+)\)/.exec(text)
  if (both !== null) return { from: parseInstant(both[1]), to: parseInstant(both[2]) }
  const untilNext = /^from (\d+) until next$/.exec(text)
  if (untilNext !== null) return { from: parseInstant(untilNext[1]), until: 'next' }
  const end = /^to (\d+)$/.exec(text)
  if (end !== null) return { to: parseInstant(end[1]) }
  if (text !== '') throw new Error(`the notation has no period ${text}`)
  return {}
}

function parseInstant(text = ''): ScriptInstant {
  return text === 'inf' || text === '-inf' ? text : Number(text)
}

function parseProperties(braces: string): ScriptProperties {
  const entries = braces.slice(1, -1).split(',').filter((entry) => entry !== '')
  return Object.fromEntries(
    entries.map((entry) => {
      const [name = '', value = ''] = entry.split(':')
      return [name, parseValue(value)]
    }),
  )
}

function parseValue(text: string): ScriptValue {
  if (text === 'null') return null
  return /^\d+$/.test(text) ? Number(text) : text
}

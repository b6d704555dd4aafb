/** Runs a plan on a database and writes down what its clients could know. */
import { inspect } from 'node:util'
import { type Database, open } from 'asofdb'
import type {
  History,
  Outcome,
  RecordedStep,
  RecordedTransaction,
  Result,
  Version,
} from './history.ts'
import {
  allKeys,
  type Cell,
  cellOf,
  type Operation,
  type Plan,
  type PlannedOperation,
  type PlannedTransaction,
  type Space,
} from './operations.ts'
import { type Ground, Session, type SessionOptions } from './session.ts'

export type OpenSession = (ground: Ground, options: SessionOptions) => Session

export const openUsualSession: OpenSession = (ground, options) => new Session(ground, options)

/** Runs histories, many of them beside each other in one database. */
export class HistoryRunner {
  readonly #database: Database
  readonly #openSession: OpenSession
  #count = 0

  constructor(database: Database, openSession: OpenSession = openUsualSession) {
    this.#database = database
    this.#openSession = openSession
  }

  async run(plan: Plan): Promise<History> {
    this.#count += 1
    const ground = await this.#prepare(plan, `history ${this.#count}`)
    const players = plan.transactions.map((planned, index) => new Player(planned, index + 1))
    const hasty = new Set(plan.hastyTurns)
    let acknowledged = 0
    for (const [turn, index] of plan.turns.entries()) {
      const player = players[index]
      if (player === undefined) continue
      if (!player.isBegun) player.begin(this.#openSession, ground, acknowledged)
      else if (!player.isAtEnd) player.step()
      else {
        const ending = player.end().then((outcome) => {
          if (outcome.kind !== 'committed') return
          acknowledged = Math.max(acknowledged, outcome.sequence)
        })
        if (!hasty.has(turn)) await ending
      }
    }
    const transactions = await Promise.all(players.map((player) => player.recorded()))
    return { before: beforeOf(plan), transactions, versions: this.#versions(ground) }
  }

  async #prepare(plan: Plan, name: string): Promise<Ground> {
    const database = this.#database
    const keyspaceOf = (space: Space) => `${name} ${space}`
    const nodes = new Map<string, number>()
    const hasNodes = usesNodes(plan)
    await database.write((tx) => {
      // Nodes have to be there once to be there again.
      if (hasNodes) {
        for (const key of allKeys) {
          nodes.set(key, tx.createNode(name, { v: '' }, { valid: 'always' }).id)
        }
      }
      for (const [cell, value] of beforeOf(plan)) {
        const [space, key] = partsOf(cell)
        const id = nodes.get(key) ?? 0
        if (space === 'nodes') tx.put(id, { v: value }, { valid: 'always' })
        else tx.keys(keyspaceOf(space)).put(key, value)
      }
    })
    const before = beforeOf(plan)
    await database.write((tx) => {
      for (const [key, id] of nodes) {
        if (!before.has(cellOf('nodes', key))) tx.delete(id, { valid: 'always' })
      }
    })
    return { database, keyspaceOf, label: name, nodes, start: database.sequence }
  }

  /** What the database tells of its commits, cell by cell. */
  #versions(ground: Ground): Map<Cell, Version[]> {
    const { database, nodes, start } = ground
    const spaceOf = new Map<string | undefined, Space>(
      (['left', 'right'] as const).map((space) => [ground.keyspaceOf(space), space]),
    )
    const keyOf = new Map([...nodes].map(([key, id]) => [id, key]))
    const versions = new Map<Cell, Version[]>()
    for (const { sequence, events } of database.changes({ after: start })) {
      for (const event of events) {
        const space = event.kind === 'node' ? 'nodes' : spaceOf.get(event.keyspace)
        const key = event.kind === 'node' ? keyOf.get(event.id) : event.key
        if (space === undefined || typeof key !== 'string') continue
        const stated = event.kind === 'node' ? event.state?.properties['v'] : event.value
        const value = typeof stated === 'string' ? stated : inspect(stated)
        const version = { sequence: sequence - start, value: stated === undefined ? null : value }
        const list = versions.get(cellOf(space, key)) ?? []
        // Of several statements of one commit the last one holds.
        if (list.at(-1)?.sequence === version.sequence) list.pop()
        list.push(version)
        versions.set(cellOf(space, key), list)
      }
    }
    return versions
  }
}

class Player {
  readonly #planned: PlannedTransaction
  readonly #name: string
  readonly #steps: RecordedStep[] = []
  readonly #seen = new Map<string, string | null>()
  #session: Session | undefined
  #hasCursor = false
  #next = 0
  #acknowledged = 0
  #base = 0
  #outcome: Promise<Outcome> | undefined

  constructor(planned: PlannedTransaction, number: number) {
    this.#planned = planned
    this.#name = `T${number}`
  }

  get isBegun(): boolean {
    return this.#session !== undefined
  }

  get isAtEnd(): boolean {
    return this.#next >= this.#planned.operations.length
  }

  begin(openSession: OpenSession, ground: Ground, acknowledged: number): void {
    const { isolation, isReadonly } = this.#planned
    this.#session = openSession(ground, { isolation, isReadonly })
    this.#base = this.#session.base
    this.#acknowledged = acknowledged
  }

  step(): void {
    const planned = this.#planned.operations[this.#next++]
    if (planned === undefined) return
    if (planned.do === 'move' && !this.#hasCursor) {
      this.#perform({ do: 'cursor', space: 'left', range: {} })
    }
    this.#perform(this.#resolve(planned))
  }

  #perform(operation: Operation): void {
    if (this.#session === undefined) return
    if (operation.do === 'cursor') this.#hasCursor = true
    const result = this.#session.perform(operation)
    this.#steps.push({ operation, result })
    this.#note(operation, result)
  }

  /** Remembers what was seen at single keys, for conditions. */
  #note(operation: Operation, result: Result): void {
    if (operation.do === 'get' && (typeof result === 'string' || result === null)) {
      this.#seen.set(`${operation.space}/${operation.key}`, result)
    }
    if (operation.do === 'put' || (operation.do === 'compareAndSet' && result === true)) {
      this.#seen.set(`${operation.space}/${operation.key}`, operation.value)
    }
  }

  #resolve(planned: PlannedOperation): Operation {
    if (!('expects' in planned)) return planned
    const { do: verb, space, key, expects, value } = planned
    const seen = this.#seen.get(`${space}/${key}`)
    if (expects === 'seen' && seen === undefined) return { do: 'get', space, key }
    const expected = expects === 'seen' ? (seen ?? null) : expects === 'absent' ? null : 'other'
    return verb === 'compareAndSet'
      ? { do: verb, space, key, expected, value }
      : { do: verb, space, key, expected }
  }

  end(): Promise<Outcome> {
    const session = this.#session
    if (session === undefined) throw new Error('it was not begun')
    this.#outcome = this.#planned.end === 'commit' ? session.commit() : session.cancel()
    return this.#outcome
  }

  async recorded(): Promise<RecordedTransaction> {
    return {
      name: this.#name,
      isolation: this.#planned.isolation,
      base: this.#base,
      acknowledged: this.#acknowledged,
      steps: this.#steps,
      outcome: (await this.#outcome) ?? { kind: 'cancelled' },
    }
  }
}

/** Values of before are as unique as those of transactions. */
function beforeOf(plan: Plan): Map<Cell, string> {
  return new Map(plan.before.map((cell) => [cell, `0.${cell}`]))
}

function partsOf(cell: Cell): [Space, string] {
  const slash = cell.indexOf('/')
  const space = cell.slice(0, slash)
  if (space !== 'left' && space !== 'right' && space !== 'nodes') throw new Error(cell)
  return [space, cell.slice(slash + 1)]
}

function usesNodes({ before, transactions }: Plan): boolean {
  if (before.some((cell) => cell.startsWith('nodes/'))) return true
  return transactions.some(({ operations }) =>
    operations.some((operation) => 'space' in operation && operation.space === 'nodes'),
  )
}

/** So that `changes` tells everything. */
export const historyOptions = { nodesValid: 'always', keyRetention: 'forever' } as const

export function openHere(): Promise<Database> {
  return open(':memory:', historyOptions)
}

import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Database,
  open,
  type OpenTransaction,
} from '../../packages/asofdb/src/index.ts'
import type { Savepoint } from '../../packages/asofdb/src/commit/savepoints.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import {
  type ModelEdge,
  ModelState,
  ModelTransaction,
  namesOf,
  type Operation,
} from './savepoint-model.ts'

const seed = 4051
const labels = ['L0', 'L1']
const types = ['T0', 'T1']
const keyspaces = ['k0', 'k1']
const keyNames = ['a', 'b', 'c']
const savepointNames = ['s', 't']

/** One step; the numbers choose among what there is when its turn comes. */
interface Step {
  readonly kind: string
  readonly one: number
  readonly other: number
  readonly name: number
}

const weights: Record<string, number> = {
  createNode: 5,
  patch: 4,
  deleteNode: 2,
  createEdge: 5,
  deleteEdge: 2,
  putKey: 6,
  deleteKey: 3,
  set: 6,
  rollbackTo: 3,
  releaseNamed: 2,
  rollback: 4,
  release: 2,
  look: 3,
  rival: 2,
  useUndone: 2,
  commit: 2,
  cancel: 1,
}

const anyStep: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(
    ...Object.entries(weights).map(([kind, weight]) => ({
      arbitrary: fc.constant(kind),
      weight,
    })),
  ),
  one: fc.nat(1000),
  other: fc.nat(1000),
  name: fc.nat(1),
})

function pick<T>(among: readonly T[], number: number): T | undefined {
  return among[number % among.length]
}

/** Runs steps on a database and on the model, and holds one against the other. */
class Trial {
  readonly #db: Database
  /** What is committed, in the order of the commits. */
  readonly #committed: Operation[] = []
  #tx: OpenTransaction
  #model: ModelTransaction
  #savepoints: { readonly handle: Savepoint; readonly savepoint: object }[] = []
  /** Ids that this transaction was given, undone or not. */
  #given: number[] = []
  /** Ids of rivals, which the transaction doesn't know. */
  readonly #foreign = new Set<number>()
  readonly #foreignKeys = new Set<string>()
  #value = 0

  constructor(db: Database) {
    this.#db = db
    this.#tx = db.begin({ isolation: 'snapshot' })
    this.#model = new ModelTransaction([])
  }

  get committed(): readonly Operation[] {
    return this.#committed
  }

  async step(step: Step): Promise<void> {
    const { kind } = step
    if (kind === 'commit' || kind === 'cancel') await this.#end(kind)
    else if (kind === 'look') this.#look()
    else if (kind === 'rival') await this.#beRival(step)
    else if (kind === 'useUndone') this.#useUndone(step)
    else if (kind === 'set') this.#set(step)
    else if (kind === 'rollback' || kind === 'release') this.#byHandle(kind, step)
    else if (kind === 'rollbackTo' || kind === 'releaseNamed') this.#byName(kind, step)
    else this.#state(step)
  }

  async end(): Promise<void> {
    this.#look()
    await this.#end('commit')
  }

  #next(): number {
    return ++this.#value
  }

  #state(step: Step): void {
    const operation = this.#operation(step)
    if (operation !== undefined) this.#model.add(operation)
  }

  /** Has the transaction do what the step says; gives it as the model is told of it. */
  #operation({ kind, one, other, name }: Step): Operation | undefined {
    const tx = this.#tx
    const { nodes, edges } = this.#model.state
    const node = pick([...nodes.keys()], one)
    const given = { property: `p${other % 3}`, value: this.#next() }
    const keyspace = keyspaces[one % 2] ?? ''
    const key = keyNames[other % 3] ?? ''
    const isKeyFree = !this.#foreignKeys.has(`${keyspace}/${key}`)
    if (kind === 'createNode') {
      const label = labels[name] ?? ''
      const { id } = tx.createNode(label, { [given.property]: given.value })
      this.#given.push(id)
      return { do: 'createNode', node: id, label, of: given }
    }
    if (kind === 'patch' && node !== undefined) {
      expect(tx.patch(node, { [given.property]: given.value })).toBe(1)
      return { do: 'patch', node, of: given }
    }
    if (kind === 'deleteNode' && node !== undefined) {
      expect(tx.delete(node, { detach: true })).toBe(1)
      return { do: 'deleteNode', node }
    }
    const target = pick([...nodes.keys()], other)
    if (kind === 'createEdge' && node !== undefined && target !== undefined) {
      const type = types[name] ?? ''
      const { id } = tx.createEdge(node, type, target)
      this.#given.push(id)
      return { do: 'createEdge', edge: id, type, source: node, target }
    }
    const edge = pick([...edges.keys()], one)
    if (kind === 'deleteEdge' && edge !== undefined) {
      expect(tx.delete(edge)).toBe(1)
      return { do: 'deleteEdge', edge }
    }
    if (kind === 'putKey' && isKeyFree) {
      tx.keys(keyspace).put(key, given.value)
      return { do: 'putKey', keyspace, key, value: given.value }
    }
    if (kind === 'deleteKey' && isKeyFree) {
      const isThere = this.#model.state.keys.has(`${keyspace}/${key}`)
      expect(tx.keys(keyspace).delete(key)).toBe(isThere ? 1 : 0)
      return { do: 'deleteKey', keyspace, key }
    }
    return undefined
  }

  #set({ one, name }: Step): void {
    const handle = this.#tx.savepoint(one % 3 === 0 ? undefined : savepointNames[name])
    this.#savepoints.push({ handle, savepoint: this.#model.set(handle.name) })
  }

  #byHandle(kind: 'rollback' | 'release', { one }: Step): void {
    const chosen = pick(this.#savepoints, one)
    if (chosen === undefined) return
    const { handle, savepoint } = chosen
    this.#endBoth(() => handle[kind](), kind, this.#model.isSet(savepoint) ? savepoint : undefined)
  }

  #byName(kind: 'rollbackTo' | 'releaseNamed', { name }: Step): void {
    const text = savepointNames[name] ?? ''
    const does = (): void => {
      if (kind === 'rollbackTo') this.#tx.rollbackTo(text)
      else this.#tx.release(text)
    }
    this.#endBoth(does, kind === 'rollbackTo' ? 'rollback' : 'release', this.#model.named(text))
  }

  /** Either both roll back (or release), or the database says that there is no such savepoint. */
  #endBoth(does: () => void, kind: 'rollback' | 'release', savepoint: object | undefined): void {
    if (savepoint === undefined) {
      expect(does).toThrow(expect.objectContaining({ code: 'NoSavepoint', kind: 'invalid' }))
      return
    }
    does()
    this.#model[kind](savepoint)
  }

  /** What was created and undone is as unknown as what never was. */
  #useUndone({ one, other }: Step): void {
    const { nodes, edges } = new ModelState(
      this.#model.operations.filter((operation) => operation.do.startsWith('create')),
    )
    const undone = this.#given.filter((id) => !nodes.has(id) && !edges.has(id))
    const id = pick(undone, one)
    if (id === undefined) return
    const unknown = expect.objectContaining({ code: 'InvalidArgument', details: { id } })
    expect(() => this.#tx.patch(id, { p0: 1 })).toThrow(unknown)
    const isNode = id % 4 === 1
    expect(isNode ? this.#tx.node(id) : this.#tx.edge(id)).toBeUndefined()
    const node = pick([...this.#model.state.nodes.keys()], other)
    if (isNode && node !== undefined) {
      expect(() => this.#tx.createEdge(node, 'T0', id)).toThrow(unknown)
    }
  }

  /** Somebody else commits with the same names, and keys that the transaction doesn't write to. */
  async #beRival({ one, other, name }: Step): Promise<void> {
    const operations = await this.#db.write((tx): Operation[] => {
      const given = { property: `p${other % 3}`, value: this.#next() }
      const label = labels[name] ?? ''
      const { id } = tx.createNode(label, { [given.property]: given.value })
      this.#foreign.add(id)
      const stated: Operation[] = [{ do: 'createNode', node: id, label, of: given }]
      const keyspace = keyspaces[one % 2] ?? ''
      const key = keyNames[other % 3] ?? ''
      const isOwn = this.#model.operations.some(
        (own) => 'key' in own && own.key === key && own.keyspace === keyspace,
      )
      if (isOwn) return stated
      tx.keys(keyspace).put(key, given.value)
      this.#foreignKeys.add(`${keyspace}/${key}`)
      return [...stated, { do: 'putKey', keyspace, key, value: given.value }]
    })
    this.#committed.push(...operations)
  }

  #look(): void {
    expectState(this.#tx, this.#model.state)
    const known = new Set(this.#model.state.nodes.keys())
    for (const id of [...this.#given, ...this.#foreign]) {
      if (id % 4 === 1 && !known.has(id)) expect(this.#tx.node(id)).toBeUndefined()
    }
  }

  async #end(kind: 'commit' | 'cancel'): Promise<void> {
    const { operations } = this.#model
    if (kind === 'commit') {
      const info = await this.#tx.commit()
      const hasStated = this.#model.operations.some(({ do: what }) => what !== 'deleteKey')
      if (hasStated) expect(info?.sequence).toBe(this.#db.sequence)
      this.#committed.push(...operations)
    } else this.#tx.cancel()
    expect(() => this.#tx.savepoint()).toThrow(
      expect.objectContaining({ code: 'TransactionFinished' }),
    )
    expectState(this.#db, new ModelState(this.#committed))
    this.#tx = this.#db.begin({ isolation: 'snapshot' })
    this.#model = new ModelTransaction([...this.#committed])
    this.#savepoints = []
    this.#given = []
    this.#foreign.clear()
    this.#foreignKeys.clear()
  }
}

type Reader = Pick<Database, 'node' | 'nodes' | 'edge' | 'edges' | 'out' | 'in' | 'keys'>

function sorted(numbers: Iterable<number>): number[] {
  return [...numbers].sort((a, b) => a - b)
}

/** The database, through every way to read it. */
function pictureOf(reader: Reader): unknown {
  const byId = (found: Iterable<{ readonly id: number }>): number[] =>
    sorted([...found].map(({ id }) => id))
  const nodes = byId(reader.nodes())
  return {
    nodes: nodes.map((id) => [id, reader.node(id)?.labels, entriesOf(reader.node(id)?.properties)]),
    labels: labels.map((label) => byId(reader.nodes(label))),
    edges: [...reader.edges()].map(({ id }) => {
      const { type, source, target } = reader.edge(id) ?? {}
      return [id, type, source, target]
    }),
    ends: nodes.map((id) =>
      [reader.out(id), reader.in(id)].map((own) => own.map((edge) => edge.id)),
    ),
    keys: keyspaces.map((keyspace) =>
      [...reader.keys(keyspace).range()].map(({ key, value }) => [key, value]),
    ),
    values: keyspaces.map((keyspace) =>
      keyNames.map((key) => reader.keys(keyspace).get(key) ?? null),
    ),
  }
}

function entriesOf(properties: Readonly<Record<string, unknown>> = {}): unknown {
  return Object.entries(properties).sort(([a], [b]) => (a < b ? -1 : 1))
}

/** The same of the model. */
function pictureOfModel({ nodes, edges, keys }: ModelState): unknown {
  const ids = sorted(nodes.keys())
  const own = [...edges].sort(([a], [b]) => a - b)
  const idsWhere = (holds: (edge: ModelEdge) => boolean): number[] =>
    own.filter(([, edge]) => holds(edge)).map(([id]) => id)
  return {
    nodes: ids.map((id) => [id, [nodes.get(id)?.label], entriesOf(nodes.get(id)?.properties)]),
    labels: labels.map((label) => ids.filter((id) => nodes.get(id)?.label === label)),
    edges: own.map(([id, { type, source, target }]) => [id, type, source, target]),
    ends: ids.map((id) => [
      idsWhere(({ source }) => source === id),
      idsWhere(({ target }) => target === id),
    ]),
    keys: keyspaces.map((keyspace) =>
      keyNames.flatMap((key) => {
        const value = keys.get(`${keyspace}/${key}`)
        return value === undefined ? [] : [[key, value]]
      }),
    ),
    values: keyspaces.map((keyspace) =>
      keyNames.map((key) => keys.get(`${keyspace}/${key}`) ?? null),
    ),
  }
}

function expectState(reader: Reader, state: ModelState): void {
  const picture = pictureOf(reader)
  const wanted = pictureOfModel(state)
  // To compare text is quick, and only what differs has to be shown well.
  if (JSON.stringify(picture) !== JSON.stringify(wanted)) expect(picture).toEqual(wanted)
}

async function run(steps: readonly Step[]): Promise<void> {
  const host = new SimulatedHost({ seed })
  const options = { nodesValid: 'always', checkpointLogBytes: Infinity } as const
  const trial = await host.run(async () => {
    const db = await open('/db', { host, ...options })
    const started = new Trial(db)
    for (const step of steps) await started.step(step)
    await started.end()
    return started
  })
  // The log alone, then a checkpoint, say the same; names that only undone statements used are in
  // neither.
  const next = host.kill()
  await next.run(async () => {
    const model = new ModelState(trial.committed)
    for (let round = 0; round < 2; round++) {
      const db = await open('/db', { host: next, ...options })
      expectState(db, model)
      const { stored, asked } = namesOf(trial.committed)
      expect(db.stats().symbols).toBeGreaterThanOrEqual(stored.size)
      expect(db.stats().symbols).toBeLessThanOrEqual(new Set([...stored, ...asked]).size)
      await db.close()
    }
  })
}

test('does what a stack of lists of operations does, also after it is opened again', async () => {
  const steps = fc.array(anyStep, { minLength: 20, maxLength: 60, size: 'max' })
  await fc.assert(fc.asyncProperty(steps, run), { seed, numRuns: 60 })
})

/**
 * A transaction as a naive person would write it: a stack of lists of operations, one list for each
 * savepoint. To roll back throws lists away, to release joins them, and what a read answers is
 * found by doing everything in the lists again.
 */

export type Operation =
  | { readonly do: 'createNode'; readonly node: number; readonly label: string; readonly of: Given }
  | { readonly do: 'patch'; readonly node: number; readonly of: Given }
  | { readonly do: 'deleteNode'; readonly node: number }
  | {
      readonly do: 'createEdge'
      readonly edge: number
      readonly type: string
      readonly source: number
      readonly target: number
    }
  | { readonly do: 'deleteEdge'; readonly edge: number }
  | {
      readonly do: 'putKey'
      readonly keyspace: string
      readonly key: string
      readonly value: number
    }
  | { readonly do: 'deleteKey'; readonly keyspace: string; readonly key: string }

/** One property and its value. */
interface Given {
  readonly property: string
  readonly value: number
}

export interface ModelNode {
  readonly label: string
  readonly properties: Readonly<Record<string, number>>
}

export interface ModelEdge {
  readonly type: string
  readonly source: number
  readonly target: number
}

/** What is there, by id; keys by `keyspace/key`. */
export class ModelState {
  readonly nodes = new Map<number, ModelNode>()
  readonly edges = new Map<number, ModelEdge>()
  readonly keys = new Map<string, number>()

  constructor(operations: Iterable<Operation>) {
    for (const operation of operations) this.#apply(operation)
  }

  #apply(operation: Operation): void {
    switch (operation.do) {
      case 'createNode': {
        const { label, node, of } = operation
        this.nodes.set(node, { label, properties: { [of.property]: of.value } })
        return
      }
      case 'patch': {
        const node = this.nodes.get(operation.node)
        if (node === undefined) return
        const { property, value } = operation.of
        const properties = { ...node.properties, [property]: value }
        this.nodes.set(operation.node, { ...node, properties })
        return
      }
      case 'deleteNode': {
        this.nodes.delete(operation.node)
        for (const [id, { source, target }] of this.edges) {
          if (source === operation.node || target === operation.node) this.edges.delete(id)
        }
        return
      }
      case 'createEdge': {
        const { type, source, target } = operation
        this.edges.set(operation.edge, { type, source, target })
        return
      }
      case 'deleteEdge':
        this.edges.delete(operation.edge)
        return
      case 'putKey':
        this.keys.set(`${operation.keyspace}/${operation.key}`, operation.value)
        return
      case 'deleteKey':
        this.keys.delete(`${operation.keyspace}/${operation.key}`)
    }
  }
}

/** The names that operations have the database store, and those that they may. */
export function namesOf(operations: Iterable<Operation>): {
  readonly stored: ReadonlySet<string>
  readonly asked: ReadonlySet<string>
} {
  const stored = new Set<string>()
  const asked = new Set<string>()
  for (const operation of operations) {
    if (operation.do === 'createNode') stored.add(operation.label).add(operation.of.property)
    else if (operation.do === 'patch') stored.add(operation.of.property)
    else if (operation.do === 'createEdge') stored.add(operation.type)
    else if (operation.do === 'putKey') stored.add(operation.keyspace)
    else if (operation.do === 'deleteKey') asked.add(operation.keyspace)
  }
  return { stored, asked }
}

interface Level {
  /** Undefined: the transaction itself. */
  readonly name: string | undefined
  readonly operations: Operation[]
}

export class ModelTransaction {
  readonly #before: readonly Operation[]
  readonly #levels: Level[] = [{ name: undefined, operations: [] }]

  constructor(before: readonly Operation[]) {
    this.#before = before
  }

  /** What it has stated and not undone, in order. */
  get operations(): readonly Operation[] {
    return this.#levels.flatMap(({ operations }) => operations)
  }

  get state(): ModelState {
    return new ModelState([...this.#before, ...this.operations])
  }

  add(operation: Operation): void {
    this.#levels.at(-1)?.operations.push(operation)
  }

  /** Sets a savepoint and gives what stands for it, for `rollback` and `release`. */
  set(name: string): object {
    const level: Level = { name, operations: [] }
    this.#levels.push(level)
    return level
  }

  /** The savepoint that a name stands for: the one that was set last. */
  named(name: string): object | undefined {
    return this.#levels.findLast((level) => level.name === name)
  }

  isSet(savepoint: object): boolean {
    return this.#levels.some((level) => level === savepoint)
  }

  rollback(savepoint: object): void {
    const at = this.#levels.findIndex((level) => level === savepoint)
    this.#levels.length = at + 1
    this.#levels[at]?.operations.splice(0)
  }

  release(savepoint: object): void {
    const at = this.#levels.findIndex((level) => level === savepoint)
    const kept = this.#levels.splice(at).flatMap(({ operations }) => operations)
    this.#levels.at(-1)?.operations.push(...kept)
  }
}

import type { Transaction } from 'asofdb'
import { ownText } from './own-text.ts'

/** How many names are kept at hand; others are looked up in the index. */
const rememberedMax = 1_000_000

/** Nodes of entities by name, created when they are first mentioned. */
export class EntityIds {
  readonly #known = new Map<string, number>()
  readonly #max: number
  /** False while every entity of the database is known here, so that an unknown name is unused. */
  #mustAskIndex: boolean
  created = 0

  constructor(hasEntities: boolean, max: number = rememberedMax) {
    this.#mustAskIndex = hasEntities
    this.#max = max
  }

  find(tx: Transaction, name: string): number {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const id = (this.#mustAskIndex ? lookUp(tx, name) : undefined) ?? this.#create(tx, name)
    if (this.#known.size >= this.#max) {
      this.#known.clear()
      this.#mustAskIndex = true
    }
    this.#known.set(ownText(name), id)
    return id
  }

  #create(tx: Transaction, name: string): number {
    this.created++
    return tx.createNode('Entity', { name }, { valid: 'always' }).id
  }
}

function lookUp(tx: Transaction, name: string): number | undefined {
  for (const node of tx.nodes('Entity', { name })) return node.id
  return undefined
}

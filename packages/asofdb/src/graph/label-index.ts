import {
  type ImagedIndex,
  IndexShelf,
  piecesOfNumbers,
  wordsOfSection,
} from '../versions/index-shelf.ts'
import { sliceOf } from '../versions/payload-slice.ts'
import type { Tables } from '../versions/tables.ts'
import { hasLabel, labelsOf } from './payload.ts'

/**
 * The nodes that ever carried a label, in the order in which they got it. Derived from the node
 * versions when first needed, then kept up; nothing is ever taken out, whether a node carries the
 * label at some point is for its versions to say.
 */
export class LabelIndex implements ImagedIndex {
  readonly name = 'labels'
  readonly kind = 'node'
  readonly format = 1
  readonly #tables: Tables
  readonly #shelf: IndexShelf
  readonly #nodesByLabel = new Map<number, LabelledNodes>()
  #known = 0

  constructor(tables: Tables, shelf: IndexShelf = new IndexShelf()) {
    this.#tables = tables
    this.#shelf = shelf
    shelf.add(this)
  }

  get stamp(): number {
    return this.#known
  }

  rowsToSave(rowsMax: number): number {
    return this.#known <= rowsMax ? this.#known : 0
  }

  /** One section: of each label its symbol, 1 if nodes repeat, how many they are, and they. */
  *save(): Generator<Iterable<Uint8Array>> {
    yield piecesOfNumbers(this.#numbers())
  }

  *#numbers(): Generator<number> {
    for (const [label, { nodes, hasRepeats }] of this.#nodesByLabel) {
      yield label
      yield hasRepeats ? 1 : 0
      yield nodes.length
      yield* nodes
    }
  }

  load(sections: readonly Uint8Array[], rows: number): boolean {
    const words = wordsOfSection(sections[0])
    if (words === undefined) return false
    const found = new Map<number, LabelledNodes>()
    for (let at = 0; at < words.length; ) {
      const [label = -1, repeats, count = -1] = words.subarray(at, at + 3)
      const end = at + 3 + count
      if (label < 0 || count < 0 || end > words.length) return false
      const nodes = Array.from(words.subarray(at + 3, end))
      found.set(label, { nodes, hasRepeats: repeats === 1 })
      at = end
    }
    for (const [label, listed] of found) this.#nodesByLabel.set(label, listed)
    this.#known = rows
    return true
  }

  /** Node ordinals, each once. Reading further while commits go on is fine. */
  *nodes(label: number): Generator<number> {
    this.follow()
    const listed = this.#nodesByLabel.get(label)
    if (listed === undefined) return
    const end = listed.nodes.length
    const seen = listed.hasRepeats ? new Set<number>() : undefined
    for (let index = 0; index < end; index++) {
      const node = listed.nodes[index] as number
      if (seen?.has(node) === true) continue
      seen?.add(node)
      yield node
    }
  }

  /** Labels that some node ever carried. */
  labels(): number[] {
    this.follow()
    return [...this.#nodesByLabel.keys()]
  }

  follow(): void {
    const { node } = this.#tables
    if (this.#known === 0 && node.count > 0) this.#shelf.load(this)
    for (; this.#known < node.count; this.#known++) {
      const row = this.#known
      const reference = node.payloadOf(row)
      if (reference === 0) continue
      const labels = labelsOf(sliceOf(node.arena, reference))
      const previous = node.previous(row)
      for (const label of labels) this.#list(label, { row, previous })
    }
  }

  /**
   * By induction a node whose previous version carries the label is listed; one whose older
   * versions carried it may be listed again, and the list then says that it has repeats.
   */
  #list(label: number, version: { row: number; previous: number }): void {
    const { node } = this.#tables
    const { row, previous } = version
    if (previous >= 0) {
      const reference = node.payloadOf(previous)
      if (reference !== 0 && hasLabel(sliceOf(node.arena, reference), label)) return
    }
    let listed = this.#nodesByLabel.get(label)
    if (listed === undefined) {
      listed = { nodes: [], hasRepeats: false }
      this.#nodesByLabel.set(label, listed)
    }
    listed.nodes.push(node.entityOf(row))
    if (previous >= 0) listed.hasRepeats = true
  }
}

interface LabelledNodes {
  readonly nodes: number[]
  hasRepeats: boolean
}

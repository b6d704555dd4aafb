import { describe, expect, test } from 'vitest'
import { RandomStream } from '../../../../simulation/random.ts'
import { timeHigh, timeLow } from '../encoding/instant.ts'
import { valueToIndexKey } from '../encoding/ordered-key.ts'
import { foreverMicros, spanToWords } from '../versions/periods.ts'
import { EdgeTable, Tables } from '../versions/tables.ts'
import { VersionTable } from '../versions/version-table.ts'
import { Adjacency } from './adjacency.ts'
import { LabelIndex } from './label-index.ts'
import { encodePayload } from './payload.ts'
import { PropertyIndex } from './property-index.ts'
import { SettledEdges } from './settled-edges.ts'

function append(
  table: VersionTable,
  entity: number,
  version: { from: bigint; to: bigint; isPresent: boolean },
): void {
  const { fromHigh, fromLow, toHigh, toLow } = spanToWords(version)
  const period = table.periods.intern(fromHigh, fromLow, toHigh, toLow)
  table.append(entity, period, version.isPresent ? table.arena.append(Uint8Array.of(7), 0, 1) : 0)
}

/** Few instants, on both sides of where a word carries into the next. */
const instants = [-(2n ** 33n), -1n, 0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 40n]

function* points(rowsEnd: number) {
  for (const valid of [...instants, ...instants.map((at) => at - 1n)]) {
    for (const rows of new Set([0, 1, rowsEnd >> 1, rowsEnd - 1, rowsEnd])) {
      yield { rows, high: timeHigh(valid), low: timeLow(valid) }
    }
  }
}

/** Edges from node to node around a circle, several times if there are more edges than nodes. */
function edgesAround(count: number): EdgeTable {
  const ends = new EdgeTable()
  for (let edge = 0; edge < count; edge++) {
    ends.define(edge, { type: 0, source: edge % sourceCount, target: (edge + 1) % sourceCount })
  }
  return ends
}

const sourceCount = 2100

describe('settled edges', () => {
  test.each(['one', 'two', 'three'])('say what the versions say, or nothing: %s', (label) => {
    const random = new RandomStream(`settled ${label}`)
    const table = new VersionTable({ hasWideHeads: false })
    const settled = new SettledEdges(table, edgesAround(5100))
    const counts = { present: 0, absent: 0, unknown: 0, all: 0 }
    let rows = 0
    for (let round = 0; round < 4; round++) {
      for (let step = 0; step < 600; step++) {
        const from = instants[random.below(instants.length)] ?? 0n
        const to = random.chance(0.2) ? from + 1n + BigInt(random.below(2 ** 33)) : foreverMicros
        append(table, random.below(5000), { from, to, isPresent: random.chance(0.9) })
      }
      for (; rows < table.count; rows++) settled.follow(rows)
      const wrong: unknown[] = []
      for (const point of points(table.count)) {
        for (let edge = 0; edge < 5100; edge += 3) {
          const presence = settled.presence(edge, point)
          counts[presence]++
          const isPresent = table.payloadAt(edge, point) !== 0
          if (presence !== 'unknown' && (presence === 'present') !== isPresent) wrong.push(edge)
          if (!settled.allPresent(edge % sourceCount, point)) continue
          counts.all++
          // Edges without a version are in no list of a node.
          if (!isPresent && table.head(edge) >= 0) wrong.push(`not all: ${edge}`)
        }
      }
      expect(wrong).toEqual([])
    }
    expect(counts.present).toBeGreaterThan(0)
    expect(counts.absent).toBeGreaterThan(0)
    expect(counts.all).toBeGreaterThan(0)
  })

  test('an edge is no longer settled once a second version came', () => {
    const table = new VersionTable({ hasWideHeads: false })
    const settled = new SettledEdges(table, edgesAround(9001))
    append(table, 40, { from: 5n, to: foreverMicros, isPresent: true })
    settled.follow(0)
    const at = (rows: number, low: number) => settled.presence(40, { rows, high: 0, low })
    expect([at(1, 5), at(1, 4), at(0, 5)]).toEqual(['present', 'absent', 'absent'])
    const all = (rows: number, low: number) => settled.allPresent(40, { rows, high: 0, low })
    expect([all(1, 5), all(1, 4), all(0, 5)]).toEqual([true, false, false])
    append(table, 40, { from: 9n, to: foreverMicros, isPresent: true })
    settled.follow(1)
    expect([at(2, 5), at(1, 5)]).toEqual(['unknown', 'unknown'])
    expect([all(2, 10), all(1, 10)]).toEqual([false, false])
    // An endless version after a finite one does not tell what held before it.
    append(table, 9000, { from: 2n, to: 6n, isPresent: true })
    append(table, 9000, { from: 4n, to: foreverMicros, isPresent: true })
    settled.follow(2)
    settled.follow(3)
    expect(settled.presence(9000, { rows: 4, high: 0, low: 3 })).toBe('unknown')
    expect(settled.presence(10_000, { rows: 2, high: 0, low: 5 })).toBe('unknown')
  })
})

describe('adjacency', () => {
  test.each([0, 1, 50, 5000])('is the same, kept up from edge %i on or built at once', (start) => {
    const random = new RandomStream(`adjacency ${start}`)
    const tables = new Tables()
    const kept = new Adjacency(tables)
    const nodes = 40
    tables.nodesAllocated = nodes
    // Edges get their versions in another order than their ordinals, as of rival transactions.
    const ordinals = Array.from({ length: 6000 }, (_, at) => at)
    for (let at = 0; at + 8 < ordinals.length; at++) {
      const other = at + random.below(8)
      const [one, two] = [ordinals[at] ?? 0, ordinals[other] ?? 0]
      ordinals[at] = two
      ordinals[other] = one
    }
    ordinals.forEach((edge, at) => {
      const source = random.chance(0.3) ? 1 : random.below(nodes)
      const ends = { type: random.below(3), source, target: random.below(nodes) }
      tables.edgeEnds.define(edge, ends)
      append(tables.edge, edge, { from: 0n, to: foreverMicros, isPresent: random.chance(0.9) })
      if (at % 9 === 0) append(tables.edge, edge, { from: 0n, to: 1n, isPresent: true })
      if (at >= start && at % 100 === 0) {
        kept.lists('out')
        kept.lists('in')
        kept.typed('out', 1, 2)
      }
    })
    const built = new Adjacency(tables)
    for (const direction of ['out', 'in'] as const) {
      for (let node = 0; node < nodes; node++) {
        const wanted = ordinals
          .filter((edge) => {
            const { source, target } = tables.edgeEnds.ends(edge)
            return (direction === 'out' ? source : target) === node
          })
          .sort((a, b) => a - b)
        expect(String(built.edges(direction, node))).toBe(String(wanted))
        expect(String(kept.edges(direction, node))).toBe(String(wanted))
        for (let type = 0; type < 4; type++) {
          const typed = wanted.filter((edge) => tables.edgeEnds.type(edge) === type)
          const many = wanted.length > 64 ? String(typed) : undefined
          expect(kept.typed(direction, node, type)?.join()).toBe(many)
          expect(built.typed(direction, node, type)?.join()).toBe(many)
        }
      }
    }
    const lists = kept.lists('out')
    const block = lists.blockOf(1)
    for (let index = 0; index < lists.count(1); index++) {
      const at = lists.startOf(1) + index * 2
      expect(block[at + 1]).toBe(tables.edgeEnds.target(block[at] ?? -1))
    }
  })
})

/** Node versions at random, with what they say as a plain list. */
class Nodes {
  readonly tables = new Tables()
  readonly versions: { node: number; labels: string[]; age: number | undefined }[] = []
  readonly #random: RandomStream

  constructor(seed: string) {
    this.#random = new RandomStream(seed)
  }

  people() {
    return this.versions.filter(({ labels }) => labels.includes('Person'))
  }

  append(): void {
    const random = this.#random
    const { node: table, symbols } = this.tables
    const node = random.below(20)
    const labels = ['Person', 'Robot', 'Other'].filter(() => random.chance(0.4))
    const age = random.chance(0.8) ? random.below(6) : undefined
    const isPresent = random.chance(0.8)
    const slice = encodePayload(labels, age === undefined ? {} : { age, name: 'x' }, (name) =>
      symbols.intern(name),
    )
    const period = table.periods.intern(0, 0, 1, 0)
    const reference = isPresent ? table.arena.append(slice.bytes, slice.start, slice.end) : 0
    table.append(node, period, reference)
    this.versions.push({ node, labels: isPresent ? labels : [], age: isPresent ? age : undefined })
  }
}

describe('node indexes', () => {
  test('list every node that ever had the label, each once', () => {
    const nodes = new Nodes('labels')
    const index = new LabelIndex(nodes.tables)
    for (let step = 0; step < 300; step++) {
      nodes.append()
      if (step % 7 !== 0) continue
      for (const label of ['Person', 'Robot', 'Other']) {
        const symbol = nodes.tables.symbols.find(label) ?? -1
        const found = [...index.nodes(symbol)]
        const wanted = new Set(
          nodes.versions.filter(({ labels }) => labels.includes(label)).map(({ node }) => node),
        )
        expect(found).toHaveLength(wanted.size)
        expect(new Set(found)).toEqual(wanted)
      }
    }
    expect(index.labels()).toHaveLength(3)
  })

  test('do not repeat a node that is listed again while they are read', () => {
    const tables = new Tables()
    const { node: table, symbols } = tables
    const index = new LabelIndex(tables)
    const period = table.periods.intern(0, 0, 1, 0)
    const state = (node: number, labels: string[]): void => {
      const { bytes, start, end } = encodePayload(labels, {}, (name) => symbols.intern(name))
      table.append(node, period, table.arena.append(bytes, start, end))
    }
    for (let node = 0; node < 10; node++) state(node, ['Person'])
    const met: number[] = []
    for (const node of index.nodes(symbols.find('Person') ?? -1)) {
      met.push(node)
      state(node, [])
      state(node, ['Person'])
      expect(index.labels()).toHaveLength(1)
    }
    expect(met).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('list every node that ever had the value together with the label', () => {
    const nodes = new Nodes('values')
    const { tables } = nodes
    const index = new PropertyIndex(tables, { label: 'Person', properties: ['age'] })
    const compound = new PropertyIndex(tables, { label: 'Person', properties: ['age', 'name'] })
    for (let step = 0; step < 300; step++) {
      nodes.append()
      if (step % 11 !== 0) continue
      for (let age = 0; age < 7; age++) {
        const key = valueToIndexKey(age) ?? expect.unreachable()
        const wanted = nodes.people().filter((one) => one.age === age)
        const found = new Set(index.candidates({ gte: key, lte: key }))
        expect(found).toEqual(new Set(wanted.map(({ node }) => node)))
      }
    }
    const older = valueToIndexKey(3)
    const wanted = nodes.people().filter(({ age }) => age !== undefined && age > 3)
    const found = new Set(index.candidates({ gt: older }))
    expect(found).toEqual(new Set(wanted.map(({ node }) => node)))
    expect([...compound.candidates({})].length).toBe([...index.candidates({})].length)
  })
})

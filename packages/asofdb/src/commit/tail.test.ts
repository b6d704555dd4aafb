import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type EntityKind, entityKinds } from '../versions/entity.ts'
import { type EdgeEnds, EdgeTable } from '../versions/tables.ts'
import { type OwnEvent, Tail, type TailPosition } from './tail.ts'

const seed = 1611

interface Stated {
  readonly kind: EntityKind
  readonly ordinal: number
  readonly from: bigint
  readonly to: bigint
}

const anyStep = fc.record({
  kind: fc.constantFrom(...entityKinds),
  ordinal: fc.nat(6),
  from: fc.constantFrom(1n, 2n),
  to: fc.constantFrom(3n, 4n, 2n ** 63n - 1n),
  isAskedAbout: fc.boolean(),
})

function statedOf({ kind, ordinal, from, to }: OwnEvent): Stated {
  return { kind, ordinal, from, to }
}

function expectTail(tail: Tail, stated: readonly Stated[]): void {
  for (const kind of entityKinds) {
    const ofKind = stated.filter((one) => one.kind === kind)
    expect(tail.has(kind)).toBe(ofKind.length > 0)
    const isLast = (one: Stated, at: number): boolean =>
      ofKind.findLastIndex((other) => other.ordinal === one.ordinal) === at
    expect([...tail.newestOf(kind)].map(statedOf)).toEqual(ofKind.filter(isLast))
    for (let ordinal = 0; ordinal <= 7; ordinal++) {
      const own = ofKind.filter((one) => one.ordinal === ordinal)
      expect([...tail.of(kind, ordinal)].map(statedOf)).toEqual(own.toReversed())
      const newest = tail.newest(kind, ordinal)
      expect(newest && statedOf(newest)).toEqual(own.at(-1))
    }
  }
  expect(tail.events.map(statedOf)).toEqual(stated)
}

test('tells what was stated, newest first, however much that is', () => {
  const property = fc.property(fc.array(anyStep, { maxLength: 40, size: 'max' }), (steps) => {
    const tail = new Tail(new EdgeTable())
    const stated: Stated[] = []
    for (const { isAskedAbout, ...one } of steps) {
      const { kind, ordinal, from, to } = one
      const isFirst = !stated.some((other) => other.kind === kind && other.ordinal === ordinal)
      const statement = { span: { from, to }, payload: undefined }
      if (isFirst) tail.recordFirst(kind, ordinal, statement)
      else tail.record(kind, ordinal, statement)
      stated.push(one)
      if (isAskedAbout) expectTail(tail, stated)
    }
    expectTail(tail, stated)
  })
  fc.assert(property, { seed, numRuns: 100 })
})

test('lists the edges of a node as they are created', () => {
  const edgeEnds = new EdgeTable()
  const tail = new Tail(edgeEnds)
  const create = (ordinal: number, source: number, target: number) => {
    edgeEnds.define(ordinal, { type: 0, source, target })
    tail.edges.push(ordinal)
  }
  create(3, 1, 2)
  expect(tail.edgesOf(1, true)).toEqual([3])
  create(5, 1, 1)
  expect(tail.edgesOf(1, true)).toEqual([3, 5])
  expect(tail.edgesOf(1, false)).toEqual([5])
  expect(tail.edgesOf(2, false)).toEqual([3])
  expect(tail.edgesOf(2, true)).toEqual([])
})

const anyEnds = fc.record({ source: fc.nat(2), target: fc.nat(2) })
const anyMove = fc.oneof(
  { arbitrary: fc.record({ statement: anyStep }), weight: 8 },
  { arbitrary: fc.record({ edge: anyEnds }), weight: 2 },
  { arbitrary: fc.constant('set' as const), weight: 2 },
  { arbitrary: fc.record({ backTo: fc.nat(7), isAskedAbout: fc.boolean() }), weight: 2 },
)

interface TailModel {
  readonly stated: readonly Stated[]
  readonly edges: readonly EdgeEnds[]
}

function expectEdges(tail: Tail, edges: readonly EdgeEnds[]): void {
  expect(tail.edges).toEqual(edges.map((_, ordinal) => ordinal))
  for (let node = 0; node <= 2; node++) {
    const ordinals = (end: 'source' | 'target'): number[] =>
      [...edges.keys()].filter((ordinal) => edges[ordinal]?.[end] === node)
    expect(tail.edgesOf(node, true)).toEqual(ordinals('source'))
    expect(tail.edgesOf(node, false)).toEqual(ordinals('target'))
  }
}

test('taken back, tells what it told before, and goes on from there', () => {
  const property = fc.property(fc.array(anyMove, { maxLength: 60, size: 'max' }), (moves) => {
    const edgeEnds = new EdgeTable()
    const tail = new Tail(edgeEnds)
    const positions: (TailModel & { readonly position: TailPosition })[] = []
    let model: TailModel = { stated: [], edges: [] }
    for (const move of moves) {
      if (move === 'set') positions.push({ ...model, position: tail.position() })
      else if ('statement' in move) {
        const { isAskedAbout, ...one } = move.statement
        const { kind, ordinal, from, to } = one
        tail.record(kind, ordinal, { span: { from, to }, payload: undefined })
        model = { ...model, stated: [...model.stated, one] }
        if (isAskedAbout) expectTail(tail, model.stated)
      } else if ('edge' in move) {
        edgeEnds.define(tail.edges.length, { type: 0, ...move.edge })
        tail.edges.push(tail.edges.length)
        model = { ...model, edges: [...model.edges, { type: 0, ...move.edge }] }
        if (model.edges.length % 2 === 0) expectEdges(tail, model.edges)
      } else if (positions.length > 0) {
        positions.length = (move.backTo % positions.length) + 1
        const before = positions.at(-1)
        if (before === undefined) continue
        const undone = tail.takeBackTo(before.position)
        expect(undone).toEqual([...model.edges.keys()].slice(before.edges.length))
        model = { stated: before.stated, edges: before.edges }
        if (!move.isAskedAbout) continue
        expectTail(tail, model.stated)
        expectEdges(tail, model.edges)
      }
    }
    expectTail(tail, model.stated)
    expectEdges(tail, model.edges)
  })
  fc.assert(property, { seed, numRuns: 60 })
})

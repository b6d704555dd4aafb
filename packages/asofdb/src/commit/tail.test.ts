import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type EntityKind, entityKinds } from '../versions/entity.ts'
import { EdgeTable } from '../versions/tables.ts'
import { type OwnEvent, Tail } from './tail.ts'

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

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyInt64 } from '../../../../test/encoding/arbitrary-values.ts'
import { ByteWriter, DecodeError } from '../encoding/bytes.ts'
import { timeFromHalves } from '../encoding/instant.ts'
import { entityKinds, ordinalMax } from '../versions/entity.ts'
import { beginningMicros, foreverMicros } from '../versions/periods.ts'
import { Tables } from '../versions/tables.ts'
import {
  type BatchContent,
  type BatchSink,
  decodeBatch,
  encodeBatch,
  type KeyDefinition,
} from './batch.ts'

const seed = 1455

const anySpan = fc
  .tuple(
    fc.oneof(anyInt64, fc.constant(beginningMicros), fc.constantFrom(1n, 2n)),
    fc.oneof(anyInt64, fc.constant(foreverMicros), fc.constantFrom(3n, 4n)),
  )
  .filter(([from, to]) => from < to)
  .map(([from, to]) => ({ from, to }))
const anyOrdinal = fc.oneof(fc.nat(200), fc.constant(ordinalMax))
const anyBytes = fc.uint8Array({ maxLength: 20 })

const anyEvent = fc
  .record({
    kind: fc.constantFrom(...entityKinds),
    ordinal: anyOrdinal,
    span: anySpan,
    content: fc.option(anyBytes, { nil: undefined }),
  })
  .map(({ kind, ordinal, span, content }) => {
    const payload =
      content === undefined
        ? undefined
        : { bytes: Uint8Array.of(1, ...content, 1), start: 1, end: 1 + content.length }
    return { kind, ordinal, ...span, payload, sequence: Infinity }
  })

const anyKey: fc.Arbitrary<KeyDefinition> = fc
  .record({ ordinal: anyOrdinal, keyspace: fc.nat(300), bytes: anyBytes })
  .map((key) => ({ ...key, start: key.bytes.length >> 1, end: key.bytes.length }))

const anyContent: fc.Arbitrary<BatchContent> = fc.record({
  meta: fc.option(fc.uint8Array({ minLength: 1, maxLength: 9 }), { nil: undefined }),
  symbols: fc.uniqueArray(fc.nat(4), { maxLength: 5 }),
  edges: fc.array(
    fc.record({ ordinal: anyOrdinal, type: fc.nat(300), source: anyOrdinal, target: anyOrdinal }),
    { maxLength: 4 },
  ),
  keys: fc.array(anyKey, { maxLength: 4 }),
  events: fc
    .array(fc.tuple(anyEvent, fc.boolean()), { minLength: 1, maxLength: 8 })
    .map((drafts) => {
      const [first] = drafts
      // Now and then the period of the event before.
      return drafts.map(([event, isSame], at) => {
        const before = isSame ? (drafts[at - 1] ?? first) : undefined
        return before === undefined ? event : { ...event, from: before[0].from, to: before[0].to }
      })
    }),
})

function tablesWithNames(): Tables {
  const tables = new Tables()
  for (const name of ['Person', 'KNOWS', 'name', 'größe', 'keyspace']) tables.symbols.intern(name)
  return tables
}

interface Decoded {
  meta: Uint8Array | undefined
  readonly symbols: [number, string][]
  readonly edges: unknown[]
  readonly keys: unknown[]
  readonly removals: unknown[]
  readonly events: unknown[]
}

function decode(payload: Uint8Array): Decoded {
  const lists = { symbols: [], edges: [], keys: [], removals: [], events: [] }
  const found: Decoded = { meta: undefined, ...lists }
  const sink: BatchSink = {
    meta: (bytes) => void (found.meta = bytes.slice()),
    symbol: (number, name) => void found.symbols.push([number, name]),
    edge: (edge) => void found.edges.push({ ...edge }),
    key: (key) => void found.keys.push(keyWithBytes(key)),
    removal: (removal) => void found.removals.push(removal),
    event(event) {
      const from = timeFromHalves(event.fromHigh, event.fromLow)
      const to = timeFromHalves(event.toHigh, event.toLow)
      if (from >= to) throw new Error('an event without a period')
      const content = event.isAbsent ? undefined : event.bytes.slice(event.start, event.end)
      const kind = entityKinds[event.kind]
      if (kind === undefined) throw new Error('an event without a kind')
      found.events.push({ kind, ordinal: event.ordinal, from, to, content })
    },
  }
  decodeBatch(payload, sink)
  return found
}

function encode(content: BatchContent, tables = tablesWithNames()): Uint8Array {
  const writer = new ByteWriter()
  encodeBatch(writer, content, tables)
  return writer.copy()
}

/** 'batch' or 'refused'; whatever else is thrown fails the test. */
function outcomeOf(payload: Uint8Array): 'batch' | 'refused' {
  try {
    decode(payload)
    return 'batch'
  } catch (error) {
    if (error instanceof DecodeError) return 'refused'
    throw error
  }
}

/** What is left of a small number of 64 bits after its first byte. */
const zeros = Array<number>(7).fill(0)

function keyWithBytes({ ordinal, keyspace, bytes, start, end }: KeyDefinition): object {
  return { ordinal, keyspace, bytes: bytes.slice(start, end) }
}

describe('a batch', () => {
  test('is decoded to what it was made from', () => {
    const tables = tablesWithNames()
    const property = fc.property(anyContent, (content) => {
      const found = decode(encode(content, tables))
      expect(found.meta).toEqual(content.meta)
      expect(found.symbols).toEqual(content.symbols.map((one) => [one, tables.symbols.name(one)]))
      expect(found.edges).toEqual(content.edges)
      const keys = Array.from({ length: content.keys.length }, (_, at) => content.keys.at(at))
      expect(found.keys).toEqual(keys.map((key) => key && keyWithBytes(key)))
      const events = content.events.map(({ kind, ordinal, from, to, payload }) => {
        const content = payload?.bytes.slice(payload.start, payload.end)
        return { kind, ordinal, from, to, content }
      })
      expect(found.events).toEqual(events)
    })
    fc.assert(property, { seed, numRuns: 200 })
  })

  test('is refused when it is cut short or goes on', () => {
    const property = fc.property(anyContent, (content) => {
      const payload = encode(content)
      const batches: number[] = []
      for (let length = 0; length < payload.length; length++) {
        if (outcomeOf(payload.subarray(0, length)) === 'batch') batches.push(length)
      }
      expect(batches).toEqual([])
      expect(outcomeOf(Uint8Array.of(...payload, 0))).toBe('refused')
    })
    fc.assert(property, { seed, numRuns: 30 })
  })

  test('is decoded or refused, whatever the bytes are', () => {
    const random = fc.uint8Array({ maxLength: 60 }).map((bytes) => Uint8Array.of(1, ...bytes))
    const damaged = fc
      .tuple(anyContent, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }))
      .map(([content, changes]) => {
        const payload = encode(content)
        for (const [place, byte] of changes) payload[place % payload.length] = byte
        return payload
      })
    const outcomes = new Set<string>()
    const property = fc.property(fc.oneof(random, damaged), (payload) => {
      outcomes.add(outcomeOf(payload))
    })
    fc.assert(property, { seed, numRuns: 2000 })
    expect([...outcomes].sort()).toEqual(['batch', 'refused'])
  })

  // Format, no metadata, symbols, edges, keys; then one event: flags, ordinal, content.
  test.each([
    ['another format', [2, 0, 0, 0, 0, 1, 28, 0]],
    ['a fourth kind', [1, 0, 0, 0, 0, 1, 31, 0]],
    ['the period of no event before', [1, 0, 0, 0, 0, 1, 36, 0]],
    ['its own period and the one before', [1, 0, 0, 0, 0, 2, 28, 0, 36 + 8, 0]],
    ['an unknown flag', [1, 0, 0, 0, 0, 1, 28 + 64, 0]],
    ['an ordinal out of range', [1, 0, 0, 0, 0, 1, 28, 0x80, 0x80, 0x80, 0x80, 4]],
    ['a symbol out of range', [1, 0, 1, 0x80, 0x80, 0x80, 0x80, 8, 1, 65, 0, 0, 1, 28, 0]],
    ['an empty period', [1, 0, 0, 0, 0, 1, 4, 0, 1, ...zeros, 1, ...zeros]],
    ['a period without time', [1, 0, 0, 0, 0, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0x80]],
    ['an inverted period', [1, 0, 0, 0, 0, 1, 4, 0, 2, ...zeros, 1, ...zeros]],
  ])('is refused for %s', (_what, bytes) => {
    expect(outcomeOf(Uint8Array.from(bytes))).toBe('refused')
  })

  test('has a smallest form', () => {
    expect(outcomeOf(Uint8Array.of(1, 0, 0, 0, 0, 1, 28, 0))).toBe('batch')
    expect(decode(Uint8Array.of(1, 0, 0, 0, 0, 2, 28, 0, 36, 1)).events).toEqual([
      { kind: 'node', ordinal: 0, from: beginningMicros, to: foreverMicros, content: undefined },
      { kind: 'node', ordinal: 1, from: beginningMicros, to: foreverMicros, content: undefined },
    ])
  })

  test('takes away what it says, in a format of its own', () => {
    const removals = [
      { kind: 'erasedNode', subject: 7, sequence: 2 ** 40 },
      { kind: 'prunedKeyspace', subject: 0, sequence: 0 },
    ] as const
    const content = { meta: undefined, symbols: [], edges: [], keys: [], events: [] }
    const span = { from: beginningMicros, to: foreverMicros }
    const event = { kind: 'node', ordinal: 0, ...span, payload: undefined } as const
    const plain = encode({ ...content, events: [event] })
    const bytes = encode({ ...content, removals })
    expect(() => encode(content)).toThrow('a commit states something')
    expect([plain[0], bytes[0]]).toEqual([1, 2])
    expect(decode(bytes).removals).toEqual(removals)
    expect(decode(plain)).toMatchObject({ removals: [], events: [{ ordinal: 0 }] })
    const unknown = bytes.slice()
    for (const kind of [7, 200]) {
      unknown[6] = kind
      expect(() => decode(unknown)).toThrow(DecodeError)
    }
  })

  test('has no empty period', () => {
    const bug = expect.objectContaining({ code: 'Bug' })
    const nothing = { meta: undefined, symbols: [], edges: [], keys: [], events: [] }
    const event = { kind: 'node', ordinal: 0, payload: undefined, sequence: Infinity } as const
    expect(() => encode({ ...nothing, events: [{ ...event, from: 3n, to: 3n }] })).toThrow(bug)
  })
})

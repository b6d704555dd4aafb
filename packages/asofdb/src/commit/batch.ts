import { ByteReader, type ByteWriter, DecodeError } from '../encoding/bytes.ts'
import { timeHigh, timeLow } from '../encoding/instant.ts'
import { invariant, must } from '../rules/invariant.ts'
import { type EntityKind, entityKinds, ordinalMax } from '../versions/entity.ts'
import type { PayloadSlice } from '../versions/payload-slice.ts'
import { beginningMicros, foreverMicros, type Span } from '../versions/periods.ts'
import { type Removal, removalKinds } from '../versions/removals.ts'
import { symbolMax } from '../versions/symbol-table.ts'
import type { EdgeEnds, Tables } from '../versions/tables.ts'

/**
 * The batch: the logical content of one commit, as it is logged, replayed and replicated. It says
 * everything itself (ids, names, periods, payloads), so that whoever applies the same batches in
 * the same order holds the same tables.
 *
 *     u8       format, 1; 2 with removals
 *     varuint  length of the metadata, then an encoded value (a map); 0: none
 *     varuint  symbols:  { varuint number, string name }
 *     varuint  edges:    { varuint ordinal, type, source, target }
 *     varuint  keys:     { varuint ordinal, keyspace, length; bytes }
 *     varuint  removals: { u8 kind; varuint subject, sequence }   (format 2 only)
 *     varuint  events:   { u8 flags; varuint ordinal; [i64 from]; [i64 to]; [payload] }
 *     payload: varuint length; bytes
 *
 * Event flags: bits 0-1 the kind (0 node, 1 edge, 2 key), bit 2 absent (no payload follows),
 * bit 3 from the beginning, bit 4 for ever, bit 5 the period of the event before (no bounds
 * follow), the others zero. Numbers are little-endian. Integrity is the record's business (its
 * checksum), so a batch that does not decode was written wrong, not damaged.
 */
export const batchFormat = 2

/** Of a batch that takes nothing away, so that earlier releases read it. */
const plainBatchFormat = 1

export const eventFlags = {
  kindMask: 3,
  absent: 4,
  fromBeginning: 8,
  forEver: 16,
  samePeriod: 32,
} as const

const flagsMax = 63

/** Flags, ordinal, length; bounds are seldom those of another period than the event before. */
const eventHeadBytesMax = 11
const keyBytesExpected = 32

export interface EdgeDefinition extends EdgeEnds {
  readonly ordinal: number
}

/** The slice is the name, as ordered bytes. */
export interface KeyDefinition extends PayloadSlice {
  readonly ordinal: number
  readonly keyspace: number
}

/** What a batch says of an entity over a period; no payload: that it is absent. */
export interface BatchEvent extends Span {
  readonly kind: EntityKind
  readonly ordinal: number
  readonly payload: PayloadSlice | undefined
}

/** What a batch is made from. */
export interface BatchContent {
  readonly meta: Uint8Array | undefined
  readonly symbols: readonly number[]
  readonly edges: Iterable<EdgeDefinition> & { readonly length: number }
  readonly keys: { readonly length: number; at(index: number): KeyDefinition | undefined }
  /** What the commit takes away from the past. Default: nothing. */
  readonly removals?: readonly Removal[] | undefined
  readonly events: readonly BatchEvent[]
}

export function encodeBatch(writer: ByteWriter, content: BatchContent, tables: Tables): void {
  invariant(content.meta?.length !== 0, 'metadata that is there is not empty')
  const { removals = [] } = content
  writer.expect(expectedBytes(content))
  invariant(content.events.length + removals.length > 0, 'a commit states something')
  writer.u8(removals.length === 0 ? plainBatchFormat : batchFormat)
  writer.varuint(content.meta?.length ?? 0)
  if (content.meta !== undefined) writer.bytes(content.meta)
  writer.varuint(content.symbols.length)
  for (const symbol of content.symbols) {
    writer.varuint(symbol)
    writer.string(tables.symbols.name(symbol))
  }
  writer.varuint(content.edges.length)
  for (const edge of content.edges) {
    writer.varuint(edge.ordinal)
    writer.varuint(edge.type)
    writer.varuint(edge.source)
    writer.varuint(edge.target)
  }
  writer.varuint(content.keys.length)
  for (let index = 0; index < content.keys.length; index++) {
    const key = must(content.keys.at(index), 'a key that is to be defined')
    writer.varuint(key.ordinal)
    writer.varuint(key.keyspace)
    writer.varuint(key.end - key.start)
    writer.slice(key)
  }
  if (removals.length > 0) {
    writer.varuint(removals.length)
    for (const { kind, subject, sequence } of removals) {
      invariant(kind !== 'rewritten', 'a commit has nothing made anew')
      writer.u8(removalKinds.indexOf(kind))
      writer.varuint(subject)
      writer.varuint(sequence)
    }
  }
  writer.varuint(content.events.length)
  let last: BatchEvent | undefined
  for (const event of content.events) {
    encodeEvent(writer, event, last)
    last = event
  }
}

/** About as many bytes as the keys and the events of a batch take. */
function expectedBytes({ keys, events }: BatchContent): number {
  let bytes = keys.length * keyBytesExpected + events.length * eventHeadBytesMax
  for (const { payload } of events) if (payload !== undefined) bytes += payload.end - payload.start
  return bytes
}

function encodeEvent(writer: ByteWriter, event: BatchEvent, last: BatchEvent | undefined): void {
  const { payload } = event
  invariant(event.from < event.to, 'a statement is about a period that is not empty')
  invariant(event.ordinal >= 0 && event.ordinal <= ordinalMax, 'a statement is about an ordinal')
  const isSame = last !== undefined && last.from === event.from && last.to === event.to
  let flags: number = entityKinds.indexOf(event.kind)
  if (payload === undefined) flags |= eventFlags.absent
  if (isSame) flags |= eventFlags.samePeriod
  else {
    if (event.from === beginningMicros) flags |= eventFlags.fromBeginning
    if (event.to === foreverMicros) flags |= eventFlags.forEver
  }
  writer.u8(flags)
  writer.varuint(event.ordinal)
  if (!isSame) encodeBounds(writer, event)
  if (payload === undefined) return
  invariant(payload.start <= payload.end, 'a payload does not end before it starts')
  writer.varuint(payload.end - payload.start)
  writer.slice(payload)
}

function encodeBounds(writer: ByteWriter, span: Span): void {
  if (span.from !== beginningMicros) {
    writer.u32(timeLow(span.from) >>> 0)
    writer.u32(timeHigh(span.from) >>> 0)
  }
  if (span.to !== foreverMicros) {
    writer.u32(timeLow(span.to) >>> 0)
    writer.u32(timeHigh(span.to) >>> 0)
  }
}

/** Receives the content of a batch in the order in which it is written. */
export interface BatchSink {
  meta(bytes: Uint8Array): void
  symbol(number: number, name: string): void
  edge(edge: EdgeDefinition): void
  key(key: KeyDefinition): void
  removal(removal: Removal): void
  event(event: DecodedEvent): void
}

/** One event as stored; the object is reused for the next one. */
export interface DecodedEvent {
  /** Index into `entityKinds`. */
  kind: number
  ordinal: number
  fromHigh: number
  fromLow: number
  toHigh: number
  toLow: number
  isAbsent: boolean
  bytes: Uint8Array
  start: number
  end: number
}

/** Throws `DecodeError` on bytes that are no batch; a format not known here is one such case. */
export function decodeBatch(payload: Uint8Array, sink: BatchSink): void {
  const reader = new ByteReader(payload)
  const format = reader.u8()
  const isKnown = format === plainBatchFormat || format === batchFormat
  if (!isKnown) throw new DecodeError(`batch format ${format} is not known`, 0)
  const metaLength = reader.varuint()
  if (metaLength > 0) sink.meta(reader.take(metaLength))
  for (let rest = reader.varuint(); rest > 0; rest--) {
    const symbol = numberUpTo(symbolMax, reader)
    sink.symbol(symbol, reader.string())
  }
  for (let rest = reader.varuint(); rest > 0; rest--) {
    const ordinal = numberUpTo(ordinalMax, reader)
    const type = numberUpTo(symbolMax, reader)
    const source = numberUpTo(ordinalMax, reader)
    sink.edge({ ordinal, type, source, target: numberUpTo(ordinalMax, reader) })
  }
  for (let rest = reader.varuint(); rest > 0; rest--) {
    const ordinal = numberUpTo(ordinalMax, reader)
    const keyspace = numberUpTo(symbolMax, reader)
    const length = reader.varuint()
    const start = reader.position
    reader.skip(length)
    sink.key({ ordinal, keyspace, bytes: payload, start, end: start + length })
  }
  if (format === batchFormat) {
    for (let rest = reader.varuint(); rest > 0; rest--) sink.removal(decodeRemoval(reader))
  }
  decodeEvents(reader, payload, sink)
  if (reader.remaining !== 0) throw new DecodeError('bytes follow the batch', reader.position)
}

function decodeRemoval(reader: ByteReader): Removal {
  const kind = removalKinds[reader.u8()]
  // Only checkpoints hold tables that were made anew.
  if (kind === undefined || kind === 'rewritten') {
    throw new DecodeError('a removal is of no kind that a commit has', reader.position - 1)
  }
  return { kind, subject: numberUpTo(symbolMax, reader), sequence: reader.varuint() }
}

function decodeEvents(reader: ByteReader, payload: Uint8Array, sink: BatchSink): void {
  const event: DecodedEvent = {
    kind: 0,
    ordinal: 0,
    fromHigh: 0,
    fromLow: 0,
    toHigh: 0,
    toLow: 0,
    isAbsent: false,
    bytes: payload,
    start: 0,
    end: 0,
  }
  let isFirst = true
  for (let rest = reader.varuint(); rest > 0; rest--) {
    const flags = reader.u8()
    checkFlags(flags, isFirst, reader)
    isFirst = false
    event.kind = flags & eventFlags.kindMask
    event.ordinal = numberUpTo(ordinalMax, reader)
    if ((flags & eventFlags.samePeriod) === 0) decodeBounds(reader, flags, event)
    event.isAbsent = (flags & eventFlags.absent) !== 0
    if (!event.isAbsent) {
      const length = reader.varuint()
      event.start = reader.position
      reader.skip(length)
      event.end = reader.position
    }
    sink.event(event)
  }
}

function numberUpTo(max: number, reader: ByteReader): number {
  const number = reader.varuint()
  if (number > max) throw new DecodeError('a number is out of range', reader.position)
  return number
}

function checkFlags(flags: number, isFirst: boolean, reader: ByteReader): void {
  const isKind = (flags & eventFlags.kindMask) < entityKinds.length
  const hasSamePeriod = (flags & eventFlags.samePeriod) !== 0
  const hasOwnPeriod = (flags & (eventFlags.fromBeginning | eventFlags.forEver)) !== 0
  const isPeriodClear = !hasSamePeriod || (!isFirst && !hasOwnPeriod)
  if (isKind && isPeriodClear && flags <= flagsMax) return
  throw new DecodeError('the flags of an event contradict each other', reader.position - 1)
}

function decodeBounds(reader: ByteReader, flags: number, event: DecodedEvent): void {
  if ((flags & eventFlags.fromBeginning) !== 0) {
    event.fromHigh = -0x80000000
    event.fromLow = 0
  } else {
    event.fromLow = reader.u32() | 0
    event.fromHigh = reader.u32() | 0
  }
  if ((flags & eventFlags.forEver) !== 0) {
    event.toHigh = 0x7fffffff
    event.toLow = -1
  } else {
    event.toLow = reader.u32() | 0
    event.toHigh = reader.u32() | 0
  }
  const { fromHigh, toHigh } = event
  if (fromHigh < toHigh) return
  if (fromHigh === toHigh && event.fromLow >>> 0 < event.toLow >>> 0) return
  throw new DecodeError('a period is empty or inverted', reader.position)
}

import { type Instant, microsToInstant } from '../encoding/instant.ts'
import { latin1ToKey, type KeyInput } from '../encoding/ordered-key.ts'
import type { Value } from '../encoding/value.ts'
import { subtractSpans, type Span } from '../versions/periods.ts'
import type { VersionEvent } from '../versions/timeline.ts'
import { type EntrySource, KeyScan } from './key-scan.ts'

/** One statement about a key; without a value it states absence. */
export interface RawKeyVersion<V = Value> {
  readonly key: KeyInput
  /** The commit that stated it; undefined for a statement of the open transaction. */
  readonly sequence: number | undefined
  readonly system: Instant | undefined
  readonly valid: Span
  readonly value?: V
  readonly isDeleted?: true
}

/**
 * The versions of the keys of a range: by key, and of each key oldest first. `horizonOf` says of a
 * key before which commit its past is not told.
 */
export function* versionsOf<V>(
  source: EntrySource<V>,
  horizonOf: (ordinal: number) => number,
): Generator<RawKeyVersion<V>> {
  const { reader, range } = source
  const { commits } = reader.point.tables
  const scan = new KeyScan(reader, { ...range, skip: 0, limit: Infinity }, true)
  let { skip, limit } = range
  for (; limit > 0 && scan.step(); source.mustBeReadable()) {
    const { name, ordinal } = scan.place
    const told = toldEvents(reader.eventsOf(ordinal), horizonOf(ordinal))
    if (told.length === 0 || skip-- > 0) continue
    limit--
    const key = latin1ToKey(name)
    for (const { from, to, sequence, payload } of told) {
      const isOwn = sequence === Infinity
      yield {
        key,
        sequence: isOwn ? undefined : sequence,
        system: isOwn ? undefined : microsToInstant(commits.systemTime(sequence)),
        valid: { from, to },
        ...(payload === undefined
          ? { isDeleted: true as const }
          : { value: reader.decode(name, payload) }),
      }
    }
  }
  scan.end()
}

/**
 * What of a history is told where nothing is told of what was over before a horizon, oldest first:
 * the same whether it was reclaimed already or not.
 */
function toldEvents(newestFirst: Iterable<VersionEvent>, horizon: number): VersionEvent[] {
  const told: VersionEvent[] = []
  const covered: Span[] = []
  for (const event of newestFirst) {
    if (event.sequence <= horizon) {
      if (subtractSpans(event, covered).length === 0) continue
      covered.push({ from: event.from, to: event.to })
      covered.sort((a, b) => (a.from < b.from ? -1 : 1))
    }
    told.push(event)
  }
  for (;;) {
    const oldest = told.at(-1)
    if (oldest === undefined || oldest.payload !== undefined || oldest.sequence > horizon) break
    told.pop()
  }
  return told.reverse()
}

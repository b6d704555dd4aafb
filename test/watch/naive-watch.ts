/** What a watch should tell, worked out from all changes in the simplest way. */
import type { ChangeEvent, CommitRecord, Instant, WatchSelection } from 'asofdb'

/** Everything that was ever stated, and which of it a selection is about. */
export class NaiveHistory {
  readonly records: CommitRecord[] = []
  /** By id, in the order of the statements. */
  readonly #statements = new Map<number, ChangeEvent[]>()
  /** The statements of an entity that came before one. */
  readonly #before = new Map<ChangeEvent, readonly ChangeEvent[]>()

  add(record: CommitRecord): void {
    this.records.push(record)
    for (const event of record.events) {
      const known = this.#statements.get(event.id) ?? []
      this.#before.set(event, known)
      this.#statements.set(event.id, [...known, event])
    }
  }

  /** The records after a commit, with the events of a selection; those without any left out. */
  told(selection: WatchSelection | undefined, after: number): CommitRecord[] {
    const found: CommitRecord[] = []
    for (const record of this.records.filter(({ sequence }) => sequence > after)) {
      if (selection === undefined) {
        found.push(record)
        continue
      }
      const events = record.events.filter((event) => this.#isOf(event, selection))
      if (events.length > 0) found.push({ ...record, events })
    }
    return found
  }

  #isOf(event: ChangeEvent, selection: WatchSelection): boolean {
    if ('id' in selection) return event.id === selection.id
    if ('ids' in selection) return selection.ids.includes(event.id)
    if ('label' in selection) return event.kind === 'node' && this.#has(event, selection.label)
    if ('type' in selection) throw new Error('types are not in the changes: watch by ids')
    if (event.kind !== 'key' || event.keyspace !== selection.keyspace) return false
    const { gte, lt } = selection
    const { key } = event
    if (typeof gte === 'number' && !(typeof key === 'number' && key >= gte)) return false
    return typeof lt !== 'number' || (typeof key === 'number' && key < lt)
  }

  /** At every instant at which something begins or ends: had it the label, or has it now? */
  #has(event: ChangeEvent, label: string): boolean {
    if (event.state?.labels.includes(label) === true) return true
    const earlier = this.#before.get(event) ?? []
    const instants = [event, ...earlier].flatMap(({ valid }) => [
      micros(valid.from, -(2n ** 63n)),
      micros(valid.to, 2n ** 63n),
    ])
    return instants
      .filter((instant) => covers(event, instant))
      .some((instant) => {
        const last = earlier.findLast((one) => covers(one, instant))
        return last?.state?.labels.includes(label) === true
      })
  }
}

function covers({ valid }: ChangeEvent, instant: bigint): boolean {
  return micros(valid.from, -(2n ** 63n)) <= instant && instant < micros(valid.to, 2n ** 63n)
}

function micros(instant: Instant | null, open: bigint): bigint {
  return instant === null ? open : instant.epochMicroseconds
}

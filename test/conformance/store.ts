/**
 * A bi-temporal store as the conformance table and the properties see it: the reference model and
 * the engine behind one face, with answers as text, so that they can be compared and shown.
 */
import {
  isSamePayload,
  payloadText,
  type Payload,
} from '../../simulation/reference-history.ts'
import {
  BEGINNING,
  comparePeriods,
  FOREVER,
  subtract,
  type Period,
} from '../../simulation/reference-periods.ts'
import type {
  Coordinates,
  HistoryQuery,
  Isolation,
  Operation,
  Query,
} from '../../simulation/operation-script.ts'
import { valueText, type PlainKey, type PlainValue } from '../../simulation/reference-values.ts'

export interface StoreFailure {
  readonly code: string
  /** Every code that would be as right, where several rules are broken at once. */
  readonly codes?: ReadonlySet<string>
  readonly clashes: readonly { readonly entity: string; readonly periods: readonly Period[] }[]
}

export type Answer = { readonly text: string } | { readonly failure: StoreFailure }

/** What a commit gave: the number of the last commit, and its system time. */
export interface CommitPoint {
  readonly sequence: number
  readonly system: bigint
}

export type CommitAnswer =
  | { readonly commit: CommitPoint; readonly affected: readonly number[] }
  | { readonly failure: StoreFailure }

export interface Store {
  readonly name: string
  setClock(wall: bigint): void
  /** One transaction from begin to commit; `system` makes it an import. */
  write(operations: readonly Operation[], system?: bigint): Promise<CommitAnswer>
  /** Tries to choose the system time outside import. */
  writeWithSystemTime(operations: readonly Operation[], system: bigint): Promise<CommitAnswer>
  begin(transaction: string, isolation: Isolation): void
  operate(transaction: string, operation: Operation): Answer
  readOwn(transaction: string, query: Query): Answer
  commit(transaction: string): Promise<CommitAnswer>
  cancel(transaction: string): void
  read(at: Coordinates, query: Query): Answer
  history(query: HistoryQuery): Answer
  close(): Promise<void>
}

/** A store whose files outlive the process. Open transactions don't. */
export interface DurableStore extends Store {
  checkpoint(): Promise<void>
  /** Closes in good order, and opens again. */
  reopen(): Promise<void>
  /** Stops without closing; `seed` decides what the disk keeps of that which was not durable. */
  crash(seed: string): Promise<void>
}

export function formatInstant(instant: bigint): string {
  if (instant === BEGINNING) return '-inf'
  return instant === FOREVER ? 'inf' : String(instant)
}

export function formatPeriod(period: Period): string {
  return `[${formatInstant(period.from)},${formatInstant(period.to)})`
}

export function formatPayload(payload: Payload | undefined): string {
  return payload === undefined ? '∅' : payloadText(payload)
}

export function formatKey(key: PlainKey): string {
  return JSON.stringify(key)
}

export function formatKeyEntry(entry: { key: PlainKey; value: PlainValue }): string {
  return `${formatKey(entry.key)}=${valueText(entry.value)}`
}

export function formatKeyVersion(version: {
  readonly key: PlainKey
  readonly sequence: number
  readonly period: Period
  readonly value: PlainValue | undefined
}): string {
  const { key, sequence, period, value } = version
  const stated = value === undefined ? '∅' : valueText(value)
  return `${formatKey(key)}=${stated} ${formatPeriod(period)} #${sequence}`
}

export interface ShownEdge {
  readonly name: string
  readonly type: string
  readonly source: string
  readonly target: string
  readonly payload: Payload
}

export function formatEdge({ name, type, source, target, payload }: ShownEdge): string {
  return `${name} ${source}-${type}>${target}${formatPayload(payload)}`
}

export interface ShownPart {
  readonly period: Period
  readonly payload: Payload
}

function formatPart({ period, payload }: Omit<ShownEvent, 'entity'>): string {
  return formatPeriod(period) + formatPayload(payload)
}

export function formatTimeline(parts: readonly ShownPart[]): string {
  return parts.map(formatPart).join(', ')
}

export interface ShownProvenance {
  readonly valid: Period
  readonly systemFrom: bigint
  readonly systemTo: bigint
  readonly sequence: number
  readonly payload: Payload
}

/**
 * Rows by system and valid time. The parts that one operation wrote have no order of their own,
 * and the visible parts of one commit never overlap.
 */
export function formatProvenance(rows: readonly ShownProvenance[]): string {
  return [...rows]
    .sort((left, right) =>
      left.sequence === right.sequence
        ? comparePeriods(left.valid, right.valid)
        : left.sequence - right.sequence,
    )
    .map(({ valid, systemFrom, systemTo, payload }) => {
      const system = formatPeriod({ from: systemFrom, to: systemTo })
      return `${formatPayload(payload)} ${formatPeriod(valid)}x${system}`
    })
    .join('; ')
}

export interface ShownDifference {
  readonly entity: string
  readonly change: string
  readonly before: Payload | undefined
  readonly after: Payload | undefined
}

export function formatDiff(differences: readonly ShownDifference[]): string {
  return differences
    .map(
      ({ entity, change, before, after }) =>
        `${change} ${entity}: ${formatPayload(before)} -> ${formatPayload(after)}`,
    )
    .sort()
    .join('; ')
}

export interface ShownNetDifference {
  readonly entity: string
  readonly valid: Period
  readonly before: Payload | undefined
  readonly after: Payload | undefined
}

export function formatNetDiff(differences: readonly ShownNetDifference[]): string {
  return [...differences]
    .sort((left, right) =>
      left.entity === right.entity
        ? comparePeriods(left.valid, right.valid)
        : left.entity < right.entity
          ? -1
          : 1,
    )
    .map(
      ({ entity, valid, before, after }) =>
        `${entity} ${formatPeriod(valid)}: ${formatPayload(before)} -> ${formatPayload(after)}`,
    )
    .join('; ')
}

export interface ShownEvent {
  readonly entity: string
  readonly period: Period
  readonly payload: Payload | undefined
}

export interface ShownCommit {
  readonly sequence: number
  readonly system: bigint
  readonly events: readonly ShownEvent[]
}

/** Commits in order; commits without events (declarations) are left out. */
export function formatChanges(commits: readonly ShownCommit[]): string {
  return commits
    .filter(({ events }) => events.length > 0)
    .map(({ sequence, system, events }) => `#${sequence} @${system}: ${formatEvents(events)}`)
    .join('\n')
}

/**
 * What a transaction wrote, whichever way a store cuts it into events: what later events of the
 * same commit cover is invisible at every system time and left out, and neighbours with the same
 * payload are one.
 */
export function formatEvents(events: readonly ShownEvent[]): string {
  const visible = events.flatMap(({ entity, period, payload }, index) => {
    const later = events.slice(index + 1).filter((other) => other.entity === entity)
    const rest = subtract(period, later.map((other) => other.period))
    return rest.map((piece): ShownEvent => ({ entity, period: piece, payload }))
  })
  visible.sort((left, right) =>
    left.entity === right.entity
      ? comparePeriods(left.period, right.period)
      : left.entity < right.entity
        ? -1
        : 1,
  )
  return coalesce(visible)
    .map((event) => `${event.entity} ${formatPart(event)}`)
    .join('; ')
}

function coalesce(events: readonly ShownEvent[]): ShownEvent[] {
  const merged: ShownEvent[] = []
  for (const event of events) {
    const last = merged.at(-1)
    if (
      last !== undefined &&
      last.entity === event.entity &&
      last.period.to === event.period.from &&
      isSamePayload(last.payload, event.payload)
    ) {
      const period = { from: last.period.from, to: event.period.to }
      merged[merged.length - 1] = { ...last, period }
    } else {
      merged.push(event)
    }
  }
  return merged
}

/**
 * As the conformance table writes it: `EndpointNotValid a:[50,60), b:[5,10)`. The periods of an
 * entity that stands in its own way go without its name.
 */
export function formatFailure({ code, clashes }: StoreFailure): string {
  const isOwn = code === 'AlreadyExists' || code === 'InvalidPeriod'
  const shown = clashes.map(
    ({ entity, periods }) => `${isOwn ? '' : `${entity}:`}${periods.map(formatPeriod).join('')}`,
  )
  return [code, shown.sort().join(', ')].join(' ').trim()
}

export function formatAnswer(answer: Answer): string {
  return 'failure' in answer ? answer.failure.code : answer.text
}

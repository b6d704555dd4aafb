import type { Clash, Failure, FailureCode } from './reference-failures.ts'
import { timelineOf, type Part, type ReferenceEntity } from './reference-history.ts'
import {
  contains,
  elementaryPeriods,
  intersection,
  mergePeriods,
  subtract,
  type Period,
} from './reference-periods.ts'
import type { HistoryView } from './reference-reads.ts'
import type { TailEvent, Unique } from './reference-transaction.ts'
import { valueText } from './reference-values.ts'

interface Violation {
  readonly code: FailureCode
  readonly entity: string
  readonly clash: Clash
}

/** The belief as it would be after a commit, and the commit's own events. */
export interface Proposal {
  readonly after: HistoryView
  readonly tail: readonly TailEvent[]
  readonly uniques: readonly Unique[]
  /** A constraint was declared: every node is checked, not only those written. */
  readonly isDeclaring: boolean
}

/**
 * The checks that 2.4 and 2.5 defer to commit, over the final state alone: a node deleted and put
 * again in the same transaction is present and restricts nothing. The failure carries every code
 * that was violated.
 */
export function violationsOf(proposal: Proposal): Failure | undefined {
  const violations = [...edgeViolations(proposal), ...uniqueViolations(proposal)]
  const first = violations[0]
  if (first === undefined) return undefined
  const isAlike = ({ code, entity }: Violation) => code === first.code && entity === first.entity
  const alike = violations.filter(isAlike)
  const clashes = new Map<string, Period[]>()
  for (const { clash } of alike) {
    clashes.set(clash.entity, [...(clashes.get(clash.entity) ?? []), ...clash.periods])
  }
  return {
    code: first.code,
    codes: new Set(violations.map(({ code }) => code)),
    entity: first.entity,
    clashes: [...clashes].map(([entity, periods]) => ({ entity, periods: mergePeriods(periods) })),
  }
}

function edgeViolations({ after, tail }: Proposal): Violation[] {
  const touched = new Set(tail.map((event) => event.entity))
  return after.entities().flatMap((entity) => {
    const edge = entity.edge
    if (edge === undefined) return []
    const ends = [...new Set([edge.source, edge.target])]
    if (![entity.name, ...ends].some((name) => touched.has(name))) return []
    const present = timelineOf(after.events(entity.name)).map((part) => part.period)
    return ends.flatMap((end) => {
      const covered = timelineOf(after.events(end)).map((part) => part.period)
      const uncovered = present.flatMap((period) => subtract(period, covered))
      return uncovered.flatMap((period) => explain(entity.name, { end, period, tail }))
    })
  })
}

/**
 * Which rule an uncovered stretch breaks: rule 3 where this transaction deleted the node without
 * detach, rule 1 where it wrote the edge. Where it did neither, a commit in between is the other
 * party, and either code is right.
 */
function explain(
  edge: string,
  about: { end: string; period: Period; tail: readonly TailEvent[] },
): Violation[] {
  const { end, period, tail } = about
  const bounds = tail.map((event) => event.period)
  return elementaryPeriods(bounds, period).flatMap((piece) => {
    const covering = tail.filter((event) => contains(event.period, piece.from))
    const isDeleted = covering.some((event) => event.entity === end && event.restricts)
    const isWritten = covering.some((event) => event.entity === edge && event.payload !== undefined)
    const violations: Violation[] = []
    if (isWritten || !isDeleted) {
      violations.push({
        code: 'EndpointNotValid',
        entity: edge,
        clash: { entity: end, periods: [piece] },
      })
    }
    if (isDeleted || !isWritten) {
      violations.push({
        code: 'ConnectedEdges',
        entity: end,
        clash: { entity: edge, periods: [piece] },
      })
    }
    return violations
  })
}

function uniqueViolations(proposal: Proposal): Violation[] {
  const { after, tail, uniques, isDeclaring } = proposal
  const touched = new Set(tail.map((event) => event.entity))
  const nodes = after.entities().filter((entity) => entity.kind === 'node')
  return uniques.flatMap((unique) => {
    const holders = nodes.map((node) => ({ node, held: heldKeys(after, node, unique) }))
    return holders
      .filter(({ node, held }) => held.length > 0 && (isDeclaring || touched.has(node.name)))
      .flatMap((holder) =>
        holders
          .filter(({ node }) => node.name !== holder.node.name)
          .flatMap((other) => keyClashes(holder, other, unique.isOverAllTime)),
      )
  })
}

interface Held {
  readonly key: string
  readonly period: Period
}

function heldKeys(view: HistoryView, node: ReferenceEntity, unique: Unique): Held[] {
  return timelineOf(view.events(node.name)).flatMap((part) => {
    const key = keyOf(part, unique)
    return key === undefined ? [] : [{ key, period: part.period }]
  })
}

function keyOf({ payload }: Part, unique: Unique): string | undefined {
  if (!payload.labels.includes(unique.label)) return undefined
  const values = unique.properties.map((property) => payload.properties[property])
  if (values.some((value) => value === undefined)) return undefined
  return values.map((value) => valueText(value ?? null)).join(',')
}

function keyClashes(
  holder: { node: ReferenceEntity; held: readonly Held[] },
  other: { node: ReferenceEntity; held: readonly Held[] },
  isOverAllTime: boolean,
): Violation[] {
  return holder.held.flatMap((mine) =>
    other.held.flatMap((theirs): Violation[] => {
      if (mine.key !== theirs.key) return []
      const clash = isOverAllTime ? theirs.period : intersection(mine.period, theirs.period)
      if (clash === undefined) return []
      return [
        {
          code: 'UniqueViolation',
          entity: holder.node.name,
          clash: { entity: other.node.name, periods: [clash] },
        },
      ]
    }),
  )
}


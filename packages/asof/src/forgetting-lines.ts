import type { CompactionReport, Database, Retention, RetentionTarget } from 'asofdb'
import { bytesText, plural, secondsText } from './output/number-text.ts'
import type { LongWorkKind } from './point-in-history.ts'

/** Of a prune or an erasure: it is committed before anything can stop it, then compacted. */
export const forgettingWork: LongWorkKind = {
  counts: 'commits',
  finishedBy: 'asof compact finishes what was begun',
}

/** What making the tables anew has given back, in words. */
export function compactionLine(report: CompactionReport): string {
  const { versionsDropped, versionsKept, bytesBefore, bytesAfter, durationMs } = report
  const kept = `${plural(versionsKept, 'version')} kept`
  const room = `tables of ${bytesText(bytesBefore)} are ${bytesText(bytesAfter)} now`
  const took = secondsText(durationMs / 1000)
  return `  ${plural(versionsDropped, 'version')} dropped, ${kept}; ${room}; took ${took}`
}

export interface StoredRule {
  readonly of: RetentionTarget
  readonly keep: Retention
}

/** The rules that are kept with a database. */
export function storedRules(database: Database): StoredRule[] {
  return database
    .retention()
    .flatMap(({ of, keep }) => (typeof of === 'string' ? [] : [{ of, keep }]))
}

/** What a retention or a horizon is of, in words; undefined: everything. */
export function targetText(target: RetentionTarget | undefined): string {
  if (target === undefined) return 'everything'
  const [[member, name] = ['', '']] = Object.entries(target)
  return `${member} ${String(name)}`
}

import type { CommitMeta, EntityState, Period, View } from 'asofdb'
import { changeText, propertiesText } from './describe.ts'
import { boundText, markOf, periodToCell } from './history-lines.ts'
import { fit, printable } from './output/display-width.ts'
import { plural } from './output/number-text.ts'
import { type Style, styleOf } from './output/style.ts'
import { tableLines } from './output/table.ts'
import type { Terminal } from './output/terminal.ts'
import { periodText } from './output/value-text.ts'
import { drawRectangles } from './picture/rectangle-picture.ts'
import { drawTimeline } from './picture/timeline-picture.ts'
import type { Found } from './selector.ts'

/** A part of a timeline or a rectangle of a history, of a node, an edge or a key. */
export interface HistoryEntry extends EntityState {
  readonly valid: Period
  readonly system?: Period
  readonly sequence?: number
  readonly meta?: CommitMeta | undefined
}

/** What held when, as known at the view. */
export function timelineOf(view: View, found: Found): HistoryEntry[] {
  if (found.kind !== 'key') return view.timeline(found.id)
  const parts = view.keys(found.keyspace).timeline(found.key)
  return parts.map(({ valid, value }) => ({ valid, labels: [], properties: { value } }))
}

/** Every version known at the view. */
export function provenanceOf(view: View, found: Found): HistoryEntry[] {
  if (found.kind !== 'key') return view.provenance(found.id)
  const parts = view.keys(found.keyspace).provenance(found.key)
  return parts.map(({ value, ...about }) => ({ ...about, labels: [], properties: { value } }))
}

export interface ReportOptions {
  readonly terminal: Terminal
  readonly limit: number
}

/** Pictures need a letter for each part, and lose their point when there are many. */
const drawnMax = 26

/** A timeline as a picture with its legend: the newest parts, if there are more than the limit. */
export function timelineLines(entries: readonly HistoryEntry[], options: ReportOptions): string[] {
  const style = styleOf(options.terminal)
  const shown = entries.slice(Math.max(0, entries.length - options.limit))
  const periods = shown.map(({ valid }) => valid)
  const validText = boundText(periods)
  const parts = shown.map(({ valid }, at) => ({ ...periodToCell(valid), mark: markOf(at) }))
  const picture = drawNewest(parts.slice(-drawnMax), (some) =>
    drawTimeline(some, { width: options.terminal.columns - 2, validText }),
  )
  const rows = shown.map((entry, at) => {
    const before = entries[entries.length - shown.length + at - 1]
    return [`  ${markOf(at)}`, periodText(entry.valid), whatText(before, entry, style)]
  })
  return [
    ...picture.map((line) => `  ${line}`),
    '',
    ...earlierLines(entries.length - shown.length),
    ...tableLines(rows, options.terminal.columns),
  ]
}

/** A history as rectangles of the two times with its legend, the newest if there are many. */
export function provenanceLines(
  entries: readonly HistoryEntry[],
  options: ReportOptions,
): string[] {
  const style = styleOf(options.terminal)
  const shown = entries.slice(Math.max(0, entries.length - options.limit))
  const validText = boundText(shown.map(({ valid }) => valid))
  const systemText = systemBoundText(shown)
  const rectangles = shown.map(({ valid, system }, at) => ({
    valid: periodToCell(valid),
    system: periodToCell(system ?? { from: null, to: null }),
    mark: markOf(at),
  }))
  const picture = drawNewest(rectangles.slice(-drawnMax), (some) =>
    drawRectangles(some, { width: options.terminal.columns - 2, validText, systemText }),
  )
  const rows = shown.flatMap((entry, at) => {
    const before = entries
      .slice(0, entries.length - shown.length + at)
      .findLast(({ sequence }) => sequence !== entry.sequence)
    return [
      [`  ${markOf(at)}`, `valid ${periodText(entry.valid)}`, whatText(before, entry, style)],
      ['', `known ${secondsPeriodText(entry.system ?? entry.valid)}`, commitText(entry, style)],
    ]
  })
  return [
    ...picture.map((line) => `  ${line}`),
    '',
    ...earlierLines(entries.length - shown.length),
    ...tableLines(rows, options.terminal.columns),
  ]
}

/** A day and the commit that began it; commits of one day are told apart by their numbers. */
function systemBoundText(entries: readonly HistoryEntry[]): (bound: number) => string {
  const periods = entries.flatMap(({ system }) => (system === undefined ? [] : [system]))
  const instants = boundText(periods)
  const sequences = new Map<number, number>()
  for (const { system, sequence } of entries) {
    if (system === undefined || sequence === undefined) continue
    sequences.set(periodToCell(system).from, sequence)
  }
  return (bound) => {
    const sequence = sequences.get(bound)
    const text = instants(bound)
    return sequence === undefined ? text : `${text.slice(0, 10)} #${sequence}`
  }
}

/** System times to the second: their fractions only keep commits apart, and numbers do so too. */
function secondsPeriodText(period: Period): string {
  return periodText(period).replaceAll(/\.\d+/g, '')
}

/** Draws as many of the newest as fit into the width. */
function drawNewest<Part>(
  parts: readonly Part[],
  draw: (some: readonly Part[]) => string[] | undefined,
): string[] {
  for (let from = 0; from < parts.length; from++) {
    const picture = draw(parts.slice(from))
    if (picture !== undefined) return picture
  }
  return []
}

function earlierLines(count: number): string[] {
  return count > 0 ? [`  … and ${plural(count, 'earlier one')}; --limit shows more of them`] : []
}

/** All of what holds, or what is different from before. */
function whatText(before: EntityState | undefined, after: HistoryEntry, style: Style): string {
  if (before === undefined) return propertiesText(after.properties)
  const change = changeText(before, after, style)
  return change === '' ? propertiesText(after.properties) : change
}

function commitText({ sequence, meta }: HistoryEntry, style: Style): string {
  if (sequence === undefined) return ''
  const said = [meta?.who, meta?.why].filter((text) => text !== undefined).map(printable)
  return style.dim(fit(`#${sequence} ${said.join(': ')}`.trimEnd(), 80))
}

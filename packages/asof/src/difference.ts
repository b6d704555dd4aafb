import type { Database, DiffEntry, EntityState, View } from 'asofdb'
import { changeText, edgeTitle, propertiesText, stateTitle } from './describe.ts'
import { countText } from './output/number-text.ts'
import { type Style, styleOf } from './output/style.ts'
import type { Terminal } from './output/terminal.ts'
import { fit } from './output/display-width.ts'

export interface DifferenceCounts {
  created: number
  deleted: number
  changed: number
}

/** What differs between two views: the first entries of each kind, and how many there are. */
export interface Difference {
  readonly nodes: DiffEntry[]
  readonly edges: DiffEntry[]
  readonly nodeCounts: DifferenceCounts
  readonly edgeCounts: DifferenceCounts
}

export interface DifferenceOptions {
  readonly before: View
  readonly after: View
  /** At most so many nodes and so many edges are kept. */
  readonly limit: number
  readonly label?: string | undefined
}

export function compare(database: Database, options: DifferenceOptions): Difference {
  const { before, after, limit, label } = options
  const difference: Difference = {
    nodes: [],
    edges: [],
    nodeCounts: { created: 0, deleted: 0, changed: 0 },
    edgeCounts: { created: 0, deleted: 0, changed: 0 },
  }
  for (const entry of database.diff(before, after)) {
    const isNode = entry.kind === 'node'
    if (label !== undefined && !(isNode && hasLabel(entry, label))) continue
    const kept = isNode ? difference.nodes : difference.edges
    const counts = isNode ? difference.nodeCounts : difference.edgeCounts
    counts[entry.change]++
    if (kept.length < limit) kept.push(entry)
  }
  return difference
}

function hasLabel({ before, after }: DiffEntry, label: string): boolean {
  return before?.labels.includes(label) === true || after?.labels.includes(label) === true
}

export function countsText(counts: DifferenceCounts): string {
  const { created, deleted, changed } = counts
  return `${countText(created)} came, ${countText(changed)} changed, ${countText(deleted)} went`
}

export function totalOf({ created, deleted, changed }: DifferenceCounts): number {
  return created + deleted + changed
}

/** A line for each node that differs. */
export function nodeDifferenceLines(entries: readonly DiffEntry[], terminal: Terminal): string[] {
  const style = styleOf(terminal)
  return entries.map((entry) => {
    const { before, after } = entry
    const state = after ?? before ?? { labels: [], properties: {} }
    const what = changeOf(before, after, style)
    const title = `  ${signOf(entry, style)} ${stateTitle(state)} (node:${entry.id})`
    return terminal.hasColor
      ? `${title}  ${what}`
      : fit(`${title}  ${what}`.trimEnd(), terminal.columns)
  })
}

/** A line for each edge that differs. */
export function edgeDifferenceLines(
  entries: readonly DiffEntry[],
  views: { readonly before: View; readonly after: View },
  terminal: Terminal,
): string[] {
  const style = styleOf(terminal)
  return entries.map((entry) => {
    const view = entry.after === undefined ? views.before : views.after
    const edge = view.edge(entry.id)
    const title = edge === undefined ? `edge:${entry.id}` : edgeTitle(view, edge)
    const what = changeOf(entry.before, entry.after, style)
    const line = `  ${signOf(entry, style)} ${title}  ${what}`.trimEnd()
    return terminal.hasColor ? line : fit(line, terminal.columns)
  })
}

function signOf(entry: DiffEntry, style: Style): string {
  if (entry.change === 'created') return style.added('+')
  return entry.change === 'deleted' ? style.removed('-') : style.changed('~')
}

function changeOf(
  before: EntityState | undefined,
  after: EntityState | undefined,
  style: Style,
): string {
  if (before !== undefined && after !== undefined) return changeText(before, after, style)
  return propertiesText((after ?? before)?.properties ?? {})
}

import { cpus, release, totalmem, type } from 'node:os'
import type { Figures } from './rounds.ts'

/** One line of a benchmark: our figure beside a peer's or a limit. */
export interface Row {
  readonly id: string
  readonly what: string
  /** Rates (`/s`) and shares are better when larger, all others when smaller. */
  readonly unit: string
  readonly ours: number
  /** Whose figure stands under `theirs`: a peer and how it was used, a floor, or a limit. */
  readonly against: string
  /** Null when the peer is not installed. */
  readonly theirs: number | null
  /** Ours over theirs, turned so that more than 1 means we are better. */
  readonly ratio: number | null
}

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memory: string
  readonly node: string
  /** The operating system, and the file system that durable figures were taken on. */
  readonly os: string
}

export interface Report {
  readonly bench: string
  readonly machine: Machine
  readonly rows: readonly Row[]
}

/** What a row says besides its figures. */
export interface RowText {
  readonly id: string
  readonly what: string
  readonly unit: string
}

export function describeMachine(fileSystem: string): Machine {
  const processors = cpus()
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.versions.node,
    os: `${type()} ${release()} ${process.arch}, data on ${fileSystem}`,
  }
}

/** Our figure beside that of a peer, a floor or a limit; `theirs` undefined: not measured. */
export function makeRow(
  text: RowText,
  ours: number,
  other: { readonly against: string; readonly theirs: number | undefined },
): Row {
  const { id, what, unit } = text
  const { against, theirs } = other
  if (theirs === undefined) {
    const note = `${against} (not measured)`
    return { id, what, unit, ours: roundFigure(ours), against: note, theirs: null, ratio: null }
  }
  const ratio = isBetterLarger(unit) ? ours / theirs : theirs / ours
  return {
    id,
    what,
    unit,
    ours: roundFigure(ours),
    against,
    theirs: roundFigure(theirs),
    ratio: roundFigure(ratio),
  }
}

/** A row of two contestants of the same rounds. */
export function rowOf(
  figures: Figures,
  text: RowText,
  pair: { readonly ours: string; readonly theirs: string; readonly against?: string },
): Row {
  const against = pair.against ?? pair.theirs
  return makeRow(text, figures.mustGet(pair.ours), { against, theirs: figures.get(pair.theirs) })
}

/** A row against the best of several contestants, which it names. */
export function rowAgainstBest(
  figures: Figures,
  text: RowText,
  pair: { readonly ours: string; readonly theirs: readonly string[] },
): Row {
  const wanted = isBetterLarger(text.unit) ? 'larger' : 'smaller'
  const best = figures.best(pair.theirs, wanted)
  const others = pair.theirs.join(', ')
  const against = best === undefined ? others : `${best.name} (best of ${others})`
  return makeRow(text, figures.mustGet(pair.ours), { against, theirs: best?.figure })
}

function isBetterLarger(unit: string): boolean {
  return unit.endsWith('/s') || unit === 'share'
}

function roundFigure(figure: number): number {
  return Number(figure.toPrecision(4))
}

/** The report for people: one aligned line a row. */
export function renderReport(report: Report): string {
  const { cpu, cores, memory, node, os } = report.machine
  const head = ['id', 'ours', 'theirs', 'ratio', 'unit', 'against', 'what']
  const lines = report.rows.map((row) => [
    row.id,
    formatFigure(row.ours),
    row.theirs === null ? '-' : formatFigure(row.theirs),
    row.ratio === null ? '-' : row.ratio.toFixed(2),
    row.unit,
    row.against,
    row.what,
  ])
  const widths = head.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)),
  )
  const render = (line: readonly string[]): string =>
    line
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return column >= 1 && column <= 3 ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  const rule = widths.map((width) => '-'.repeat(width))
  return [
    `${report.bench}: ${cores} x ${cpu}, ${memory}, Node ${node}, ${os}`,
    '',
    render(head),
    render(rule),
    ...lines.map(render),
  ].join('\n')
}

function formatFigure(figure: number): string {
  if (figure >= 1000) return Math.round(figure).toLocaleString('en-US')
  return String(figure)
}

import type { Peers } from './installed-peers.ts'
import type { Row } from './report.ts'
import type { RoundPlan } from './rounds.ts'
import type { Workspace } from './workspace.ts'

/** What a benchmark is given. */
export interface Setting {
  readonly peers: Peers
  readonly workspace: Workspace
  /** 1 for the figures of docs/benchmarks.md; a small fraction to see that everything runs. */
  readonly scale: number
  readonly rounds: RoundPlan
  /** Whether tasks run in this process, for a smoke test, instead of one of their own. */
  readonly areTasksInline: boolean
  /** Progress, for people. */
  say(message: string): void
}

export type Bench = (setting: Setting) => Promise<Row[]>

/** A size at this scale, not below `least`. */
export function scaled(setting: Setting, count: number, least: number): number {
  return Math.max(least, Math.round(count * setting.scale))
}

/** `ASOF_BENCH_SCALE` as a number; 1 when it is not set. */
export function readScale(): number {
  const text = process.env['ASOF_BENCH_SCALE'] ?? '1'
  const scale = Number(text)
  if (scale > 0 && Number.isFinite(scale)) return scale
  throw new Error(`ASOF_BENCH_SCALE is a number above 0, such as 0.01, not '${text}'`)
}

/** Few rounds when only a smoke test is wanted. */
export function roundsAt(scale: number): RoundPlan {
  return scale < 0.02 ? { warmUps: 0, counted: 1 } : { warmUps: 2, counted: 7 }
}

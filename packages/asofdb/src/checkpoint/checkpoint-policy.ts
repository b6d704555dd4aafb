/**
 * When a checkpoint is made and what it absorbs: pure functions, so that they can be tested and
 * simulated without a disk.
 */
import { invariant } from '../rules/invariant.ts'
import { type KindNeeds, type StateKind, stateKinds } from './unsaved-state.ts'

const retryDelayMs = 1_000
const retryDelayMsMax = 60_000

/** What makes a checkpoint due because of one kind of state; Infinity: never for that reason. */
export interface KindTriggers {
  /** How much of it no checkpoint has. */
  readonly mutations: number
  /** Milliseconds since the oldest of it that no checkpoint has. */
  readonly everyMs: number
}

/** What makes a checkpoint due, whichever comes first; Infinity: never for that reason. */
export interface CheckpointTriggers {
  /** Bytes of commits since the last checkpoint. */
  readonly logBytes: number
  /** Versions of nodes, edges and keys since then. */
  readonly mutations: number
  /** Milliseconds since the oldest commit that no checkpoint has. */
  readonly everyMs: number
  /** Bytes of commits in no checkpoint at which writes wait or are refused. */
  readonly logBytesMax: number
  /** Bounds of each kind of state beside those of all of it; absent: none. */
  readonly kinds?: Readonly<Record<StateKind, KindTriggers>> | undefined
}

/** What no checkpoint has yet. */
export interface CheckpointNeed {
  readonly logBytes: number
  readonly mutations: number
  /** Milliseconds since the oldest such commit. */
  readonly sinceOldestMs: number
  /** Attempts in a row that failed. */
  readonly failures: number
  /** Milliseconds since the last failure. */
  readonly sinceFailureMs: number
  /** The same by kind of state; needed where a kind has bounds of its own. */
  readonly kinds?: KindNeeds | undefined
}

/**
 * Milliseconds until a checkpoint should be made, as far as time alone decides: 0 is now, Infinity
 * means that only further commits can make it due. After failures it waits, twice as long after
 * each.
 */
export function checkpointDelayMs(need: CheckpointNeed, triggers: CheckpointTriggers): number {
  invariant(need.failures >= 0 && need.logBytes >= 0, 'what is counted is not negative')
  const isLarge =
    need.logBytes >= Math.min(triggers.logBytes, triggers.logBytesMax) ||
    need.mutations >= triggers.mutations
  const ofTimeMs = Math.max(0, triggers.everyMs - need.sinceOldestMs)
  const dueMs = isLarge ? 0 : Math.min(ofTimeMs, kindsDelayMs(need, triggers))
  return need.failures === 0 ? dueMs : Math.max(dueMs, backoffMs(need))
}

/** The kind that is due first decides: a checkpoint holds all kinds as of one commit. */
function kindsDelayMs({ kinds: needs }: CheckpointNeed, { kinds }: CheckpointTriggers): number {
  if (kinds === undefined) return Infinity
  let delayMs = Infinity
  for (const kind of stateKinds) {
    const { mutations = 0, sinceOldestMs = 0 } = needs?.[kind] ?? {}
    if (mutations === 0) continue
    const isLarge = mutations >= kinds[kind].mutations
    delayMs = Math.min(delayMs, isLarge ? 0 : Math.max(0, kinds[kind].everyMs - sinceOldestMs))
  }
  return delayMs
}

function backoffMs({ failures, sinceFailureMs }: CheckpointNeed): number {
  const delayMs = Math.min(retryDelayMs * 2 ** (failures - 1), retryDelayMsMax)
  return Math.max(0, delayMs - sinceFailureMs)
}

/**
 * What a write meets: `open`: goes on; `wait`: for the checkpoint under way, which nothing speaks
 * against; `refuse`: too much is in no checkpoint, and the last attempt at one failed.
 */
export function admission(
  need: Pick<CheckpointNeed, 'logBytes' | 'failures'>,
  triggers: CheckpointTriggers,
): 'open' | 'wait' | 'refuse' {
  if (need.logBytes < triggers.logBytesMax) return 'open'
  return need.failures === 0 ? 'wait' : 'refuse'
}

/** A file is absorbed while it is not larger than this many times what is to be written. */
const absorbRatio = 2

invariant(absorbRatio >= 1, 'a file as large as what is new is absorbed')

/**
 * How many of the newest files the next one should absorb, given the sizes of the files, oldest
 * first, and the bytes that are new. Each file that stays is more than twice as large as all after
 * it together, so there are few of them (the logarithm of the size), and a byte is rewritten only
 * when the file it goes into is at least half as large again: a logarithmic number of times.
 */
export function filesToAbsorb(sizes: readonly number[], newBytes: number): number {
  invariant(newBytes >= 0, 'tables only grow')
  let bytes = newBytes
  let count = 0
  for (let index = sizes.length - 1; index >= 0; index--) {
    const size = sizes[index] ?? 0
    if (size > bytes * absorbRatio) break
    bytes += size
    count++
  }
  return count
}

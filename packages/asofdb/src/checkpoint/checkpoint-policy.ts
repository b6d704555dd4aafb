/**
 * When a checkpoint is made and what it absorbs: pure functions, so that they can be tested and
 * simulated without a disk.
 */
import { invariant } from '../rules/invariant.ts'

const retryDelayMs = 1_000
const retryDelayMsMax = 60_000

export interface CheckpointNeed {
  /** Bytes the log took since the last checkpoint. */
  readonly logBytes: number
  /** The bound that the user has set; Infinity: only on demand and when closing. */
  readonly checkpointLogBytes: number
  /** Attempts in a row that failed. */
  readonly failures: number
  /** Milliseconds since the last failure. */
  readonly sinceFailureMs: number
}

/** Whether to make a checkpoint now. After failures it waits, twice as long after each. */
export function isCheckpointDue(need: CheckpointNeed): boolean {
  invariant(need.failures >= 0 && need.logBytes >= 0, 'what is counted is not negative')
  if (need.logBytes < need.checkpointLogBytes) return false
  if (need.failures === 0) return true
  const delayMs = Math.min(retryDelayMs * 2 ** (need.failures - 1), retryDelayMsMax)
  return need.sinceFailureMs >= delayMs
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

import type { OpenOptions } from 'asofdb'

/** A mode, and what it promises when the process of the writer dies. */
export interface Mode {
  readonly name: string
  readonly options: OpenOptions
  /**
   * Whether every acknowledged commit is kept. In the other modes what a single write asked for is
   * (`db.write(fn, { durability })`), and what a checkpoint has.
   */
  readonly isKept: boolean
  /** Bytes of acknowledged commits that may be lost, beside one commit. */
  readonly lostBytesMax: number
}

const everyMs = 5
const logQueueBytesMax = 64 * 1024

const kept = { isKept: true, lostBytesMax: 0 }
const queued = { isKept: false, lostBytesMax: logQueueBytesMax }

/** The full product of `log` and `fsync`; the presets are four of them, under their own names. */
export const modes: readonly Mode[] = [
  { name: 'sync', options: { durability: 'sync' }, ...kept },
  { name: 'interval', options: { durability: 'interval', syncEveryMs: everyMs }, ...kept },
  { name: 'os', options: { durability: 'os' }, ...kept },
  { name: 'async-always', options: { log: 'async', fsync: 'always', logQueueBytesMax }, ...queued },
  {
    name: 'async-every',
    options: { log: 'async', fsync: { everyMs }, logQueueBytesMax },
    ...queued,
  },
  { name: 'async-never', options: { log: 'async', fsync: 'never', logQueueBytesMax }, ...queued },
  {
    name: 'checkpoint',
    options: { durability: 'checkpoint' },
    isKept: false,
    lostBytesMax: Infinity,
  },
]

import type { OpenOptions } from 'asofdb'

/** A mode, and what it promises when the process of the writer dies, or the machine. */
export interface Mode {
  readonly name: string
  readonly options: OpenOptions
  /**
   * Whether every acknowledged commit is kept. In the other modes what a single write asked for is
   * (`db.write(fn, { durability })`), and what a checkpoint has.
   */
  readonly isKept: boolean
  /** Whether every acknowledged commit outlives a power cut, too. */
  readonly isDurable: boolean
  /** Bytes of acknowledged commits that may be lost, beside one commit. */
  readonly lostBytesMax: number
}

/** Between two syncs, in the modes that sync by a timer. */
export const everyMs = 5
const logQueueBytesMax = 64 * 1024

const kept = { isKept: true, isDurable: false, lostBytesMax: 0 }
const queued = { isKept: false, isDurable: false, lostBytesMax: logQueueBytesMax }

/** The full product of `log` and `fsync`; the presets are four of them, under their own names. */
export const modes: readonly Mode[] = [
  { name: 'sync', options: { durability: 'sync' }, ...kept, isDurable: true },
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
    isDurable: false,
    lostBytesMax: Infinity,
  },
]

/** Throws a `TypeError` for a name that no mode has. */
export function modeNamed(name: string): Mode {
  const mode = modes.find((one) => one.name === name)
  if (mode === undefined) throw new TypeError(`there is no mode '${name}'`)
  return mode
}

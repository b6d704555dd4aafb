import { randomBytes } from 'node:crypto'
import { channel } from 'node:diagnostics_channel'
import { hostname } from 'node:os'
import type { Host } from './host.ts'
import { nodeFiles } from './node-files.ts'

/** Node runs a timer with a longer delay at once; about 25 days. */
const delayMsMax = 2 ** 31 - 1

/** The real world: the clocks, timers, randomness and files of Node. */
export function nodeHost(): Host {
  return {
    clock: {
      wallMicros: () => Date.now() * 1000,
      monotonicMs: () => performance.now(),
    },
    timers: {
      after: (delayMs, task, options) => {
        const timer = setTimeout(task, Math.min(delayMs, delayMsMax))
        if (options?.keepsProcess !== true) timer.unref()
        return () => clearTimeout(timer)
      },
      yieldTurn: () => new Promise((resolve) => setImmediate(resolve)),
    },
    random: { bytes: (length) => randomBytes(length), fraction: () => Math.random() },
    files: nodeFiles(),
    process: { pid: process.pid, hostName: hostname() },
    publisher: channel('asofdb'),
  }
}

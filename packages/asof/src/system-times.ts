import type { Database } from 'asofdb'
import { setTimeout as delay } from 'node:timers/promises'
import { CommandFailure } from './failure.ts'

/** How far the last commit may lie ahead of the clock before waiting for it is refused. */
const aheadMicrosMax = 60_000_000n

/** Gives imported commits their system times: strictly increasing, never in the future. */
export class SystemTimes {
  #last: bigint | undefined

  constructor(database: Database) {
    this.#last = database.commit(database.sequence)?.system.epochMicroseconds
  }

  /**
   * The wanted time, in microseconds since 1970, if it is later than the last one and not in the
   * future; else the microsecond after the last one.
   */
  async next(wanted: bigint | undefined): Promise<bigint> {
    const last = this.#last
    const isUsable = wanted !== undefined && wanted <= nowMicros()
    if (isUsable && (last === undefined || wanted > last)) {
      this.#last = wanted
      return wanted
    }
    const time = last === undefined ? 0n : last + 1n
    await waitUntil(time)
    this.#last = time
    return time
  }
}

async function waitUntil(time: bigint): Promise<void> {
  for (;;) {
    const ahead = time - nowMicros()
    if (ahead <= 0n) return
    if (ahead > aheadMicrosMax) {
      throw new CommandFailure('the last commit of the database lies in the future of this clock', {
        hint: 'set the clock right, then run the same command again',
      })
    }
    await delay(Number(ahead / 1000n) + 1)
  }
}

function nowMicros(): bigint {
  return BigInt(Date.now()) * 1000n
}

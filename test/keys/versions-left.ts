/** What reclaiming has left, in numbers. */
import { type Database, open, type OpenOptions } from 'asofdb'
import { expect } from 'vitest'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { commit } from './keyspace.ts'

/** How many versions there are, how many of those are superseded, and how many keys are there. */
export function counts(database: Database): [number, number, number] {
  const { versions, superseded } = database.stats()
  return [versions.keys, superseded.keys, database.keys('k').range().count()]
}

/** Reclaiming waits a second for open transactions: of the clock of a simulated machine. */
export async function inMemory(
  play: (database: Database, host: SimulatedHost) => Promise<void>,
  options: OpenOptions = {},
): Promise<void> {
  const host = new SimulatedHost({ seed: 'reclaiming' })
  await host.run(async () => {
    const database = await open(':memory:', { host, ...options })
    await play(database, host)
    expect((await database.verify()).problems).toEqual([])
    await database.close()
  })
}

/** Puts these keys so many times, each time by one commit. */
export async function putTimes(
  database: Database,
  keys: readonly number[],
  times: number,
): Promise<void> {
  for (let round = 1; round <= times; round++) {
    await commit(database, (all) => keys.forEach((key) => all.put(key, round)))
  }
}

export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number)
}

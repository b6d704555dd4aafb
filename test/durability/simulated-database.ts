import { type Database, DatabaseError, open, type OpenOptions } from 'asofdb'
import type { Host } from '../../packages/asofdb/src/host/host.ts'
import type { FaultPlan } from '../../simulation/fault-plan.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { hostWith } from '../transfer/host-with-files.ts'

export const directory = '/database'

/** No checkpoint but those that a test asks for, and that of closing. */
const options = { checkpointLogBytes: Number.POSITIVE_INFINITY }

export function machine(faults: FaultPlan = {}): SimulatedHost {
  return new SimulatedHost({ seed: 'durability', faults })
}

export function openOn(host: Host, changes: OpenOptions = {}): Promise<Database> {
  return open(directory, { host, ...options, ...changes })
}

export function put(
  database: Database,
  number: number,
  more: { bytes?: number; durability?: 'sync' | 'os' } = {},
): Promise<unknown> {
  const { bytes = 10, durability } = more
  return database.write((tx) => tx.keys('n').put(number, 'x'.repeat(bytes)), { durability })
}

/** How many commits a database opened on that machine has. */
export function countOn(host: SimulatedHost): Promise<number> {
  return host.run(async () => {
    const database = await openOn(host)
    const { sequence } = database
    await database.close()
    return sequence
  })
}

/** What is left when the process dies now, and when the power goes. */
export async function leftBy(host: SimulatedHost): Promise<{ process: number; machine: number }> {
  const machineLeft = await countOn(host.crash({ mode: 'none-kept' }))
  return { process: await countOn(host.kill()), machine: machineLeft }
}

export async function codeOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
    return 'resolved'
  } catch (error) {
    return error instanceof DatabaseError ? error.code : error
  }
}

/** The host with a count of the timers that are set and have neither come up nor been cancelled. */
export function withTimerCount(host: SimulatedHost): { host: Host; pending: () => number } {
  const pending = new Set<object>()
  const after: Host['timers']['after'] = (delayMs, task) => {
    const timer = {}
    pending.add(timer)
    const cancel = host.timers.after(delayMs, () => {
      pending.delete(timer)
      task()
    })
    return () => {
      pending.delete(timer)
      cancel()
    }
  }
  const timers = { after, yieldTurn: () => host.timers.yieldTurn() }
  return { host: hostWith(host, { timers }), pending: () => pending.size }
}

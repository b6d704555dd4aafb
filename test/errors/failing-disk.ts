import { type Database, DatabaseError, open } from 'asofdb'
import type { FaultPlan } from '../../simulation/fault-plan.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'

export const directory = '/database'

const options = { segmentBytesMax: 5120, checkpointLogBytes: Number.POSITIVE_INFINITY }

/** One run of the same few commits on a disk that fails somewhere. */
export interface FailingRun {
  readonly host: SimulatedHost
  /** Commits that were promised to be kept. */
  readonly acknowledged: number
  /** What the calls that failed said, in order. */
  readonly errors: readonly DatabaseError[]
  /** Everything that failed otherwise: there must be none. */
  readonly strange: readonly string[]
}

const commits = 5

/** Opens, commits, checkpoints between, commits more, and closes, whatever fails on the way. */
export async function runOn(faults: FaultPlan, seed = 'failing'): Promise<FailingRun> {
  const host = new SimulatedHost({ seed, faults })
  const errors: DatabaseError[] = []
  const strange: string[] = []
  let acknowledged = 0
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<boolean> => {
    try {
      await work()
      return true
    } catch (error) {
      if (error instanceof DatabaseError && error.kind !== 'bug') errors.push(error)
      else strange.push(`${what}: ${error instanceof Error ? error.stack : String(error)}`)
      return false
    }
  }
  await host.run(async () => {
    const opened: Database[] = []
    await attempt('open', async () => opened.push(await open(directory, { host, ...options })))
    for (const database of opened) {
      for (let number = 1; number <= commits; number += 1) {
        const isDone = await attempt(`commit ${number}`, () => commit(database, number))
        if (isDone) {
          if (acknowledged !== number - 1) strange.push(`commit ${number} came after a failed one`)
          acknowledged = number
        }
        // Reads go on, and show what was acknowledged and nothing else.
        const { sequence } = database
        if (sequence !== acknowledged) strange.push(`reads ${sequence}, told ${acknowledged}`)
        if (number === 2) await attempt('checkpoint', () => database.checkpoint())
      }
      await attempt('close', () => database.close())
    }
  })
  return { host, acknowledged, errors, strange }
}

function commit(database: Database, number: number): Promise<unknown> {
  const text = 'x'.repeat(number * 120)
  return database.write((tx) => tx.createNode('N', { number, text }, { valid: 'always' }))
}

/**
 * Opens what a run left, on a disk that works: says what is wrong, `fine` if nothing is. Commits
 * from 1 to some number that is not below `floor` must be there whole, and more can be made.
 */
export async function reopen(host: SimulatedHost, floor: number): Promise<string> {
  return host.run(async () => {
    const database = await open(directory, { host, ...options })
    const { sequence } = database
    const numbers = [...database.nodes('N')].map((node) => Number(node.get('number')))
    const expected = Array.from({ length: sequence }, (_, index) => index + 1)
    if (numbers.join() !== expected.join()) return `of ${sequence} commits ${numbers.join()}`
    if (sequence < floor) return `${sequence} commits are left of ${floor}`
    await commit(database, sequence + 1)
    await database.close()
    const again = await open(directory, { host, ...options })
    const { problems } = await again.verify()
    const found = again.sequence
    await again.close()
    if (problems.length > 0) return JSON.stringify(problems)
    return found === sequence + 1 ? 'fine' : `${found} commits after ${sequence} and one more`
  })
}

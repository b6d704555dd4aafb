import { type Database, DatabaseError, open, type OpenOptions } from 'asofdb'
import type { FaultPlan, OperationKind } from '../../simulation/fault-plan.ts'
import type { SimulatedHost } from '../../simulation/simulated-host.ts'
import { everyMs, type Mode } from '../kills/modes.ts'
import { wait } from '../simulation/simulated-machine.ts'

export const directory = '/database'

/** Small, so that segments end and checkpoints are made in the background. */
export const smallSteps: OpenOptions = { segmentBytesMax: 5120, checkpointLogBytes: 2500 }

/** What a use of a database came to. */
export interface Use {
  /** Newest commit that outlives the process, and newest that outlives a power cut. */
  kept: number
  durable: number
  readonly errors: DatabaseError[]
  /** Failures that are no refusals: there must be none. */
  readonly strange: string[]
}

export function newUse(): Use {
  return { kept: 0, durable: 0, errors: [], strange: [] }
}

const commits = 5

/** Opens, commits, some with more than the mode promises, checkpoints in between, and closes. */
export async function use(
  host: SimulatedHost,
  { options, isKept, isDurable }: Mode,
  told: Use,
): Promise<void> {
  const opened: Database[] = []
  const attempt = (what: string, work: () => Promise<unknown>) => attempted(told, what, work)
  await attempt('open', async () => {
    opened.push(await open(directory, { host, ...smallSteps, ...options }))
  })
  for (const database of opened) {
    const keep = (sequence: number): void => {
      told.durable = Math.max(told.durable, sequence)
      told.kept = Math.max(told.kept, sequence)
    }
    let acknowledged = database.sequence
    for (let round = 1; round <= commits; round++) {
      const isStronger = round % 3 === 0
      await attempt(`commit ${round}`, async () => {
        const sequence = await commit(database, isStronger ? 'sync' : undefined)
        acknowledged = sequence
        if (isDurable || isStronger) keep(sequence)
        else if (isKept) told.kept = sequence
      })
      const { sequence: seen } = database
      // A write that asked for more than the mode promises, and failed at that, is seen before.
      if (seen < acknowledged || (isDurable && seen > acknowledged)) {
        told.strange.push(`reads ${seen}, and was told ${acknowledged}`)
      }
      if (round === 4) {
        await attempt('checkpoint', async () => keep((await database.checkpoint()).sequence))
      }
      await wait(host, everyMs)
    }
    const isClosed = await attempt('close', () => database.close())
    if (isClosed) keep(acknowledged)
  }
}

/** Runs, and notes how it failed; false then. */
export async function attempted(
  told: Use,
  what: string,
  work: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    if (error instanceof DatabaseError && error.kind !== 'bug') told.errors.push(error)
    else told.strange.push(`${what}: ${textOf(error)}`)
    return false
  }
}

/** Each commit says its number in a node and a key; their sizes differ. */
export function commit(database: Database, durability?: 'sync'): Promise<number> {
  return database.write(
    (tx) => {
      const number = Number(tx.keys('state').get('count') ?? 0) + 1
      const text = String.fromCharCode(96 + (number % 26)).repeat((number * 377) % 1500)
      tx.keys('state').put('count', number)
      tx.createNode('N', { number, text }, { valid: 'always' })
      return number
    },
    durability === undefined ? {} : { durability },
  )
}

/**
 * Opens on a disk that works what was left: the first so many commits, whole, not below a floor;
 * one more can be made, and all is sound. Returns what is wrong.
 */
export async function problemsOn(
  host: SimulatedHost,
  floor: number,
  options: OpenOptions = {},
): Promise<string[]> {
  try {
    return await host.run(async () => {
      const problems: string[] = []
      const usual = { host, ...smallSteps, ...options }
      const database = await open(directory, usual)
      const { sequence } = database
      const numbers = [...database.nodes('N')].map((node) => Number(node.get('number')))
      const expected = Array.from({ length: sequence }, (_, index) => index + 1)
      if (numbers.join() !== expected.join()) problems.push(`of ${sequence}: ${numbers.join()}`)
      if (sequence < floor) problems.push(`${sequence} commits are left of ${floor}`)
      await commit(database, 'sync')
      await database.close()
      const again = await open(directory, usual)
      const { problems: unsound } = await again.verify()
      if (unsound.length > 0) problems.push(`verify: ${JSON.stringify(unsound)}`)
      if (again.sequence !== sequence + 1) problems.push(`${again.sequence} after ${sequence} + 1`)
      await again.close()
      return problems
    })
  } catch (error) {
    return [textOf(error)]
  }
}

export interface Failure {
  readonly what: string
  readonly host: SimulatedHost
}

/**
 * The same work on machines of which one call of a kind fails: the first, the second, and so on
 * until none is met; and for every so many, every such call from there on.
 */
export async function* everyFailure(
  machineWith: (faults: FaultPlan) => SimulatedHost,
  kind: OperationKind,
  work: (host: SimulatedHost) => Promise<unknown>,
): AsyncGenerator<Failure> {
  const error = kind === 'sync' || kind === 'syncDirectory' ? 'EIO' : 'ENOSPC'
  for (let nth = 1; ; nth++) {
    for (const isLasting of nth % lastingEvery === 0 ? [false, true] : [false]) {
      const fault = { kind, nth, error, isLasting } as const
      const host = machineWith({ faults: [fault] })
      const before = host.files.faults.counts.get(kind) ?? 0
      await host.run(() => work(host))
      if ((host.files.faults.counts.get(kind) ?? 0) - before < nth) return
      yield { what: `${error} at ${kind} ${nth}${isLasting ? ' and ever after' : ''}`, host }
    }
  }
}

const lastingEvery = 3

/** The kinds of calls that find no room, and those that sync. */
export const kinds: readonly OperationKind[] = [
  'write',
  'create',
  'makeDirectory',
  'rename',
  'sync',
  'syncDirectory',
]

export function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

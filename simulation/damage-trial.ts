/**
 * A damaged disk is opened by each policy: `strict` refuses or loses nothing, the others lose what
 * their report says and no more, and none ever shows anything that was not committed.
 */
import {
  DatabaseError,
  type Database,
  open,
  type OpenOptions,
  type RecoveryPolicy,
} from '../packages/asofdb/src/index.ts'
import type { Chronicle } from './chronicle.ts'
import { fingerprintOf } from './crash-worlds.ts'
import { lookAt, mustBeKnown, noteRecovery } from './inspection.ts'
import { RandomStream } from './random.ts'
import { afterPowerLoss, standardCrashes } from './simulated-crash.ts'
import type { SimulatedDisk } from './simulated-disk.ts'
import type { WatchedPoint } from './simulated-files.ts'
import { SimulatedHost } from './simulated-host.ts'
import { type SwarmCounts, tally } from './swarm-counts.ts'
import { databasePath, Divergence } from './workload-run.ts'

export interface DamageTrial {
  /** The damaged disk, everything on it durable. */
  readonly disk: SimulatedDisk
  readonly seed: string
  readonly chronicle: Chronicle
  readonly counts: SwarmCounts
  readonly options: OpenOptions
  /** Commits that a sound copy of the disk opens with. */
  readonly whole: number
  /** What was damaged, relative to the directory. */
  readonly file: string
  /** It was closed before it was damaged, so that every loss can be proved. */
  readonly isSettled: boolean
}

/** What became of it: the commits that are there, or the code of the refusal. */
interface Fate {
  readonly code?: string
  readonly sequence: number
  readonly isWritable: boolean
}

const refusals: ReadonlySet<string> = new Set([
  'Corrupt',
  'ForeignFile',
  'FormatTooNew',
  'NotADatabase',
])

/** The disk as a repair left it, closed; undefined when it is not as good as any other. */
export async function tryDamage(trial: DamageTrial): Promise<SimulatedDisk | undefined> {
  const strict = await openBy('strict', trial)
  const best = await openBy('bestEffort', trial)
  const repair = await openBy('repair', trial)
  if (strict.code === undefined && strict.sequence !== best.sequence) {
    throw new Divergence(`strict finds ${strict.sequence} commits, bestEffort ${best.sequence}`)
  }
  if (best.code !== repair.code || best.sequence !== repair.sequence) {
    throw new Divergence(`bestEffort gives ${show(best)}, and repair ${show(repair)}`)
  }
  if (repair.code !== undefined) return undefined
  if (!repair.isWritable) throw new Divergence('a repaired database takes no writes')
  await crashRepair(trial, repair.sequence)
  return useRepaired(trial, repair.sequence)
}

async function openBy(policy: RecoveryPolicy, trial: DamageTrial): Promise<Fate> {
  const { disk, seed, chronicle, counts, options } = trial
  const before = fingerprintOf(disk)
  try {
    let isWritable = false
    const look = { disk, path: databasePath, seed, chronicle, counts }
    const looked = await lookAt(
      { ...look, options: { ...options, recovery: policy } },
      async (database) => {
        mustReport(database, trial)
        isWritable = !database.recovery.isReadOnly
        if (!isWritable) await mustRefuseWrites(database)
      },
    )
    if (!isWritable) mustBeUntouched(looked.host, before, policy)
    return { sequence: looked.sequence, isWritable }
  } catch (error) {
    if (!(error instanceof DatabaseError) || !refusals.has(error.code)) throw error
    tally(counts.recoveries, `${policy} ${error.code}`)
    const again = new SimulatedHost({ seed, disk: disk.fork() })
    await again.run(async () => {
      await open(databasePath, { host: again, create: false, ...options, recovery: policy }).then(
        () => {
          throw new Divergence(`${policy} refused with ${error.code}, and then opened`)
        },
        () => undefined,
      )
    })
    mustBeUntouched(again, before, policy)
    return { code: error.code, sequence: -1, isWritable: false }
  }
}

/** What is missing must be told. */
function mustReport(database: Database, { whole, isSettled }: DamageTrial): void {
  const { sequence, recovery } = database
  const { policy, outcome, lost, tornTail } = recovery
  // A salvage may find commits that were under way, and that a sound manifest does not lead to.
  if (sequence > whole && policy === 'strict') {
    throw new Divergence(`${sequence} commits of ${whole} after damage`)
  }
  if (sequence >= whole) return
  const told = `${policy} is ${outcome} with ${sequence} of ${whole} commits`
  if (policy === 'strict' && isSettled) throw new Divergence(told)
  const isTold = lost === null ? !isSettled && tornTail !== null : lost.first === sequence + 1
  // Behind the last sync nothing vouches for the newest commits, so they may go unnoticed.
  if (isTold || (!isSettled && lost === null)) return
  throw new Divergence(`${told}; its report says ${JSON.stringify({ lost, tornTail })}`)
}

async function mustRefuseWrites(database: Database): Promise<void> {
  const code = await database
    .write((tx) => tx.keys('words').put('a', 'b'))
    .then(
      () => 'taken',
      (error: unknown) => (error instanceof DatabaseError ? error.code : String(error)),
    )
  if (code !== 'ReadOnly') throw new Divergence(`a write to what is read-only is ${code}`)
}

/** Whoever refuses or only reads has changed nothing but the lock. */
function mustBeUntouched(host: SimulatedHost, before: string, policy: string): void {
  const relevant = (fingerprint: string) =>
    fingerprint
      .split('\n')
      .filter((line) => !line.includes('/LOCK'))
      .join('\n')
  const after = relevant(fingerprintOf(host.files.disk))
  if (after === relevant(before)) return
  throw new Divergence(`${policy} changed the disk\n${before}\ninto\n${after}`)
}

/** A crash in the midst of a repair leaves something that repairs to no less. */
async function crashRepair(trial: DamageTrial, sequence: number): Promise<void> {
  const { seed, chronicle, counts, options } = trial
  const random = new RandomStream(`repair/${seed}`)
  const chosen = new Set([1 + random.below(12), 1 + random.below(40), 1 + random.below(80)])
  const points: WatchedPoint[] = []
  const host = new SimulatedHost({
    seed: `${seed}/repair`,
    disk: trial.disk.fork(),
    isWatched: ({ operation, outcome }) => chosen.has(operation) && outcome === 'partly-done',
    watch: (point) => points.push(point),
  })
  await host.run(() => open(databasePath, { host, ...options, recovery: 'repair' }))
  host.files.stop('the repair was watched')
  for (const { left, operation } of points) {
    const crashes = standardCrashes(left, { seed: `${seed}/${operation}`, randomCount: 4 })
    const spec = random.pick(crashes)
    const looked = await lookAt({
      disk: afterPowerLoss(left, spec),
      path: databasePath,
      seed: `${seed}/${operation}`,
      chronicle,
      counts,
      options: { ...options, recovery: 'repair' },
    })
    tally(counts.endings, 'crash of a repair')
    // A checkpoint that no manifest names counts only once the manifest is no ground to go on.
    if (looked.sequence >= sequence) continue
    throw new Divergence(
      `a repair gives ${sequence} commits; crashed at call ${operation} with ` +
        `${JSON.stringify(spec)} and done again it gives ${looked.sequence}`,
    )
  }
}

/** A repaired database takes commits, closes, and opens by the strictest policy as any other. */
async function useRepaired(
  trial: DamageTrial,
  sequence: number,
): Promise<SimulatedDisk | undefined> {
  const { disk, seed, chronicle, counts, options, file } = trial
  const host = new SimulatedHost({ seed: `${seed}/used`, disk: disk.fork() })
  const usual = { ...options, host, create: false }
  const isSound = await host.run(async () => {
    const database = await open(databasePath, { ...usual, recovery: 'repair' })
    const { problems } = await database.verify()
    // Opening does not read what is kept in reserve, so it does not mend it; a manifest that was
    // put back keeps a log in reserve that has gone since.
    const isReserve = ({ where, what }: (typeof problems)[number]): boolean =>
      where === file || (file === 'MANIFEST' && where.startsWith('log/') && /missing/.test(what))
    if (!problems.every(isReserve)) {
      throw new Divergence(`after a repair: ${JSON.stringify(problems)}`)
    }
    await database.close()
    const again = await open(databasePath, { ...usual, recovery: 'strict' })
    noteRecovery(counts, again)
    const { outcome } = again.recovery
    if (again.sequence !== sequence || outcome !== 'clean') {
      throw new Divergence(`repaired to ${sequence} commits, opens ${outcome}, ${again.sequence}`)
    }
    mustBeKnown(again, chronicle.copy(sequence), { seed, counts })
    await again.close()
    return problems.length === 0
  })
  if (!isSound) return undefined
  const { disk: used } = host.files.stopped
  return afterPowerLoss({ disk: used, interrupted: [] }, { mode: 'all-kept' })
}

function show({ code, sequence }: Fate): string {
  return code ?? `${sequence} commits`
}

/** Opens a disk and holds what is there against what is known. */
import { type Database, open, type OpenOptions } from '../packages/asofdb/src/index.ts'
import type { Chronicle } from './chronicle.ts'
import { drawQuestions, type Readable } from './oracle.ts'
import { RandomStream } from './random.ts'
import type { SimulatedDisk } from './simulated-disk.ts'
import { SimulatedHost } from './simulated-host.ts'
import { type SwarmCounts, tally } from './swarm-counts.ts'

/** Questions asked of each database that is looked at, beside its whole history. */
const questionsPerLook = 12

export interface Look {
  readonly disk: SimulatedDisk
  readonly path: string
  readonly seed: string
  readonly chronicle: Chronicle
  readonly counts: SwarmCounts
  readonly options?: OpenOptions
  /** The newest commit that there was when it was copied; see `Chronicle.copy`. */
  readonly forgotten?: number
}

/**
 * Opens a copy of the disk, compares everything that is there with the commits that were made, and
 * goes away without closing. `then` is called while it is open.
 */
export async function lookAt(
  look: Look,
  then?: (database: Database, known: Chronicle) => Promise<void>,
): Promise<{ sequence: number; host: SimulatedHost }> {
  const { disk, path, seed, chronicle, counts, options = {}, forgotten } = look
  // What was left of a full disk may be looked at with room.
  const faults = { capacityBytes: Infinity }
  const host = new SimulatedHost({ seed, disk: disk.fork(), faults })
  let sequence = 0
  try {
    await host.run(async () => {
      const database = await open(path, { host, create: false, ...options })
      sequence = database.sequence
      noteRecovery(counts, database)
      const known = chronicle.copy(sequence, 0, forgotten)
      mustBeKnown(database, known, { seed, counts })
      await then?.(database, known)
    })
  } finally {
    host.files.stop('looked at')
  }
  return { sequence, host }
}

/** The whole history, and some questions. */
export function mustBeKnown(
  database: Database,
  known: Chronicle,
  { seed, counts }: { seed: string; counts: SwarmCounts },
): void {
  counts.states += 1
  known.catchUp(database)
  known.mustHaveHistory(database)
  counts.answers += 1 + askQuestions(database, known, new RandomStream(`look/${seed}`))
}

function askQuestions(database: Readable, known: Chronicle, random: RandomStream): number {
  const questions = drawQuestions(random, known.model, questionsPerLook)
  const chosen = Array.from({ length: questionsPerLook }, () => random.pick(questions))
  for (const question of chosen) known.mustTell(database, question)
  return chosen.length
}

export function noteRecovery(counts: SwarmCounts, { recovery }: Database): void {
  tally(counts.recoveries, `${recovery.policy} ${recovery.outcome}`)
}

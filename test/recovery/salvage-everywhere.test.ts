import { describe, expect, it } from 'vitest'
import { inspect, isDatabaseError } from '../../packages/asofdb/src/index.ts'
import {
  buildDatabase,
  type Built,
  directory,
  type Ending,
  historyOf,
} from '../damage/damaged-database.ts'
import { type Image, ImageFiles } from '../damage/image-files.ts'
import { hostOver } from '../damage/image-host.ts'
import { RandomStream } from '../../simulation/random.ts'
import { bytesIn, changed, namesIn, openCopy } from './damaged-copies.ts'

const trialsPerEnding = 200
const wrongsShown = 5

interface Trial {
  readonly image: Image
  readonly what: string
}

/** One to three files, each with a flip, a cut, a zeroed stretch, another's bytes, or gone. */
function damagedAtRandom({ image }: Built, random: RandomStream): Trial {
  const names = namesIn(image)
  const done: string[] = []
  let damaged = image
  for (let count = 1 + random.below(random.chance(0.3) ? 3 : 1); count > 0; count--) {
    const name = names[random.below(names.length)] ?? 'MANIFEST'
    if (!namesIn(damaged).includes(name)) continue
    const bytes = bytesIn(damaged, name).slice()
    const at = random.below(bytes.length)
    const kind = random.below(6)
    if (kind <= 1) bytes[at] = (bytes[at] ?? 0) ^ (1 + random.below(255))
    else if (kind === 2) bytes.fill(0, at, at + 1 + random.below(600))
    const other = bytesIn(image, names[random.below(names.length)] ?? name)
    const next =
      kind === 3 ? bytes.subarray(0, at) : kind === 4 ? null : kind === 5 ? other : bytes
    damaged = changed(damaged, { [name]: next })
    done.push(`${name} ${kind} at ${at}`)
  }
  return { image: damaged, what: done.join(', ') }
}

/** How often each outcome was met. */
type Tally = Map<string, number>

function note(tally: Tally, outcome: string): void {
  tally.set(outcome, (tally.get(outcome) ?? 0) + 1)
}

/** What is wrong with how a damaged image is opened; undefined when nothing is. */
type Judge = (trial: Trial, built: Built, tally: Tally) => Promise<string | undefined>

const judgeBestEffort: Judge = async ({ image, what }, built, tally) => {
  const files = new ImageFiles(image)
  try {
    const database = await openCopy(files, { recovery: 'bestEffort' })
    const { sequence, recovery } = database
    const isPrefix = historyOf(database) === built.histories[sequence]
    await database.close()
    note(tally, recovery.outcome)
    if (!isPrefix) return `${what}: not the first ${sequence} commits`
    if (recovery.isReadOnly && files.changes > 0) return `${what}: files were changed`
    return undefined
  } catch (error) {
    return expectedRefusal(error, what, files)
  }
}

function expectedRefusal(error: unknown, what: string, files: ImageFiles): string | undefined {
  const isExpected =
    isDatabaseError(error, 'Corrupt') ||
    isDatabaseError(error, 'ForeignFile') ||
    isDatabaseError(error, 'NotADatabase')
  if (!isExpected) return `${what}: ${String(error)}`
  return files.changes === 0 ? undefined : `${what}: refused, and files were changed`
}

const judgeRepair: Judge = async ({ image, what }, built, tally) => {
  const files = new ImageFiles(image)
  let sequence = 0
  try {
    const database = await openCopy(files, { recovery: 'repair' })
    sequence = database.sequence
    note(tally, database.recovery.outcome)
    const isPrefix = historyOf(database) === built.histories[sequence]
    await database.write((tx) => tx.keys('after').put('k', 1))
    await database.close()
    if (!isPrefix) return `${what}: not the first ${sequence} commits`
  } catch (error) {
    return expectedRefusal(error, what, files)
  }
  const again = await openCopy(files)
  const { recovery } = again
  const report = await again.verify()
  await again.close()
  if (again.recovery.recoveredSequence !== sequence + 1) return `${what}: not all is there`
  if (recovery.damage.length > 0 || !report.isSound) return `${what}: still damaged`
  const inspected = await inspect(directory, { host: hostOver(files, 'inspected') })
  return inspected.isSound ? undefined : `${what}: inspection finds damage`
}

const endings: readonly Ending[] = ['killed', 'closed']

describe.each(endings)('a database that was %s, damaged at random', (ending) => {
  it.each(['bestEffort', 'repair'] as const)('is a prefix, or refused: %s', async (policy) => {
    const built = await buildDatabase(ending)
    const random = new RandomStream(`salvage/${ending}/${policy}`)
    const judge = policy === 'repair' ? judgeRepair : judgeBestEffort
    const wrong: string[] = []
    const tally: Tally = new Map()
    for (let count = 0; count < trialsPerEnding && wrong.length < wrongsShown; count++) {
      const why = await judge(damagedAtRandom(built, random), built, tally)
      if (why !== undefined) wrong.push(why)
    }
    expect(wrong).toEqual([])
    const salvaged = tally.get(policy === 'repair' ? 'repaired' : 'degraded')
    expect(salvaged).toBeGreaterThan(trialsPerEnding / 4)
  }, 60_000)
})

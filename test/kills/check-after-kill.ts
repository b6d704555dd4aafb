import { type Database, open } from 'asofdb'
import type { RandomStream } from '../../simulation/random.ts'
import { difference, livesAfter, type Model, stateOf } from './model.ts'
import type { Mode } from './modes.ts'
import { countIn, stepOf, textBytesOf } from './workload.ts'
import type { WriterWords } from './writer-process.ts'

/** A database that writers are killed in, and what is known of it. */
export interface KilledDirectory {
  readonly directory: string
  readonly seed: string
  /** Has the commits that the kill before left. */
  readonly model: Model
  /** The newest commit that any life was promised to keep. */
  promised: number
  /** Whether any life said that it has opened it, so that it must be there. */
  isMade: boolean
}

export interface Killed {
  readonly of: KilledDirectory
  readonly mode: Mode
  readonly life: number
  readonly words: WriterWords
  readonly random: RandomStream
}

export interface FoundAfterKill {
  readonly sequence: number
  readonly promised: number
  /** Acknowledged commits that are not there, which the mode allows. */
  readonly lost: number
  readonly tornBytes: number
}

/** How many earlier commits are looked at, beside the newest. */
const pastLooks = 2

/**
 * Opens what a kill left: a prefix of the commits made, with everything promised among it, equal
 * to the model at the newest and at some earlier commit, whole, and sound. Throws what is not so.
 */
export async function checkAfterKill(killed: Killed): Promise<FoundAfterKill> {
  const { of, mode, life, words, random } = killed
  const { model } = of
  if (words.opened !== undefined) {
    must(words.opened >= model.count, `the writer found ${words.opened} of ${model.count} commits`)
  }
  const create = !of.isMade && words.opened === undefined
  // What is compared is the whole history.
  const database = await open(of.directory, { ...mode.options, keyRetention: 'forever', create })
  try {
    const { sequence } = database
    must(sequence >= model.count, `${sequence} commits are left of the ${model.count} found before`)
    takeOver(model, database, life)
    const promised = Math.max(of.promised, words.promised)
    must(sequence >= promised, `commit ${promised} was promised to be kept; there are ${sequence}`)
    if (words.promised > (words.opened ?? 0)) {
      const by = model.lifeOf(words.promised)
      must(
        by === life,
        `commit ${words.promised} is one of life ${by}, and was promised by ${life}`,
      )
    }
    mustLoseWithinBounds(killed, sequence)
    must(countIn(database.snapshot()) === sequence, `the count is not ${sequence}`)
    const looks = [sequence, ...Array.from({ length: pastLooks }, () => random.below(sequence + 1))]
    for (const at of looks) {
      const unequal = difference(stateOf(database.asOf({ sequence: at })), model.stateAt(at))
      must(unequal === undefined, `as of commit ${at} of ${sequence}: ${unequal}`)
    }
    const { problems, isSound } = await database.verify()
    must(isSound && problems.length === 0, `verify: ${JSON.stringify(problems)}`)
    const { tornTail, outcome, damage } = database.recovery
    must(damage.length === 0, `${outcome}, with damage: ${JSON.stringify(damage)}`)
    const lost = Math.max(0, words.acknowledged - sequence)
    return { sequence, promised, lost, tornBytes: tornTail?.bytesDiscarded ?? 0 }
  } finally {
    await database.close()
  }
}

/** Gives the model the commits that came since, each as the life that names itself made it. */
function takeOver(model: Model, database: Database, life: number): void {
  for (const made of livesAfter(database, model.count)) {
    const before = Math.max(1, model.lifeOf(model.count))
    const isPossible = made >= before && made <= life
    must(isPossible, `commit ${model.count + 1} is of life ${made}, after one of life ${before}`)
    model.add(made)
  }
}

/** What an asynchronous log loses was in its queue, which is bounded. */
function mustLoseWithinBounds({ of, mode, life, words }: Killed, sequence: number): void {
  const sizes: number[] = []
  for (let number = sequence + 1; number <= words.acknowledged; number++) {
    sizes.push(textBytesOf(stepOf(of.seed, number, life)))
  }
  const bytes = sizes.reduce((sum, size) => sum + size, 0) - Math.max(0, ...sizes)
  const { name, lostBytesMax } = mode
  must(bytes <= lostBytesMax, `${bytes} acknowledged bytes are lost, in mode ${name}`)
}

function must(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(what)
}

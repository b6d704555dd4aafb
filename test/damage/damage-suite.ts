import { beforeAll, describe, expect, it } from 'vitest'
import { must } from '../../packages/asofdb/src/rules/invariant.ts'
import { buildDatabase, type Built, checkpointed, type Ending } from './damaged-database.ts'
import { type Damage, type Fate, flipBit, shortPath, tryDamage } from './try-damage.ts'

const sectorBytes = 512
const wholeRunMs = 600_000
const wrongsShown = 5

/** How often each fate was met; fates that must not be, one by one. */
interface Tally {
  readonly opened: Map<number, number>
  refused: number
  readonly wrong: string[]
}

/**
 * Every bit flipped, every file cut at every byte, every sector zeroed or swapped with another,
 * every file removed: what opens is a prefix of whole commits that goes on as any other database,
 * what doesn't names a file and an offset and has changed nothing.
 */
export function describeDamage(ending: Ending): void {
  describe(`a database that was ${ending}`, () => {
    const trial = new Trial(ending)
    beforeAll(() => trial.build())
    describeFlips(trial)
    describeLosses(trial)
  })
}

/** The database under damage, built once, and what each kind of damage may cost. */
class Trial {
  readonly ending: Ending
  #built: Built | undefined

  constructor(ending: Ending) {
    this.ending = ending
  }

  async build(): Promise<void> {
    this.#built = await buildDatabase(this.ending)
  }

  get built(): Built {
    if (this.#built === undefined) throw new Error('the database was not built')
    return this.#built
  }

  get all(): number {
    return this.built.histories.length - 1
  }

  /** No later record vouches for the last one before a kill, so it may pass for a torn tail. */
  get leastAfterFlip(): number {
    return this.ending === 'closed' ? this.all : this.all - 1
  }

  /** Where the end of the log is gone, so is what vouched for it, but for the manifest. */
  get leastAfterCut(): number {
    return this.ending === 'closed' ? this.all : checkpointed
  }

  async attempt(tally: Tally, damage: Damage & { what: string }, demand: Demanded): Promise<void> {
    const fate = await tryDamage(this.built, damage, demand)
    note(tally, fate, `${shortPath(damage.path)} ${damage.what}`)
  }
}

function describeFlips(trial: Trial): void {
  it('opens or refuses rightly whichever bit is flipped', async () => {
    const { all, built, ending, leastAfterFlip: sequenceMin } = trial
    const tally = newTally()
    for (const [path, bytes] of built.image.files) {
      for (let bit = 0; bit < bytes.length * 8; bit += stepOf(path)) {
        const damage = { path, bytes: flipBit(bytes, bit), what: `bit ${bit}` }
        await trial.attempt(tally, damage, { sequenceMin, isUsed: bit % bitsPerUse === 0 })
      }
    }
    expectRight(tally)
    expect(tally.refused).toBeGreaterThan(0)
    const opened = [...tally.opened.keys()].sort((a, b) => a - b)
    expect(opened).toEqual(ending === 'closed' ? [all] : [all - 1, all])
  }, wholeRunMs)

  it('opens or refuses rightly whichever sector is another', async () => {
    const { built, leastAfterCut: sequenceMin } = trial
    const tally = newTally()
    const sectors = [...built.image.files.values()].flatMap(sectorsOf)
    for (const [path, bytes] of built.image.files) {
      for (let at = 0; at < bytes.length; at += sectorBytes) {
        for (const sector of [new Uint8Array(sectorBytes), ...sectors]) {
          const changed = bytes.slice()
          changed.set(sector.subarray(0, Math.min(sector.length, bytes.length - at)), at)
          const damage = { path, bytes: changed, what: `sector at ${at}` }
          await trial.attempt(tally, damage, { sequenceMin, isUsed: at === 0 })
        }
      }
    }
    expectRight(tally)
  }, wholeRunMs)
}

function describeLosses(trial: Trial): void {
  it('opens or refuses rightly wherever a file is cut', async () => {
    const { built, leastAfterCut: sequenceMin } = trial
    const tally = newTally()
    for (const [path, bytes] of built.image.files) {
      for (let size = 0; size < bytes.length; size += stepOf(path)) {
        const damage = { path, bytes: bytes.slice(0, size), what: `cut at ${size}` }
        await trial.attempt(tally, damage, { sequenceMin, isUsed: true })
      }
    }
    expectRight(tally)
    expect(tally.refused).toBeGreaterThan(0)
  }, wholeRunMs)

  it('opens or refuses rightly whichever file is gone, or grown', async () => {
    const { all, built, leastAfterCut } = trial
    const tally = newTally()
    for (const [path, bytes] of built.image.files) {
      const demand = { sequenceMin: leastAfterCut, isUsed: true }
      await trial.attempt(tally, { path, bytes: undefined, what: 'removed' }, demand)
      for (const fill of [0, 0xa5, 0xff]) {
        const grown = new Uint8Array(bytes.length + sectorBytes + 3).fill(fill)
        grown.set(bytes)
        const least = { sequenceMin: all, isUsed: true }
        await trial.attempt(tally, { path, bytes: grown, what: `grown by ${fill}` }, least)
      }
    }
    expectRight(tally)
    expect(tally.refused).toBeGreaterThan(0)
  })
}

type Demanded = Parameters<typeof tryDamage>[2]

/** What opens after a flip is used further this often. */
const bitsPerUse = 17

/** Nothing relies on the manifest before, so it is tried less often. */
function stepOf(path: string): number {
  return path.endsWith('.previous') ? 11 : 1
}

function newTally(): Tally {
  return { opened: new Map(), refused: 0, wrong: [] }
}

function note(tally: Tally, fate: Fate, what: string): void {
  if (fate.type === 'refused') tally.refused += 1
  else if (fate.type === 'wrong') tally.wrong.push(`${what}: ${fate.why}`)
  else tally.opened.set(fate.sequence, (tally.opened.get(fate.sequence) ?? 0) + 1)
}

function expectRight({ wrong, opened }: Tally): void {
  const shown = wrong.slice(0, wrongsShown)
  expect(wrong.length > wrongsShown ? [...shown, `and ${wrong.length} in all`] : shown).toEqual([])
  expect(must([...opened.values()][0], 'a damage that the database survives')).toBeGreaterThan(0)
}

function sectorsOf(bytes: Uint8Array): Uint8Array[] {
  const count = Math.ceil(bytes.length / sectorBytes)
  return Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * sectorBytes, (index + 1) * sectorBytes),
  )
}

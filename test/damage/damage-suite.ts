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
    let built: Built
    let all = 0

    beforeAll(async () => {
      built = await buildDatabase(ending)
      all = built.histories.length - 1
    })

    /** No later record vouches for the last one before a kill, so it may pass for a torn tail. */
    const leastAfterFlip = () => (ending === 'closed' ? all : all - 1)

    /** Where the end of the log is gone, so is what vouched for it, but for the manifest. */
    const leastAfterCut = () => (ending === 'closed' ? all : checkpointed)

    const attempt = async (tally: Tally, damage: Damage & { what: string }, demand: Demanded) => {
      const fate = await tryDamage(built, damage, demand)
      note(tally, fate, `${shortPath(damage.path)} ${damage.what}`)
    }

    it('opens or refuses rightly whichever bit is flipped', async () => {
      const tally = newTally()
      for (const [path, bytes] of built.image.files) {
        for (let bit = 0; bit < bytes.length * 8; bit += stepOf(path)) {
          const damage = { path, bytes: flipBit(bytes, bit), what: `bit ${bit}` }
          const isUsed = bit % bitsPerUse === 0
          await attempt(tally, damage, { sequenceMin: leastAfterFlip(), isUsed })
        }
      }
      expectRight(tally)
      expect(tally.refused).toBeGreaterThan(0)
      expect([...tally.opened.keys()].sort()).toEqual(ending === 'closed' ? [all] : [all - 1, all])
    }, wholeRunMs)

    it('opens or refuses rightly wherever a file is cut', async () => {
      const tally = newTally()
      for (const [path, bytes] of built.image.files) {
        for (let size = 0; size < bytes.length; size += stepOf(path)) {
          const damage = { path, bytes: bytes.slice(0, size), what: `cut at ${size}` }
          await attempt(tally, damage, { sequenceMin: leastAfterCut(), isUsed: true })
        }
      }
      expectRight(tally)
      expect(tally.refused).toBeGreaterThan(0)
    }, wholeRunMs)

    it('opens or refuses rightly whichever file is gone, or grown', async () => {
      const tally = newTally()
      for (const [path, bytes] of built.image.files) {
        const demand = { sequenceMin: leastAfterCut(), isUsed: true }
        await attempt(tally, { path, bytes: undefined, what: 'removed' }, demand)
        for (const fill of [0, 0xa5, 0xff]) {
          const grown = new Uint8Array(bytes.length + sectorBytes + 3).fill(fill)
          grown.set(bytes)
          const least = { sequenceMin: all, isUsed: true }
          await attempt(tally, { path, bytes: grown, what: `grown by ${fill}` }, least)
        }
      }
      expectRight(tally)
      expect(tally.refused).toBeGreaterThan(0)
    })

    it('opens or refuses rightly whichever sector is another', async () => {
      const tally = newTally()
      const sectors = [...built.image.files.values()].flatMap(sectorsOf)
      for (const [path, bytes] of built.image.files) {
        for (let at = 0; at < bytes.length; at += sectorBytes) {
          for (const sector of [new Uint8Array(sectorBytes), ...sectors]) {
            const changed = bytes.slice()
            changed.set(sector.subarray(0, Math.min(sector.length, bytes.length - at)), at)
            const damage = { path, bytes: changed, what: `sector at ${at}` }
            await attempt(tally, damage, { sequenceMin: leastAfterCut(), isUsed: at === 0 })
          }
        }
      }
      expectRight(tally)
    }, wholeRunMs)
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

import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  anyCloseKey,
  anyPrefix,
  compareReferenceKeys,
  storedKey,
} from '../../../../test/encoding/reference-keys.ts'
import {
  type ReferenceEntry,
  ReferenceKeyspace,
  type ReferencePoint,
  selectRange,
} from '../../../../test/encoding/reference-keyspace.ts'
import type { Database, KeyInput, KeyRange, KeyTransaction, KeyView } from '../index.ts'
import { open } from '../open.ts'

const seed = 4402

const anyBound = fc.oneof(
  { arbitrary: anyCloseKey, weight: 6 },
  { arbitrary: fc.constantFrom<KeyInput>('', new Uint8Array(0), []), weight: 1 },
)

/** Mostly nothing, so that what several of them leave is not always nothing. */
function seldom<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ arbitrary: fc.constant(undefined), weight: 4 }, { arbitrary, weight: 1 })
}

const anyRange: fc.Arbitrary<KeyRange> = fc.record({
  gt: seldom(anyBound),
  gte: seldom(anyBound),
  lt: seldom(anyBound),
  lte: seldom(anyBound),
  prefix: seldom(anyPrefix),
  reverse: fc.constantFrom(undefined, false, true),
  skip: seldom(fc.integer({ min: 0, max: 3 })),
  limit: seldom(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant(Infinity))),
})

const years = [2000, 2001, 2002, 2003]
/** Which span of valid time: none stands for always. */
const anyPeriod = fc.option(
  fc.record({ from: fc.constantFrom(...years), to: fc.constantFrom(...years, Infinity) }),
  { nil: undefined, freq: 2 },
)

const anyWrite = fc.oneof(
  {
    arbitrary: fc.record({ put: anyCloseKey, value: fc.nat(3), period: anyPeriod }),
    weight: 6,
  },
  { arbitrary: fc.record({ delete: anyCloseKey, period: anyPeriod }), weight: 3 },
  { arbitrary: fc.record({ insert: anyCloseKey, value: fc.nat(3) }), weight: 2 },
  {
    arbitrary: fc.record({
      compareAndSet: anyCloseKey,
      expected: fc.option(fc.nat(3), { nil: undefined }),
      value: fc.nat(3),
    }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      compareAndDelete: anyCloseKey,
      expected: fc.option(fc.nat(3), { nil: undefined }),
    }),
    weight: 1,
  },
  { arbitrary: fc.record({ clear: anyRange }), weight: 1 },
)

type Step = 'next' | 'prev' | 'seekToFirst' | 'seekToLast'
type Move = Step | { readonly seek: KeyInput } | { readonly seekForPrev: KeyInput }

const anyMove: fc.Arbitrary<Move> = fc.oneof(
  fc.constantFrom<Step>('next', 'prev', 'seekToFirst', 'seekToLast'),
  fc.record({ seek: anyBound }),
  fc.record({ seekForPrev: anyBound }),
)

const anyQuestion = fc.record({
  /** Where to ask: in the transaction, after so many of the commits, at an instant. */
  where: fc.constantFrom('here', 'now', 'past'),
  sequence: fc.nat(6),
  year: fc.option(fc.constantFrom(1999.5, 2000.5, 2001.5, 2002.5, 2003.5), { nil: undefined }),
  range: anyRange,
  moves: fc.array(anyMove, { maxLength: 8 }),
  sides: fc.array(fc.boolean(), { maxLength: 12 }),
  keys: fc.array(anyCloseKey, { maxLength: 4 }),
})

type Write = typeof anyWrite extends fc.Arbitrary<infer T> ? T : never
type Question = typeof anyQuestion extends fc.Arbitrary<infer T> ? T : never

/** Long after every year that periods begin or end in. */
const nowYear = 2020
const always = { from: -Infinity, to: Infinity }

function yearToText(year: number): string {
  return `${Math.floor(year)}-${Number.isInteger(year) ? '01' : '07'}-01T00:00:00Z`
}

/** Does a write both ways; the model and the database must say the same of it. */
function write(keys: KeyTransaction, model: ReferenceKeyspace, one: Write): void {
  const here: ReferencePoint = { valid: nowYear, sequence: Infinity }
  const state = (key: KeyInput, value?: number, span = always): void => {
    const isDeleted = value === undefined
    model.statements.push({ key: storedKey(key), sequence: Infinity, ...span, value, isDeleted })
  }
  if ('put' in one) {
    const span = spanOf(one.period)
    if (span === undefined) return
    expect(keys.put(one.put, one.value, optionsOf(one.period))).toBe(1)
    state(one.put, one.value, span)
  } else if ('delete' in one) {
    const span = spanOf(one.period)
    if (span === undefined) return
    const isThere = model.isAnywhere(one.delete, span.from, span.to)
    expect(keys.delete(one.delete, optionsOf(one.period)) > 0).toBe(isThere)
    if (isThere) state(one.delete, undefined, span)
  } else if ('insert' in one) {
    const { insert: key, value } = one
    if (model.isAnywhere(key, -Infinity, Infinity)) {
      const details: unknown = { keyspace: 'k', key }
      expect(() => keys.insert(key, value)).toThrow(
        expect.objectContaining({ code: 'AlreadyExists', details }),
      )
    } else {
      keys.insert(key, value)
      state(key, value)
    }
  } else if ('compareAndSet' in one) {
    const isEqual = model.at(one.compareAndSet, here)?.value === one.expected
    expect(keys.compareAndSet(one.compareAndSet, one.expected, one.value)).toBe(isEqual)
    if (isEqual) state(one.compareAndSet, one.value)
  } else if ('compareAndDelete' in one) {
    const isEqual = model.at(one.compareAndDelete, here)?.value === one.expected
    expect(keys.compareAndDelete(one.compareAndDelete, one.expected)).toBe(isEqual)
    if (isEqual && one.expected !== undefined) state(one.compareAndDelete)
  } else {
    const cleared = selectRange(model.entries(here), one.clear)
    expect(keys.clear(one.clear)).toBe(cleared.length)
    for (const { key } of cleared) state(key)
  }
}

type PeriodOf = { readonly from: number; readonly to: number } | undefined

function spanOf(period: PeriodOf): { from: number; to: number } | undefined {
  if (period === undefined) return always
  return period.from < period.to ? period : undefined
}

function optionsOf(period: PeriodOf): { validFrom?: string; validTo?: string | null } {
  if (period === undefined) return {}
  const { from, to } = period
  return { validFrom: yearToText(from), validTo: to === Infinity ? null : yearToText(to) }
}

function ask(view: KeyView, model: ReferenceKeyspace, asked: Question, at: ReferencePoint): void {
  const { range, keys } = asked
  const all = model.entries(at)
  const wanted = selectRange(all, range)
  const entries = view.range(range)
  expect([...entries]).toEqual(wanted)
  expect(entries.toArray()).toEqual(wanted)
  expect([...entries.keys()]).toEqual(wanted.map(({ key }) => key))
  expect(entries.values().toArray()).toEqual(wanted.map(({ value }) => value))
  expect(entries.count()).toBe(wanted.length)
  expect(entries.first()).toEqual(wanted[0])
  expect(view.getMany(keys)).toEqual(keys.map((key) => model.at(key, at)?.value))
  for (const key of keys) {
    expect([view.get(key), view.has(key)]).toEqual([
      model.at(key, at)?.value,
      model.at(key, at) !== undefined,
    ])
  }
  askEnds(view, range, asked.sides, wanted)
  askCursor(view, range, asked.moves, selectRange(all, { ...range, ...everything }))
  askVersions(view, model, range, at.sequence)
}

const everything = { reverse: false, skip: 0, limit: Infinity }

function askEnds(
  view: KeyView,
  range: KeyRange,
  sides: readonly boolean[],
  wanted: readonly ReferenceEntry[],
): void {
  const ends = view.range(range).ends()
  const rest = [...wanted]
  for (const isFront of sides) {
    expect(isFront ? ends.front() : ends.back()).toEqual(isFront ? rest.shift() : rest.pop())
  }
}

function askCursor(
  view: KeyView,
  range: KeyRange,
  moves: readonly Move[],
  all: readonly ReferenceEntry[],
): void {
  const cursor = view.cursor(range)
  let at: number | undefined
  for (const move of moves) {
    let stands: boolean
    if (typeof move === 'object') {
      const isForPrev = 'seekForPrev' in move
      const key = isForPrev ? move.seekForPrev : move.seek
      stands = isForPrev ? cursor.seekForPrev(key) : cursor.seek(key)
      at = isForPrev
        ? all.findLastIndex((one) => compareReferenceKeys(one.key, key) <= 0)
        : all.findIndex((one) => compareReferenceKeys(one.key, key) >= 0)
    } else if (move === 'next' || move === 'prev') {
      stands = cursor[move]()
      const start = move === 'next' ? -1 : all.length
      const isOff = at !== undefined && all[at] === undefined
      at = isOff ? -1 : (at ?? start) + (move === 'next' ? 1 : -1)
    } else {
      stands = cursor[move]()
      at = move === 'seekToFirst' ? 0 : all.length - 1
    }
    const entry = all[at]
    expect([stands, cursor.isValid]).toEqual([entry !== undefined, entry !== undefined])
    if (entry !== undefined) {
      expect({ key: cursor.key, value: cursor.value }).toEqual(entry)
    } else {
      at = -1
      const invalid = expect.objectContaining({ code: 'InvalidArgument' })
      expect(() => cursor.key).toThrow(invalid)
      expect(() => cursor.value).toThrow(invalid)
    }
  }
}

function askVersions(
  view: KeyView,
  model: ReferenceKeyspace,
  range: KeyRange,
  sequence: number,
): void {
  const known = model.keys(sequence).map((key) => ({ key }))
  const wanted = selectRange(known, range).flatMap(({ key }) =>
    model.statements
      .filter((one) => one.sequence <= sequence && compareReferenceKeys(one.key, key) === 0)
      .map((one) => [key, one.sequence, one.isDeleted ? 'deleted' : one.value, one.from, one.to]),
  )
  const yearOf = (instant: { toString(): string } | null, open: number): number =>
    instant === null ? open : Number(instant.toString().slice(0, 4))
  const actual = Array.from(view.versions(range), (one) => [
    one.key,
    one.sequence ?? Infinity,
    one.isDeleted === true ? 'deleted' : one.value,
    yearOf(one.valid.from, -Infinity),
    yearOf(one.valid.to, Infinity),
  ])
  expect(actual).toEqual(wanted)
}

/** One transaction: some writes, then questions, then a commit or none. */
const anyRound = fc.record({
  writes: fc.array(anyWrite, { maxLength: 8 }),
  questions: fc.array(anyQuestion, { minLength: 1, maxLength: 3 }),
  isKept: fc.boolean(),
})

type Round = typeof anyRound extends fc.Arbitrary<infer T> ? T : never

async function runRound(database: Database, model: ReferenceKeyspace, round: Round): Promise<void> {
  const { sequence } = database
  expect(sequence).toBe(Math.max(0, ...model.statements.map((one) => one.sequence)))
  const transaction = database.begin()
  const kept = model.statements.length
  const keys = transaction.keys('k')
  for (const one of round.writes) write(keys, model, one)
  for (const question of round.questions) {
    const { where, year } = question
    const valid = year ?? nowYear
    if (where === 'here') {
      ask(keys, model, question, { valid: nowYear, sequence: Infinity })
    } else {
      const known = where === 'now' ? sequence : Math.min(question.sequence, sequence)
      const at = year === undefined ? {} : { valid: yearToText(year) }
      const view = database.asOf({ sequence: known, ...at }).keys('k')
      ask(view, model, question, { valid, sequence: known })
      const current = { valid: nowYear, sequence }
      ask(database.keys('k'), model, question, current)
    }
  }
  const committed = round.isKept ? await transaction.commit() : undefined
  transaction.cancel()
  const own = model.statements.splice(kept)
  if (committed === undefined) return
  for (const one of own) model.statements.push({ ...one, sequence: committed.sequence })
}

test('keys answer as a plain list of statements does', async () => {
  expect.hasAssertions()
  const property = fc.asyncProperty(fc.array(anyRound, { maxLength: 6 }), async (rounds) => {
    const database = await open(':memory:', { keyRetention: 'forever' })
    const model = new ReferenceKeyspace()
    for (const round of rounds) await runRound(database, model, round)
    await database.close()
  })
  await fc.assert(property, {
    seed: Number(process.env['SEED'] ?? seed),
    numRuns: Number(process.env['RUNS'] ?? 60),
  })
})

import { describe, expect, it } from 'vitest'
import { BEGINNING, type Database, open } from 'asofdb'
import { RandomStream } from '../../simulation/random.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { openDatabase, RandomWriter } from '../transfer/random-database.ts'
import { type Answer, answersOf, pruned, show, type Vocabulary, vocabularyOf } from './answers.ts'

const seeds = Array.from({ length: 4 }, (_, index) => `forgetting ${index}`)

interface World {
  readonly host: SimulatedHost
  readonly random: RandomStream
  readonly writer: RandomWriter
  database: Database
}

async function inWorld(seed: string, play: (world: World) => Promise<void>): Promise<void> {
  const host = new SimulatedHost({ seed })
  await host.run(async () => {
    const database = await openDatabase(host)
    const writer = new RandomWriter(seed, 120)
    await writer.steps(database, 30)
    const world = { host, random: new RandomStream(`${seed} choices`), writer, database }
    await play(world)
    const { isSound, problems } = await world.database.verify()
    expect({ isSound, problems }).toEqual({ isSound: true, problems: [] })
    await world.database.close()
  })
}

function sequencesOf(database: Database): number[] {
  return Array.from({ length: database.sequence + 1 }, (_, sequence) => sequence)
}

/** The same after each of these, one by one: nothing, compacting, opening again. */
async function atEachStage(world: World, check: (stage: string) => void): Promise<void> {
  check('as it is')
  await world.database.compact()
  check('compacted')
  await world.database.close()
  world.database = await openDatabase(world.host)
  check('opened again')
  await world.database.compact()
  check('compacted again')
}

interface Horizon {
  readonly of: Partial<Record<'label' | 'type' | 'keyspace', string>> | undefined
  readonly sequence: number
}

/** Whether a question about these must be refused at a commit. */
function isBelow(answer: Answer, horizons: readonly Horizon[]): boolean {
  const { about, sequence } = answer
  return horizons.some((horizon) => {
    if (sequence >= horizon.sequence || 'id' in about) return false
    if (horizon.of === undefined) return true
    const [member, name] = Object.entries(horizon.of)[0] ?? []
    if (member === undefined || !(member in about)) return false
    const asked: unknown = Object.entries(about).find(([one]) => one === member)?.[1]
    return asked === undefined || asked === name
  })
}

/** How many questions must be refused, how many may be, and how many are answered as before. */
interface Compared {
  readonly refused: number
  readonly unsure: number
  readonly kept: number
}

function compare(
  before: ReadonlyMap<string, Answer>,
  after: ReadonlyMap<string, Answer>,
  horizons: readonly Horizon[],
): Compared {
  const latest = Math.max(0, ...horizons.map(({ sequence }) => sequence))
  let refused = 0
  let unsure = 0
  for (const [question, old] of before) {
    const young = after.get(question)?.text
    const isHistory = question.includes('"provenance"')
    if (isBelow(old, horizons)) {
      expectAnswer(question, young, pruned)
      refused++
    } else if (old.sequence < latest && (young === pruned || isHistory)) {
      // An entity may be told from a later commit on, because of what it is or once was.
      unsure++
    } else if (isHistory) {
      // What was over before the horizon is not told; all else is, as it was.
      const known = new Set(partsOf(old.text))
      expect(partsOf(young).filter((part) => !known.has(part))).toEqual([])
    } else expectAnswer(question, young, old.text)
  }
  return { refused, unsure, kept: before.size - refused - unsure }
}

/** There are so many that `expect` is asked only about those that differ. */
function expectAnswer(question: string, found: string | undefined, expected: string): void {
  if (found !== expected) expect([question, found]).toEqual([question, expected])
}

function partsOf(text: string | undefined): string[] {
  const parts: unknown = JSON.parse(text ?? '[]')
  return Array.isArray(parts) ? parts.map(show) : []
}

describe('compacting', () => {
  it.each(seeds.slice(0, 3))('changes no answer (%s)', async (seed) => {
    await inWorld(seed, async (world) => {
      const words = vocabularyOf(world.database)
      const sequences = sequencesOf(world.database)
      const before = answersOf(world.database, words, sequences)
      const changes = show([...world.database.changes()])
      await atEachStage(world, () => {
        expect(answersOf(world.database, words, sequences)).toEqual(before)
        expect(show([...world.database.changes()])).toBe(changes)
      })
    })
  })
})

describe('pruning', () => {
  it.each(seeds)('keeps every answer from the horizon on (%s)', async (seed) => {
    await inWorld(seed, async (world) => {
      const { random } = world
      const words = vocabularyOf(world.database)
      const sequences = sequencesOf(world.database)
      const before = answersOf(world.database, words, sequences)
      const horizons: Horizon[] = []
      for (let round = 0; round < 2; round++) {
        const system = world.database.commit(1 + random.below(world.database.sequence))?.system
        const choice = choose(random, words)
        const options = { ...choice, before: system, compact: false }
        const report = await world.database.prune(options)
        horizons.push(...report.horizons)
        await atEachStage(world, () => {
          const after = answersOf(world.database, words, sequences)
          const { refused, unsure, kept } = compare(before, after, horizons)
          expect(refused).toBeGreaterThan(0)
          expect(kept).toBeGreaterThan(unsure)
        })
      }
    })
  })

  it('gives back what nobody can see, and goes on after it', async () => {
    await inWorld('going on', async (world) => {
      const { database } = world
      for (let round = 0; round < 300; round++) {
        await database.write((tx) => tx.keys('counter').put('n', round))
      }
      const report = await database.prune({ keyspaces: ['counter'] })
      expect(report.compaction?.versionsDropped).toBeGreaterThanOrEqual(299)
      const { sequence } = database
      await world.writer.steps(database, 10)
      await database.write((tx) => tx.keys('counter').put('n', 'on'))
      const view = database.asOf({ sequence })
      expect(view.keys('counter').get('n')).toBe(299)
      expect(database.keys('counter').get('n')).toBe('on')
    })
  })
})

/** Names of one kind, or everything. */
function choose(random: RandomStream, words: Vocabulary) {
  const some = (names: readonly string[]): string[] => names.filter(() => random.chance(0.5))
  const labels = some(words.labels)
  const types = some(words.types)
  const keyspaces = some([...words.keys.keys()])
  const choice = random.below(4)
  if (choice === 0 && labels.length > 0) return { labels }
  if (choice === 1 && types.length > 0) return { types }
  if (choice === 2 && keyspaces.length > 0) return { keyspaces, labels }
  return {}
}

describe('erasing', () => {
  it.each(seeds)('makes entities as if they had never been (%s)', async (seed) => {
    await inWorld(seed, async (world) => {
      const { random, database } = world
      const words = vocabularyOf(database)
      const sequences = sequencesOf(database)
      const before = answersOf(database, words, sequences)
      const held = database.snapshot()
      const nodes = words.ids.filter((id) => id % 4 === 1 && random.chance(0.3))
      const edges = words.ids.filter((id) => id % 4 === 2 && random.chance(0.2))
      const gone = new Set([...nodes, ...edges])
      for (const id of words.ids.filter((one) => one % 4 === 2)) {
        if (endsOf(database, id).some((end) => gone.has(end))) gone.add(id)
      }
      const [[keyspace, keys] = ['none', []]] = words.keys
      const key = keys[random.below(keys.length)] ?? 'none'
      await database.erase([...nodes, ...edges, { keyspace, key }])
      const isGone = ({ about }: Answer): boolean =>
        ('id' in about && gone.has(about.id)) ||
        ('key' in about && about.keyspace === keyspace && about.key === show(key))
      const check = (): void => {
        const after = answersOf(world.database, words, sequences)
        for (const [question, old] of before) {
          const young = after.get(question)?.text
          const { about } = old
          if (isGone(old)) expectAnswer(question, young, emptyAs(question))
          else if ('id' in about || 'key' in about) expectAnswer(question, young, old.text)
          else if (/^\[\d+,"-?\d+n","(?:nodes|edges|out)"/.test(question)) {
            const isErased = ([id]: unknown[]): boolean => gone.has(Number(id))
            expectAnswer(question, young, without(old.text, isErased))
          } else if ('keyspace' in about) {
            const isErased = (held: { key?: unknown }): boolean =>
              about.keyspace === keyspace && show(held.key) === show(key)
            expectAnswer(question, young, without(old.text, isErased))
          } else if (mentions(young, gone)) expect.unreachable(`${question}: ${young}`)
        }
      }
      for (const id of nodes) expect(held.node(id)).toBeUndefined()
      for (const id of gone) {
        const isNode = id % 4 === 1
        const write = database.write((tx) => tx.put(id, {}))
        await expect(write, isNode ? 'a node' : 'an edge').rejects.toMatchObject({ code: 'Erased' })
      }
      await database.write((tx) => tx.keys(keyspace).put(key, 'again'))
      expect(database.keys(keyspace).get(key)).toBe('again')
      await atEachStage(world, check)
      expect(world.database.keys(keyspace).get(key)).toBe('again')
    })
  })
})

/** Nodes that an edge attaches to, as the first version of it that is told shows it. */
function endsOf(database: Database, id: number): number[] {
  for (let sequence = database.sequence; sequence > 0; sequence--) {
    const [part] = database.asOf({ sequence }).timeline(id)
    if (part === undefined) continue
    const edge = database.asOf({ sequence, valid: part.valid.from ?? BEGINNING }).edge(id)
    return edge === undefined ? [] : [edge.source, edge.target]
  }
  return []
}

function emptyAs(question: string): string {
  return /"(timeline|provenance)"/.test(question) ? '[]' : 'undefined'
}

/** A list of entities, which begin with their ids, or of keys with what they hold, but for some. */
function without<Entry>(text: string, isErased: (entry: Entry) => boolean): string {
  const entries = JSON.parse(text) as Entry[]
  return show(entries.filter((entry) => !isErased(entry)))
}

/** Whether a list of ids has any of these. */
function mentions(text: string | undefined, ids: ReadonlySet<number>): boolean {
  const found: unknown = JSON.parse(text ?? '[]')
  if (!Array.isArray(found)) throw new Error(`no list: ${text}`)
  return found.some((id) => ids.has(Number(id)))
}

describe('a database in memory', () => {
  it('forgets as well', async () => {
    await using database = await open(':memory:', { keyRetention: 'forever' })
    const id = await database.write((tx) => tx.createNode('N', { n: 1 }).id)
    const { sequence } = database
    await database.erase(id)
    expect(database.asOf({ sequence }).node(id)).toBeUndefined()
    await database.write((tx) => tx.keys('k').put('a', 1))
    await database.write((tx) => tx.keys('k').put('a', 2))
    expect((await database.prune({})).horizons).toEqual([])
    expect((await database.prune({ keyspaces: ['k'] })).compaction?.versionsDropped).toBe(1)
  })
})

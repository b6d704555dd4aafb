import { describe, expect, it } from 'vitest'
import { type Database, open, type OpenOptions, type Retention } from 'asofdb'
import { RandomStream } from '../../simulation/random.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { withTimerCount } from '../durability/simulated-database.ts'
import { wait } from '../simulation/simulated-machine.ts'

const path = '/database'
const always = { valid: 'always' } as const

interface World {
  readonly host: SimulatedHost
  readonly database: Database
}

function inWorld(
  seed: string,
  play: (world: World) => Promise<void>,
  options: OpenOptions = {},
): Promise<void> {
  const host = new SimulatedHost({ seed: `key retention ${seed}` })
  return host.run(async () => {
    const database = await open(path, { host, ...options })
    await play({ host, database })
    const { isSound, problems } = await database.verify()
    expect({ isSound, problems }).toEqual({ isSound: true, problems: [] })
    await database.close()
  })
}

function put(database: Database, key: string | number, value: number): Promise<unknown> {
  return database.write((tx) => tx.keys('k').put(key, value))
}

/** Writes to each key `rounds` times, by the thousand. */
async function rewrite(
  database: Database,
  keys: { readonly from: number; readonly to: number; readonly in?: string },
  rounds = 1,
): Promise<void> {
  const { from, to, in: keyspace = 'k' } = keys
  for (let round = 0; round < rounds; round++) {
    for (let start = from; start < to; start += 1000) {
      await database.write((tx) => {
        const end = Math.min(to, start + 1000)
        for (let key = start; key < end; key++) tx.keys(keyspace).put(key, round)
      })
    }
  }
}

function counts(database: Database): { versions: number; superseded: number } {
  const { versions, superseded } = database.stats()
  return { versions: versions.keys, superseded: superseded.keys }
}

function answerOf(ask: () => unknown): unknown {
  try {
    return ask()
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}

describe('what keyspaces keep', () => {
  it('is the present, or what the opening says, or what a rule says', async () => {
    const kept = async (options: OpenOptions, rule: Retention | 'default' | undefined) => {
      const found = { versions: 0, past: undefined as unknown }
      await inWorld(
        'kept',
        async ({ host, database }) => {
          if (rule !== undefined) {
            await database.write((tx) => tx.setRetention({ keyspace: 'k' }, rule))
          }
          const { versions } = counts(database)
          for (const value of [1, 2, 3, 4]) {
            await put(database, 'a', value)
            await wait(host, 1000)
          }
          const { sequence } = database
          await database.prune()
          found.versions = counts(database).versions - versions
          found.past = answerOf(() => database.asOf({ sequence: sequence - 2 }).keys('k').get('a'))
        },
        options,
      )
      return found
    }
    const pruned = 'HistoryPruned'
    expect(await kept({}, undefined)).toEqual({ versions: 1, past: pruned })
    const asDefault = await kept({ keyRetention: 'present' }, undefined)
    expect(asDefault).toEqual({ versions: 1, past: pruned })
    expect(await kept({ keyRetention: 'forever' }, undefined)).toEqual({ versions: 4, past: 2 })
    expect(await kept({ keyRetention: { keepMs: 2500 } }, undefined)).toEqual({
      versions: 3,
      past: 2,
    })
    expect(await kept({}, 'forever')).toEqual({ versions: 4, past: 2 })
    expect(await kept({}, { keepMs: 2500 })).toEqual({ versions: 3, past: 2 })
    expect(await kept({ keyRetention: 'forever' }, 'present')).toEqual({
      versions: 1,
      past: pruned,
    })
    expect(await kept({ keyRetention: { keepMs: 2500 } }, 'default')).toEqual({
      versions: 3,
      past: 2,
    })
  })

  it('is listed: rules, which are stored, and what holds for others, which is not', async () => {
    const host = new SimulatedHost({ seed: 'listed' })
    await host.run(async () => {
      const database = await open(path, { host })
      await database.write((tx) => {
        tx.setRetention({ keyspace: 'a' }, 'forever')
        tx.setRetention({ keyspace: 'b' }, { keepMs: 5 })
        tx.setRetention({ keyspace: 'c' }, 'present')
        tx.setRetention({ label: 'L' }, 'forever')
      })
      const rules = [
        { of: { keyspace: 'a' }, keep: 'forever' },
        { of: { keyspace: 'b' }, keep: { keepMs: 5 } },
        { of: { keyspace: 'c' }, keep: 'present' },
      ]
      expect(database.retention()).toEqual([...rules, { of: 'other keyspaces', keep: 'present' }])
      await database.close()
      const again = await open(path, { host, keyRetention: { keepMs: 7 } })
      const others = { of: 'other keyspaces', keep: { keepMs: 7 } }
      expect(again.retention()).toEqual([...rules, others])
      await again.write((tx) => tx.setRetention({ keyspace: 'a' }, 'default'))
      expect(again.retention()).toEqual([...rules.slice(1), others])
      await again.close()
      const keyRetention = 'never' as 'forever'
      const opening = open(path, { host, keyRetention })
      await expect(opening).rejects.toMatchObject({ code: 'InvalidArgument' })
    })
  })

  it('does not concern nodes, edges and the definitions of the database', async () => {
    await inWorld('others', async ({ database }) => {
      for (const value of [1, 2, 3]) {
        await database.write((tx) => {
          if (value === 1) tx.createNode('N', { value }, always)
          else tx.put(1, { value }, always)
          if (value === 2) tx.dropIndex('N', 'value')
          else tx.createIndex('N', 'value')
        })
      }
      expect(await database.prune()).toMatchObject({ sequence: undefined, horizons: [] })
      expect(database.stats().versions).toEqual({ nodes: 3, edges: 0, keys: 3 })
      expect(database.asOf({ sequence: 1 }).node(1)?.get('value')).toBe(1)
    })
  })

  it('is no matter of keyspaces in which nothing was replaced', async () => {
    await inWorld('unchanged', async ({ database }) => {
      await database.write((tx) => tx.keys('calm').put('a', 1))
      await put(database, 'a', 1)
      await put(database, 'a', 2)
      const { horizons } = await database.prune()
      expect(horizons).toEqual([{ of: { keyspace: 'k' }, sequence: 3 }])
      expect(database.asOf({ sequence: 1 }).keys('calm').get('a')).toBe(1)
    })
  })
})

describe('exact counts after reclaiming', () => {
  it('one version for each key that is there, none for one that is not', async () => {
    await inWorld('mixed deletes', async ({ database }) => {
      await rewrite(database, { from: 0, to: 100 }, 3)
      await database.write((tx) => {
        for (let key = 0; key < 60; key++) tx.keys('k').delete(key)
      })
      await rewrite(database, { from: 50, to: 55 })
      expect(counts(database)).toEqual({ versions: 365, superseded: 265 })
      const { compaction } = await database.prune()
      expect(compaction).toMatchObject({ versionsDropped: 320, versionsKept: 45 })
      expect(counts(database)).toEqual({ versions: 45, superseded: 0 })
      const found = database.keys('k').range().toArray()
      expect(found.map(({ key }) => key)).toEqual([
        50,
        51,
        52,
        53,
        54,
        ...Array.from({ length: 40 }, (_, at) => 60 + at),
      ])
    })
  })

  it('nothing where all keys are deleted, and in an empty database', async () => {
    await inWorld('only deleted', async ({ database }) => {
      expect(await database.prune()).toMatchObject({ sequence: undefined, compaction: undefined })
      await rewrite(database, { from: 0, to: 50 }, 2)
      await database.write((tx) => tx.keys('k').clear())
      await database.prune()
      expect(counts(database)).toEqual({ versions: 0, superseded: 0 })
      expect(await database.prune()).toMatchObject({ sequence: undefined, horizons: [] })
      await put(database, 7, 7)
      expect(database.keys('k').get(7)).toBe(7)
    })
  })

  it('what was valid in the past stays', async () => {
    await inWorld('valid time', async ({ database }) => {
      for (const value of [0, 1, 2]) {
        const validFrom = `${2020 + value}-01-01`
        await database.write((tx) => tx.keys('k').put('a', value + 1, { validFrom }))
      }
      await database.write((tx) => tx.keys('k').put('a', 4, { validFrom: '2021-01-01' }))
      await database.prune()
      expect(counts(database).versions).toBe(2)
      const at = (valid: string) => database.asOf({ valid }).keys('k').get('a')
      expect([at('2020-05-05'), at('2021-05-05'), at('2023-05-05')]).toEqual([1, 4, 4])
    })
  })

  it('a thousand commits on ten keys leave ten versions, deletes of absent keys none', async () => {
    const database = await open(':memory:')
    for (let at = 0; at < 1000; at++) await put(database, at % 10, at)
    expect(counts(database)).toEqual({ versions: 1000, superseded: 990 })
    expect(database.stats().transactions.open).toBe(0)
    await database.prune()
    expect(counts(database)).toEqual({ versions: 10, superseded: 0 })
    for (let key = 100; key < 1100; key++) {
      await database.write((tx) => tx.keys('k').delete(key))
    }
    expect(counts(database)).toEqual({ versions: 10, superseded: 0 })
    await database.close()
  })
})

describe('a reader', () => {
  it('keeps its value when its snapshot is not the commit that wrote the key', async () => {
    await inWorld('floor', async ({ database }) => {
      await put(database, 'k', 1)
      await put(database, 'other', 1)
      const between = database.snapshot()
      const reading = database.begin({ readonly: true })
      await put(database, 'k', 2)
      await database.prune()
      await put(database, 'k', 3)
      await database.write((tx) => tx.keys('k').delete('k'))
      await database.prune()
      await database.compact()
      expect(between.keys('k').get('k')).toBe(1)
      expect(reading.keys('k').get('k')).toBe(1)
      expect(between.keys('k').range().toArray()).toEqual([
        { key: 'k', value: 1 },
        { key: 'other', value: 1 },
      ])
      expect(database.keys('k').get('k')).toBeUndefined()
      expect(counts(database)).toEqual({ versions: 1, superseded: 0 })
      reading.cancel()
    })
  })

  it('of any commit keeps all it saw, whatever is reclaimed when', async () => {
    await inWorld('all floors', async ({ database }) => {
      const random = new RandomStream('floors')
      const snapshots = []
      for (let round = 0; round < 120; round++) {
        await database.write((tx) => {
          const keys = tx.keys('k')
          if (random.chance(0.3)) keys.delete(random.below(6))
          else keys.put(random.below(6), round)
        })
        const snapshot = database.snapshot()
        snapshots.push({ snapshot, seen: snapshot.keys('k').range().toArray() })
        if (random.chance(0.1)) await database.prune()
        if (random.chance(0.05)) await database.compact()
      }
      for (const { snapshot, seen } of snapshots) {
        expect(snapshot.keys('k').range().toArray()).toEqual(seen)
      }
    })
  })

  it('within the length of time that is kept sees what was written before it', async () => {
    await inWorld(
      'left edge',
      async ({ host, database }) => {
        await put(database, 'a', 1)
        await wait(host, 1000)
        const edge = BigInt(host.clock.wallMicros())
        await wait(host, 100)
        await put(database, 'a', 2)
        await put(database, 'a', 3)
        await database.prune()
        const at = database.asOf({ system: edge })
        expect(at.keys('k').get('a')).toBe(1)
        expect(counts(database).versions).toBe(3)
        await wait(host, 300)
        await database.prune()
        expect(counts(database).versions).toBe(1)
        expect(answerOf(() => database.asOf({ system: edge }).keys('k').get('a'))).toBe(
          'HistoryPruned',
        )
      },
      { keyRetention: { keepMs: 300 } },
    )
  })
})

describe('in the background', () => {
  it('keys that are new make no work, however many', async () => {
    await inWorld('load', async ({ host, database }) => {
      await rewrite(database, { from: 0, to: 40_000 })
      await wait(host, 1000)
      expect(database.stats().compaction.count).toBe(0)
      expect(database.sequence).toBe(40)
    })
  })

  it('reclaims when as much can go as stays, not before', async () => {
    await inWorld('due', async ({ host, database }) => {
      const live = 12_000
      await rewrite(database, { from: 0, to: live })
      await rewrite(database, { from: 0, to: live - 1 })
      await wait(host, 1000)
      expect(counts(database)).toEqual({ versions: 2 * live - 1, superseded: live - 1 })
      await put(database, 0, 2)
      await wait(host, 1000)
      expect(counts(database)).toEqual({ versions: live, superseded: 0 })
      expect(database.stats().compaction).toMatchObject({ count: 1, horizons: 1 })
    })
  })

  it('counts of a key that is gone both what it held and that it is gone', async () => {
    await inWorld('gone', async ({ host, database }) => {
      const live = 12_000
      await rewrite(database, { from: 0, to: live })
      const pass = async (from: number, to: number): Promise<void> => {
        await rewrite(database, { from, to, in: 'queue' })
        await database.write((tx) => tx.keys('queue').clear())
        await wait(host, 1000)
      }
      await pass(0, live / 2 - 1)
      expect(database.stats().compaction.count).toBe(0)
      await pass(live / 2 - 1, live / 2)
      expect(database.stats().compaction.count).toBe(1)
      expect(counts(database)).toEqual({ versions: live, superseded: 0 })
    })
  })

  it('keeps a hot counter small, and a queue whose keys are gone', async () => {
    await inWorld('hot', async ({ host, database }) => {
      await rewrite(database, { from: 0, to: 10 }, 1)
      for (let round = 0; round < 25; round++) {
        const from = round * 1000
        await rewrite(database, { from, to: from + 1000, in: 'queue' })
        await database.write((tx) => {
          for (let key = 0; key < 1000; key++) tx.keys('k').put(key % 10, round)
          tx.keys('queue').clear()
        })
        await wait(host, 100)
      }
      const { compaction, versions } = database.stats()
      expect(compaction.count).toBeGreaterThan(1)
      expect(versions.keys).toBeLessThan(25_000)
      expect(database.keys('queue').range().count()).toBe(0)
      expect(database.keys('k').get(3)).toBe(24)
    })
  })

  it('leaves alone what is kept for ever, and counts what it may take beside it', async () => {
    await inWorld('beside', async ({ host, database }) => {
      await database.write((tx) => tx.setRetention({ keyspace: 'ledger' }, 'forever'))
      await rewrite(database, { from: 0, to: 1000, in: 'ledger' }, 30)
      await wait(host, 1000)
      expect(database.stats().compaction.count).toBe(0)
      await rewrite(database, { from: 0, to: 1000 }, 12)
      await wait(host, 1000)
      // Twelve thousand versions could go, beside thirty thousand that stay.
      expect(database.stats().compaction.count).toBe(0)
      await rewrite(database, { from: 0, to: 1000 }, 25)
      await wait(host, 1000)
      const { compaction, versions } = database.stats()
      expect(compaction).toMatchObject({ count: 1, horizons: 1 })
      expect(versions.keys).toBeGreaterThan(30_000)
      expect(versions.keys).toBeLessThan(40_000)
      expect(database.asOf({ sequence: 2 }).keys('ledger').get(5)).toBe(0)
    })
  })

  it('takes labels and types by their rules only', async () => {
    await inWorld('graph', async ({ host, database }) => {
      const nodes = await database.write((tx) => {
        tx.setRetention({ label: 'Session' }, 'present')
        return ['Session', 'Person'].map((label) => tx.createNode(label, { at: 0 }, always).id)
      })
      for (let round = 1; round <= 24; round++) {
        await database.write((tx) => {
          for (const id of nodes) {
            for (let at = 0; at < 500; at++) tx.put(id, { at: round * 500 + at }, always)
          }
        })
        await wait(host, 100)
      }
      // Half of the versions are of persons, of whom everything is kept.
      const before = database.stats().compaction.count
      expect(before).toBeLessThanOrEqual(1)
      await database.prune()
      expect(database.stats().versions.nodes).toBe(database.stats().superseded.nodes + 2)
      const [session = 0, person = 0] = nodes
      expect(database.provenance(session)).toHaveLength(1)
      expect(database.provenance(person).length).toBeGreaterThan(1)
    })
  })

  it('does not try again and again where nothing can go', async () => {
    await inWorld('series', async ({ host, database }) => {
      const day = 86_400_000_000n
      for (let batch = 0; batch < 40; batch++) {
        await database.write((tx) => {
          for (let at = 0; at < 1000; at++) {
            const from = BigInt(batch * 1000 + at) * day
            const period = { validFrom: from, validTo: from + day }
            tx.keys('k').put('temperature', at, period)
          }
        })
      }
      await wait(host, 1000)
      expect(counts(database).superseded).toBe(39_999)
      expect(database.stats().compaction.count).toBe(0)
    })
  })

  it('a length of time is looked at with later writes, and idleness costs nothing', async () => {
    const machine = new SimulatedHost({ seed: 'idle' })
    const { host, pending } = withTimerCount(machine)
    await machine.run(async () => {
      const database = await open(path, { host, keyRetention: { keepMs: 60_000 } })
      const timers = pending()
      await rewrite(database, { from: 0, to: 1000 }, 12)
      await wait(machine, 50_000)
      expect(database.stats().compaction.count).toBe(0)
      await wait(machine, 3_600_000)
      expect(database.stats().compaction.count).toBe(0)
      expect(pending()).toBe(timers)
      await rewrite(database, { from: 0, to: 1000 })
      await wait(machine, 1000)
      expect(database.stats().compaction.count).toBe(1)
      expect(counts(database)).toEqual({ versions: 2000, superseded: 1000 })
      await database.close()
    })
  })

  it('is noticed after a rule that lets go what was kept', async () => {
    await inWorld(
      'rule later',
      async ({ host, database }) => {
        await rewrite(database, { from: 0, to: 1000 }, 30)
        await wait(host, 1000)
        expect(database.stats().compaction.count).toBe(0)
        await database.write((tx) => tx.setRetention({ keyspace: 'k' }, 'present'))
        await rewrite(database, { from: 0, to: 1000 }, 1)
        await wait(host, 1000)
        expect(counts(database)).toEqual({ versions: 1001, superseded: 0 })
      },
      { keyRetention: 'forever' },
    )
  })

  it('a transaction that is open for long meanwhile runs again', async () => {
    await inWorld('open', async ({ host, database }) => {
      let runs = 0
      const slow = database.write(async (tx) => {
        runs++
        const value = Number(tx.keys('k').get('slow') ?? 0)
        if (runs === 1) await wait(host, 5000)
        tx.keys('k').put('slow', value + 1)
      })
      await rewrite(database, { from: 0, to: 100 }, 120)
      await slow
      expect(runs).toBe(2)
      expect(database.stats().compaction.count).toBe(1)
      expect(database.keys('k').get('slow')).toBe(1)
    })
  })

  it('leaves every key as it was at a crash in its midst, and after it', async () => {
    let reclaimed = 0
    for (let crash = 0; crash < 12; crash++) {
      const random = new RandomStream(`crash ${crash}`)
      let machine = new SimulatedHost({ seed: `reclaim and crash ${crash}` })
      const model = new Map<number, number>()
      for (let life = 0; life < 2; life++) {
        await machine.run(async () => {
          const database = await open(path, { host: machine, checkpointLogBytes: 100_000 })
          expect(database.keys('k').range().toArray()).toEqual(
            [...model].sort(([a], [b]) => a - b).map(([key, value]) => ({ key, value })),
          )
          for (let round = 0; round < 12; round++) {
            const drawn = Array.from({ length: 1200 }, () => random.below(300))
            await database.write((tx) => {
              for (const key of drawn) {
                if (key % 7 === round % 7) tx.keys('k').delete(key)
                else tx.keys('k').put(key, round)
              }
            })
            for (const key of drawn) {
              if (key % 7 === round % 7) model.delete(key)
              else model.set(key, round)
            }
          }
          await wait(machine, random.pick([0, 0.5, 1, 2, 5, 10, 30]))
          reclaimed += database.stats().compaction.count
        })
        machine = machine.crash({ mode: random.pick(['none-kept', 'all-kept']) })
      }
    }
    expect(reclaimed).toBeGreaterThan(3)
  })
})

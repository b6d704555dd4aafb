import { queryObjects } from 'node:v8'
import { describe, expect, it } from 'vitest'
import { type CommitRecord, type Database, Instant, open, type Watch } from 'asofdb'
import { Tables } from '../../packages/asofdb/src/versions/tables.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { openOn, withTimerCount } from '../durability/simulated-database.ts'
import { wait } from '../simulation/simulated-machine.ts'
import { hostWith } from '../transfer/host-with-files.ts'

const always = { valid: 'always' } as const

function inWorld(seed: string, play: (host: SimulatedHost) => Promise<void>): Promise<void> {
  const host = new SimulatedHost({ seed: `watch ${seed}` })
  return host.run(() => play(host))
}

function put(database: Database, key: string, value: number): Promise<unknown> {
  return database.write((tx) => tx.keys('k').put(key, value))
}

async function take(watch: Watch, count: number): Promise<CommitRecord[]> {
  const records: CommitRecord[] = []
  while (records.length < count) {
    const { value } = await watch.next()
    if (value === undefined) break
    records.push(value)
  }
  return records
}

/** Everything there is at present. */
async function takeAll(database: Database, watch: Watch): Promise<CommitRecord[]> {
  const records: CommitRecord[] = []
  for (;;) {
    const next = watch.next()
    const first = await Promise.race([next, wait(machineOf(database), 5)])
    if (first?.value === undefined) break
    records.push(first.value)
  }
  await watch.return()
  return records
}

const machines = new WeakMap<Database, SimulatedHost>()

function machineOf(database: Database): SimulatedHost {
  const host = machines.get(database)
  if (host === undefined) throw new Error('opened elsewhere')
  return host
}

async function openWatched(host: SimulatedHost): Promise<Database> {
  const database = await open('/database', { host, keyRetention: 'forever' })
  machines.set(database, host)
  return database
}

/** Lets what was begun go as far as it can by itself. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

describe('what is watched', () => {
  async function story(database: Database): Promise<void> {
    await database.write((tx) => {
      tx.keys('mail').put('ada', 1)
      tx.keys('mail').put('bob', 2)
      tx.keys('other').put('ada', 3)
    })
    await database.write((tx) => {
      const ada = tx.createNode('Person', { name: 'Ada' }, always)
      const bob = tx.createNode('Dog', { name: 'Bob' }, always)
      tx.createEdge(ada, 'KNOWS', bob, {}, always)
      tx.createEdge(bob, 'BITES', ada, {}, always)
    })
    await database.write((tx) => tx.patch(1, {}, { ...always, labels: { remove: ['Person'] } }))
    await database.write((tx) => tx.patch(1, { name: 'A.' }, always))
    await database.write((tx) => tx.keys('mail').delete('bob'))
    await database.write((tx) => tx.delete(5, { ...always, detach: true }))
  }

  it('is one of keys, a label, a type, entities, or everything', async () => {
    await inWorld('selections', async (host) => {
      const database = await openWatched(host)
      await story(database)
      const told = async (selection?: Parameters<Database['watch']>[0]) => {
        const records = await takeAll(database, database.watch(selection, { after: 0 }))
        return records.map(({ sequence, events }) => [sequence, ...events.map(({ id }) => id)])
      }
      const bob = 7
      expect(await told({ keyspace: 'mail' })).toEqual([
        [1, 3, bob],
        [5, bob],
      ])
      expect(await told({ keyspace: 'mail', prefix: 'a' })).toEqual([[1, 3]])
      expect(await told({ keyspace: 'mail', gt: 'ada' })).toEqual([
        [1, bob],
        [5, bob],
      ])
      expect(await told({ keyspace: 'mail', gte: 'ada', lt: 'bob' })).toEqual([[1, 3]])
      expect(await told({ keyspace: 'nothing' })).toEqual([])
      // Commit 3 takes the label away: the node had it before. Commit 4 is of a node without it.
      expect(await told({ label: 'Person' })).toEqual([
        [2, 1],
        [3, 1],
      ])
      expect(await told({ label: 'Dog' })).toEqual([
        [2, 5],
        [6, 5],
      ])
      expect(await told({ type: 'KNOWS' })).toEqual([
        [2, 2],
        [6, 2],
      ])
      expect(await told({ id: 1 })).toEqual([[2, 1], [3, 1], [4, 1]])
      expect(await told({ ids: [5, bob] })).toEqual([[1, bob], [2, 5], [5, bob], [6, 5]])
      const all = await takeAll(database, database.watch(undefined, { after: 0 }))
      expect(all).toEqual([...database.changes()])
      await database.close()
    })
  })

  it('includes what was erased, of which only ids are left', async () => {
    await inWorld('erased', async (host) => {
      const database = await openWatched(host)
      await story(database)
      const watches = [{ label: 'Dog' }, { type: 'KNOWS' }, { id: 1 }, { keyspace: 'mail' }].map(
        (selection) => database.watch(selection),
      )
      await database.erase([1, { keyspace: 'mail', key: 'ada' }])
      const erased = await Promise.all(
        watches.map(async (watch) => (await watch.next()).value?.erased),
      )
      expect(erased).toEqual([[1], [2], [1], [3]])
      await database.close()
    })
  })

  it('is refused where it makes no sense, with its code', async () => {
    const database = await open(':memory:')
    await put(database, 'a', 1)
    const refused = [
      {},
      { keyspace: '' },
      { keyspace: 'asof:schema' },
      { label: 7 },
      { label: 'A', type: 'B' },
      { label: 'A', gte: 'b' },
      { keyspace: 'k', limit: 3 },
      { ids: [] },
      { id: 4 },
      { id: '1' },
      { colour: 'red' },
      null,
      'everything',
    ]
    for (const selection of refused) {
      const start = () => database.watch(selection as unknown as { label: string })
      expect(start, JSON.stringify(selection)).toThrow(
        expect.objectContaining({ code: 'InvalidArgument' }),
      )
    }
    expect(() => database.watch({ keyspace: 'k', gte: {} as unknown as string })).toThrow(
      expect.objectContaining({ code: 'InvalidKey' }),
    )
    for (const after of [-1, 0.5, 2, Number.NaN]) {
      expect(() => database.watch(undefined, { after })).toThrow(
        expect.objectContaining({ code: 'InvalidArgument' }),
      )
    }
    await database.close()
    expect(() => database.watch()).toThrow(expect.objectContaining({ code: 'Closed' }))
  })
})

describe('waiting', () => {
  it('begins at the call and wakes at each commit, without a timer', async () => {
    await inWorld('idle', async (machine) => {
      const { host, pending } = withTimerCount(machine)
      const database = await openOn(host, { durability: 'sync' })
      await put(database, 'before', 0)
      const watch = database.watch({ keyspace: 'k' })
      await put(database, 'a', 1)
      const before = pending()
      expect((await watch.next()).value?.sequence).toBe(2)
      const next = watch.next()
      await wait(machine, 3_600_000)
      expect(pending()).toBe(before)
      const [record] = await Promise.all([next, put(database, 'b', 2)])
      expect(record.value).toMatchObject({ sequence: 3, events: [{ key: 'b', value: 2 }] })
      expect(watch.sequence).toBe(3)
      await database.close()
    })
  })

  it('several that wait at once get one commit each, in order', async () => {
    const database = await open(':memory:')
    const watch = database.watch()
    const nexts = Promise.all([watch.next(), watch.next(), watch.next()])
    for (const value of [1, 2, 3]) await put(database, 'a', value)
    expect((await nexts).map(({ value }) => value?.sequence)).toEqual([1, 2, 3])
    await database.close()
  })

  it.each(['sync', 'interval', 'os', 'checkpoint'] as const)(
    'tells of a commit when it is acknowledged, not before (%s)',
    async (durability) => {
      await inWorld(durability, async (machine) => {
        let release: (() => void) | undefined
        const gate = new Promise<void>((resolve) => (release = resolve))
        let isHeld = false
        const host = hostWith(machine, {
          files: {
            open: async (name, mode) => {
              const file = await machine.files.open(name, mode)
              const syncData = async () => {
                if (isHeld) await gate
                await file.syncData()
              }
              return new Proxy(file, {
                get: (target, member) => {
                  if (member === 'syncData') return syncData
                  const found: unknown = Reflect.get(target, member)
                  return typeof found === 'function' ? found.bind(target) : found
                },
              })
            },
          },
        })
        const database = await openOn(host, { durability })
        const watch = database.watch()
        const told: number[] = []
        const watching = take(watch, 2).then((records) =>
          records.map(({ sequence }) => told.push(sequence)),
        )
        isHeld = true
        // What is so long is not synced in the turn of its commit.
        const value = 'x'.repeat(200_000)
        const write = () => database.write((tx) => tx.keys('k').put('a', value))
        const writing = Promise.all([write(), write()])
        await wait(machine, 1000)
        const isSynced = durability === 'sync'
        expect(database.stats().appliedSequence).toBe(2)
        expect([database.sequence, told]).toEqual(isSynced ? [0, []] : [2, [1, 2]])
        release?.()
        await Promise.all([writing, watching])
        expect(told).toEqual([1, 2])
        await database.close()
      })
    },
  )

  it('lets others have their turn while it passes over many commits', async () => {
    await inWorld('turns', async (machine) => {
      let turns = 0
      const host = hostWith(machine, {
        timers: {
          after: (delayMs, task) => machine.timers.after(delayMs, task),
          yieldTurn: () => {
            turns++
            return machine.timers.yieldTurn()
          },
        },
      })
      const database = await openOn(host, { durability: 'memory' })
      for (let value = 0; value < 2000; value++) await put(database, 'a', value)
      const before = turns
      const watch = database.watch({ keyspace: 'rare' }, { after: 0 })
      const next = watch.next()
      await wait(machine, 1)
      expect(turns - before).toBe(Math.floor(2000 / 256))
      await database.write((tx) => tx.keys('rare').put('a', 1))
      expect((await next).value?.sequence).toBe(2001)
      await database.close()
    })
  })
})

describe('ending', () => {
  it('is quiet by return and break, also for who waits', async () => {
    const database = await open(':memory:')
    const watch = database.watch()
    const waiting = [watch.next(), watch.next()]
    await turn()
    await watch.return()
    expect(await Promise.all(waiting)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ])
    expect(await watch.next()).toEqual({ done: true, value: undefined })
    const other = database.watch()
    await put(database, 'a', 1)
    for await (const { sequence } of other) {
      expect(sequence).toBe(1)
      break
    }
    expect(await other.next()).toEqual({ done: true, value: undefined })
    await database.close()
  })

  it('is Closed when the database is closed, once', async () => {
    const database = await open(':memory:')
    const [waiting, behind] = [database.watch(), database.watch()]
    await put(database, 'a', 1)
    await waiting.next()
    const failed = waiting.next().then(String, (error: unknown) => error)
    await turn()
    await database.close()
    expect(await failed).toMatchObject({ code: 'Closed' })
    await expect(behind.next()).rejects.toMatchObject({ code: 'Closed' })
    expect(behind.sequence).toBe(0)
    expect(await behind.next()).toEqual({ done: true, value: undefined })
  })

  it('is the reason of the signal when that is given, before or while waiting', async () => {
    const database = await open(':memory:')
    const reason = new Error('enough')
    const early = database.watch(undefined, { signal: AbortSignal.abort(reason) })
    await expect(early.next()).rejects.toBe(reason)
    const controller = new AbortController()
    const watch = database.watch(undefined, { signal: controller.signal })
    const failed = watch.next().then(String, (error: unknown) => error)
    await turn()
    controller.abort(reason)
    expect(await failed).toBe(reason)
    expect(await watch.next()).toEqual({ done: true, value: undefined })
    await database.close()
  })
})

describe('what was pruned', () => {
  it('is refused by the call where it concerns what is watched, and only there', async () => {
    await inWorld('resumed', async (host) => {
      const database = await openWatched(host)
      for (const value of [1, 2, 3]) {
        await put(database, 'a', value)
        await database.write((tx) => {
          if (value === 1) tx.createNode('N', { value }, always)
          else tx.put(1, { value }, always)
        })
      }
      await database.prune({ keyspaces: ['k'], before: database.commit(5)?.system })
      const refused = expect.objectContaining({ code: 'HistoryPruned' })
      for (const selection of [undefined, { keyspace: 'k' }, { id: 3 }]) {
        expect(() => database.watch(selection, { after: 4 })).toThrow(refused)
        database.watch(selection, { after: 5 })
      }
      for (const selection of [{ label: 'N' }, { id: 1 }, { type: 'T' }, { keyspace: 'other' }]) {
        database.watch(selection, { after: 0 })
      }
      expect(await takeAll(database, database.watch({ id: 1 }, { after: 0 }))).toHaveLength(3)
      await database.close()
    })
  })

  it('is refused of a key of which nothing is left', async () => {
    const database = await open(':memory:')
    await put(database, 'a', 1)
    await database.write((tx) => tx.keys('k').delete('a'))
    await database.prune({ keyspaces: ['k'] })
    expect(() => database.watch({ id: 3 }, { after: 1 })).toThrow(
      expect.objectContaining({ code: 'HistoryPruned' }),
    )
    await database.close()
  })

  it('still comes to a watch that was under way, but not two compactions later', async () => {
    await inWorld('behind', async (host) => {
      const database = await openWatched(host)
      const [one, two] = [database.watch({ keyspace: 'k' }), database.watch({ keyspace: 'k' })]
      const values = async (watch: Watch, count: number) =>
        (await take(watch, count)).map(({ events }) => events[0]?.value)
      for (const value of [1, 2, 3, 4]) await put(database, 'a', value)
      expect(await values(one, 1)).toEqual([1])
      const { sequence } = await database.prune({ keyspaces: ['k'] })
      expect(sequence).toBe(5)
      await put(database, 'a', 5)
      expect(await values(one, 4)).toEqual([2, 3, 4, 5])
      for (const value of [6, 7, 8]) await put(database, 'a', value)
      expect(await values(two, 4)).toEqual([1, 2, 3, 4])
      await database.prune({ keyspaces: ['k'] })
      await put(database, 'a', 9)
      // The first had the tables of its time to go on with; the second still had those before.
      expect(await values(one, 4)).toEqual([6, 7, 8, 9])
      await expect(two.next()).rejects.toMatchObject({ code: 'HistoryPruned' })
      await database.close()
    })
  })
})

describe('memory', () => {
  /** Objects that are reachable. */
  async function count(made: typeof Instant | typeof Tables): Promise<number> {
    // What a weak reference has shown is held to the end of the turn.
    await turn()
    return queryObjects(made as unknown as new () => object, { format: 'count' })
  }

  it('holds nothing for a reader that is slow', async () => {
    const database = await open(':memory:', { keyRetention: 'forever' })
    const watch = database.watch()
    await put(database, 'a', 0)
    await watch.next()
    const before = await count(Instant)
    for (let value = 1; value <= 3000; value++) await put(database, 'a', value)
    expect((await count(Instant)) - before).toBeLessThan(10)
    expect(await take(watch, 3000)).toHaveLength(3000)
    await database.close()
  })

  it('holds tables that were replaced until they are read to their end, or by nobody', async () => {
    const database = await open(':memory:')
    const tables = await count(Tables)
    const watches = [database.watch(), database.watch()] as const
    let abandoned: Watch | undefined = database.watch()
    expect(abandoned.sequence).toBe(0)
    for (let value = 1; value <= 20; value++) await put(database, 'a', value)
    await database.prune({ keyspaces: ['k'] })
    expect(await count(Tables)).toBe(tables + 1)
    abandoned = undefined
    expect(await take(watches[0], 21)).toHaveLength(21)
    expect(await count(Tables)).toBe(tables + 1)
    await watches[1].return()
    expect(await count(Tables)).toBe(tables)
    await database.close()
  })
})

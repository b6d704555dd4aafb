import { describe, expect, it } from 'vitest'
import { type Database, type DatabaseError, open, type OpenOptions, restore } from 'asofdb'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { wait } from '../simulation/simulated-machine.ts'
import { hostWith } from '../transfer/host-with-files.ts'

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
  const host = new SimulatedHost({ seed })
  return host.run(async () => {
    const database = await open(path, { host, ...options })
    await play({ host, database })
    const { isSound, problems } = await database.verify()
    expect({ isSound, problems }).toEqual({ isSound: true, problems: [] })
    await database.close()
  })
}

/** A counter in a keyspace, and a node whose name is corrected each time. */
async function count(database: Database, from: number, to: number): Promise<void> {
  for (let round = from; round <= to; round++) {
    await database.write((tx) => {
      if (round === 1) tx.createNode('N', { round }, always)
      else tx.put(1, { round }, always)
      tx.keys('counter').put('n', round)
    })
  }
}

function codeOf(ask: () => unknown): string | undefined {
  try {
    ask()
    return undefined
  } catch (error) {
    return (error as DatabaseError).code
  }
}

describe('what is made from a database that has forgotten', () => {
  it('is refused below a horizon, and has the horizons', async () => {
    await inWorld('restore', async ({ host, database }) => {
      await count(database, 1, 6)
      await database.prune({ keyspaces: ['counter'], before: database.commit(4)?.system })
      const fork = database.fork('/early', { toSequence: 3 })
      await expect(fork).rejects.toMatchObject({ code: 'HistoryPruned' })
      const { sequence } = await database.fork('/fork', { toSequence: 4 })
      expect(sequence).toBe(4)
      await database.backup('/backup')
      const early = restore('/backup', '/early', { host, toSequence: 3 })
      await expect(early).rejects.toMatchObject({ code: 'HistoryPruned' })
      await restore('/backup', '/restored', { host, toSequence: 5 })
      for (const [place, last] of [
        ['/fork', 4],
        ['/restored', 5],
        ['/backup', 7],
      ] as const) {
        const copy = await open(place, { host })
        expect(copy.sequence).toBe(last)
        const keysAt = (at: number) => copy.asOf({ sequence: at }).keys('counter')
        expect(keysAt(4).get('n')).toBe(4)
        expect(codeOf(() => keysAt(3).get('n'))).toBe('HistoryPruned')
        await copy.close()
      }
    })
  })

  it('knows what was erased', async () => {
    await inWorld('fork erased', async ({ host, database }) => {
      await count(database, 1, 3)
      await database.erase(1)
      await database.fork('/fork')
      const fork = await open('/fork', { host })
      expect(fork.asOf({ sequence: 2 }).node(1)).toBeUndefined()
      const write = fork.write((tx) => tx.put(1, { round: 0 }))
      await expect(write).rejects.toMatchObject({ code: 'Erased' })
      const next = await fork.write((tx) => tx.createNode('N').id)
      expect(next).toBe(5)
      await fork.close()
    })
  })
})

describe('a snapshot', () => {
  it('made before a prune answers below the horizon until it is let go', async () => {
    await inWorld('pinned', async ({ database }) => {
      await count(database, 1, 5)
      const pinned = database.snapshot()
      const early = database.asOf({ sequence: 2, valid: 0n })
      await count(database, 6, 8)
      await database.prune()
      await database.prune({ before: database.commit(7)?.system })
      const ask = () =>
        [pinned, early].map((view) => [view.node(1)?.get('round'), view.keys('counter').get('n')])
      const answers = [
        [5, 5],
        [2, 2],
      ]
      expect(ask()).toEqual(answers)
      await database.compact()
      await count(database, 9, 9)
      expect(ask()).toEqual(answers)
      expect(pinned.provenance(1).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5])
      expect(pinned.keys('counter').provenance('n').length).toBe(5)
      expect(codeOf(() => database.asOf({ sequence: 5 }).node(1))).toBe('HistoryPruned')
    })
  })

  it('made before an erasure shows nothing of what was erased', async () => {
    await inWorld('pinned erased', async ({ database }) => {
      await count(database, 1, 3)
      const pinned = database.snapshot()
      await database.compact()
      const younger = database.snapshot()
      expect([pinned, younger].map((view) => view.node(1)?.get('round'))).toEqual([3, 3])
      await database.erase([1, { keyspace: 'counter', key: 'n' }])
      for (const view of [pinned, younger]) {
        expect(view.node(1)).toBeUndefined()
        expect([view.timeline(1), view.provenance(1)]).toEqual([[], []])
        expect([...view.nodes('N')]).toEqual([])
        expect(view.keys('counter').get('n')).toBeUndefined()
      }
    })
  })
})

describe('a transaction that is open while tables are made anew', () => {
  it('commits when it ends within a second', async () => {
    await inWorld('short', async ({ host, database }) => {
      await count(database, 1, 20)
      const open = database.begin()
      const compaction = database.compact()
      await wait(host, 500)
      open.keys('counter').put('n', 'short')
      await open.commit()
      const report = await compaction
      expect(report.sequence).toBe(21)
      expect(database.keys('counter').get('n')).toBe('short')
    })
  })

  it('meets Conflict when it is open for longer', async () => {
    await inWorld('long', async ({ database }) => {
      await count(database, 1, 20)
      const open = database.begin()
      open.keys('counter').put('n', 'long')
      await database.compact()
      await expect(open.commit()).rejects.toMatchObject({ code: 'Conflict' })
      expect(database.keys('counter').get('n')).toBe(20)
    })
  })

  it('runs again, when it is one of write', async () => {
    await inWorld('again', async ({ host, database }) => {
      await count(database, 1, 20)
      let runs = 0
      const writing = database.write(async (tx) => {
        runs++
        const round = Number(tx.keys('counter').get('n'))
        await wait(host, runs === 1 ? 3000 : 0)
        tx.keys('counter').put('n', round + 1)
      })
      const report = await database.compact()
      await writing
      expect([runs, report.sequence]).toEqual([2, 20])
      expect(database.keys('counter').get('n')).toBe(21)
    })
  })

  it('meets Conflict, or runs again, also where it names what came later', async () => {
    await inWorld('later', async ({ database }) => {
      await count(database, 1, 20)
      const open = database.begin()
      let runs = 0
      let later = 0
      const written = database.write(async (tx) => {
        runs += 1
        if (runs === 1) {
          await database.compact()
          later = await database.write((other) => other.createNode('N', {}).id)
        }
        return tx.patch(later, { n: 'known' })
      })
      expect(await written).toBe(1)
      expect([runs, database.node(later)?.get('n')]).toEqual([2, 'known'])
      const conflict = expect.objectContaining({ code: 'Conflict' })
      expect(() => open.patch(later, { n: 2 })).toThrow(conflict)
      expect(() => database.begin().patch(later + 400, {})).toThrow(
        expect.objectContaining({ code: 'InvalidArgument' }),
      )
    })
  })

  it('is no hindrance for what makes room in a full log', async () => {
    const simulated = new SimulatedHost({ seed: 'full log' })
    await simulated.run(async () => {
      const options = { checkpointLogBytes: 400, logBytesMax: 800, host: simulated }
      const database = await open('/database', options)
      const id = await database.write((tx) => tx.createNode('N', {}).id)
      await database.erase(id)
      expect(database.node(id)).toBeUndefined()
      await database.close()
    })
  })
})

describe('retention', () => {
  const commits = (versions: number) => Math.ceil(versions / 2000)

  /** Versions by the thousand, so that the thresholds are met soon. */
  async function writeMany(database: Database, versions: number): Promise<void> {
    for (let batch = 0; batch < commits(versions); batch++) {
      await database.write((tx) => {
        for (let at = 0; at < 2000; at++) tx.keys('cache').put(at % 500, `${batch} ${at}`)
      })
    }
  }

  it('is enforced by itself when there is enough to gain', async () => {
    await inWorld('enforced', async ({ host, database }) => {
      await database.write((tx) => {
        tx.setRetention({ keyspace: 'cache' }, 'present')
        for (let at = 0; at < 500; at++) tx.keys('kept').put(at, 'early')
      })
      await writeMany(database, 4000)
      await wait(host, 1000)
      expect(database.stats().compaction.count).toBe(0)
      for (let round = 0; round < 30; round++) await writeMany(database, 2000)
      await wait(host, 1000)
      const { compaction, versions } = database.stats()
      expect(compaction.count).toBeGreaterThan(0)
      expect(compaction.versionsDropped).toBeGreaterThan(0)
      expect(compaction.horizons).toBe(1)
      expect(versions.keys).toBeLessThan(20_000)
      expect(database.asOf({ sequence: 1 }).keys('kept').get(7)).toBe('early')
    })
  })

  it('takes nothing where all is to be kept, and idles', async () => {
    const options: OpenOptions = { keyRetention: 'forever' }
    const play = async ({ host, database }: World): Promise<void> => {
      for (let round = 0; round < 12; round++) await writeMany(database, 2000)
      await wait(host, 1000)
      const { compaction, versions } = database.stats()
      expect(compaction).toEqual({
        count: 0,
        versionsDropped: 0,
        lastDurationMs: null,
        horizons: 0,
      })
      expect(versions.keys).toBeGreaterThan(5000)
      const { sequence } = database
      await wait(host, 3_600_000)
      expect(database.sequence).toBe(sequence)
    }
    await inWorld('no rule', play, options)
  })

  it('keeps a length of time, counted in system time', async () => {
    await inWorld('a minute', async ({ host, database }) => {
      await database.write((tx) => tx.setRetention({ keyspace: 'counter' }, { keepMs: 60_000 }))
      expect(database.retention()).toEqual([
        { of: { keyspace: 'counter' }, keep: { keepMs: 60_000 } },
        { of: 'other keyspaces', keep: 'present' },
      ])
      await count(database, 1, 2)
      await wait(host, 50_000)
      await count(database, 3, 4)
      expect(await database.prune()).toMatchObject({ horizons: [] })
      await wait(host, 30_000)
      const { horizons } = await database.prune()
      expect(horizons).toEqual([{ of: { keyspace: 'counter' }, sequence: 3 }])
      const keysAt = (sequence: number) => database.asOf({ sequence }).keys('counter')
      expect(keysAt(3).get('n')).toBe(2)
      expect(codeOf(() => keysAt(2).get('n'))).toBe('HistoryPruned')
      await database.write((tx) => tx.setRetention({ keyspace: 'counter' }, 'default'))
      expect(database.retention()).toEqual([{ of: 'other keyspaces', keep: 'present' }])
    })
  })
})

describe('figures', () => {
  it('tell how often tables were made anew, what that took away, and of horizons', async () => {
    await inWorld('figures', async ({ database }) => {
      await count(database, 1, 10)
      await database.write((tx) => tx.keys('second').put('n', 1))
      await database.prune({ keyspaces: ['counter', 'second'], labels: ['N'] })
      await database.compact()
      const { compaction } = database.stats()
      expect(compaction).toMatchObject({ count: 2, versionsDropped: 18, horizons: 3 })
      expect(compaction.lastDurationMs).toBeGreaterThanOrEqual(0)
      await database.prune()
      expect(database.stats().compaction.count).toBe(2)
    })
  })

  it('and health tells of work in the background that fails, until it succeeds', async () => {
    const simulated = new SimulatedHost({ seed: 'failing' })
    let isFull = false
    const host = hostWith(simulated, {
      files: {
        open: async (name, mode) => {
          const isRefused = isFull && mode === 'create' && name.includes('/checkpoint/')
          if (isRefused) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
          return simulated.files.open(name, mode)
        },
      },
    })
    await simulated.run(async () => {
      const first = await open(path, { host })
      await count(first, 1, 5)
      await first.checkpoint()
      isFull = true
      await expect(first.erase(1)).rejects.toMatchObject({ code: 'DiskFull' })
      expect(first.asOf({ sequence: 3 }).node(1)).toBeUndefined()
      await expect(first.close()).rejects.toMatchObject({ code: 'DiskFull' })

      const database = await open(path, { host })
      await wait(simulated, 1000)
      const codes = () => database.health().reasons.map(({ code }) => code)
      expect(database.node(1)).toBeUndefined()
      expect(codes()).toContain('CompactionFailing')
      isFull = false
      await database.compact()
      expect(codes()).toEqual([])
      await database.close()
    })
  })

  it('say how far the work is', async () => {
    await inWorld('progress', async ({ database }) => {
      await count(database, 1, 10)
      const told: string[] = []
      await database.compact({ onProgress: ({ done, of }) => void told.push(`${done}/${of}`) })
      expect(told.at(-1)).toBe('10/10')
    })
  })
})

describe('what makes no sense is refused', () => {
  it('by every call, with its code, and nothing is changed', async () => {
    await inWorld('refused', async ({ database }) => {
      await count(database, 1, 3)
      const calls: [() => Promise<unknown>, string][] = [
        [() => database.prune({ before: '2999-01-01' }), 'TimeInFuture'],
        [() => database.prune({ before: 'noon' }), 'InvalidInstant'],
        [() => database.prune({ labels: [] }), 'InvalidArgument'],
        [() => database.prune({ labels: [''] }), 'InvalidArgument'],
        [() => database.erase(401), 'InvalidArgument'],
        [() => database.erase([1, 402]), 'InvalidArgument'],
        [() => database.erase(3), 'InvalidArgument'],
        [() => database.erase(Number.NaN), 'InvalidArgument'],
        [() => database.erase({ keyspace: '', key: 'n' }), 'InvalidArgument'],
        [
          () => database.write((tx) => tx.setRetention({ label: '' }, 'present')),
          'InvalidArgument',
        ],
        [
          () => database.write((tx) => tx.setRetention({ label: 'N' }, { keepMs: -1 })),
          'InvalidArgument',
        ],
        [
          () => database.write((tx) => tx.setRetention({ label: 'N' }, { keepMs: Infinity })),
          'InvalidArgument',
        ],
        [
          () => database.write((tx) => tx.setRetention({ keyspace: 'asof:schema' }, 'present')),
          'InvalidArgument',
        ],
      ]
      for (const [call, code] of calls) {
        await expect(call(), String(call)).rejects.toMatchObject({ code })
      }
      expect(database.sequence).toBe(3)
      expect(database.node(1)?.get('round')).toBe(3)
    })
  })

  it('what is erased, or never was, has nothing to erase', async () => {
    await inWorld('nothing to erase', async ({ database }) => {
      await count(database, 1, 3)
      await database.erase(1)
      const { sequence } = database
      const again = { nodes: 0, edges: 0, keys: 0, sequence, remaining: [] }
      expect(await database.erase(1)).toMatchObject(again)
      expect(await database.erase({ keyspace: 'counter', key: 'none' })).toMatchObject(again)
      expect(await database.erase({ keyspace: 'nowhere', key: 'n' })).toMatchObject(again)
      expect(await database.erase([])).toMatchObject(again)
      expect(database.sequence).toBe(sequence)
    })
  })

  it('a database that is only read forgets nothing, and a closed one neither', async () => {
    const host = new SimulatedHost({ seed: 'read only' })
    await host.run(async () => {
      const written = await open(path, { host })
      await count(written, 1, 3)
      await written.close()
      const calls = (database: Database) => [
        () => database.compact(),
        () => database.prune({}),
        () => database.prune({ labels: ['N'] }),
        () => database.erase(1),
      ]
      for (const call of calls(written))
        await expect(call()).rejects.toMatchObject({ code: 'Closed' })
      const [name = ''] = await host.files.list(`${path}/checkpoint`)
      const file = await host.files.open(`${path}/checkpoint/${name}`, 'write')
      await file.write(Uint8Array.of(255, 255), (await file.size()) - 12)
      await file.close()
      for (const segment of await host.files.list(`${path}/log`)) {
        const log = await host.files.open(`${path}/log/${segment}`, 'write')
        await log.write(Uint8Array.of(255, 255), Math.floor((await log.size()) / 2))
        await log.close()
      }
      const database = await open(path, { host, recovery: 'bestEffort' })
      for (const call of calls(database)) {
        await expect(call()).rejects.toMatchObject({ code: 'ReadOnly' })
      }
      await database.close()
    })
  })
})

import { describe, expect, it } from 'vitest'
import { type Database, open, restore } from 'asofdb'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { bytesOf, wait } from '../simulation/simulated-machine.ts'
import { RandomWriter } from '../transfer/random-database.ts'
import {
  all,
  answersOf,
  ask,
  databasePath,
  everyIndex,
  imagesOn,
  indexPath,
  makeClosed,
  openOn,
  statesOf,
  writeKnown,
} from './image-database.ts'

function machine(seed: string): SimulatedHost {
  return new SimulatedHost({ seed })
}

async function withDatabase<T>(
  host: SimulatedHost,
  work: (database: Database) => Promise<T> | T,
  options: Parameters<typeof openOn>[1] = {},
): Promise<T> {
  const database = await openOn(host, options)
  try {
    return await work(database)
  } finally {
    await database.close()
  }
}

describe('images of indexes', () => {
  it('answer as indexes that were derived, over random histories', async () => {
    for (let round = 0; round < 12; round++) {
      const seed = `images ${round}`
      const host = machine(seed)
      await host.run(async () => {
        await makeClosed(host, seed)
        const derived = await withDatabase(host.fork(), answersOf, { indexImages: false })
        await withDatabase(host, async (database) => {
          expect(answersOf(database)).toEqual(derived)
          expect(statesOf(database)).toMatchObject(all('loaded'))
          expect((await database.verify()).problems).toEqual([])
        })
      })
    }
  }, 60_000)

  it('answer so when commits came after them, and when more come after the loading', async () => {
    for (let round = 0; round < 8; round++) {
      const seed = `outdated ${round}`
      const host = machine(seed)
      await host.run(async () => {
        await makeClosed(host, seed)
        const writer = new RandomWriter(`${seed} more`, 60)
        // Nobody asks anything, and no opening finds an image worth to be written anew.
        await withDatabase(host, (database) => writer.steps(database, 10), {
          indexImageRowsMin: 1e9,
        })
        await withDatabase(host, async (database) => {
          answersOf(database)
          await writer.steps(database, 10)
          const answers = answersOf(database)
          expect(Object.values(statesOf(database))).toContain('loaded')
          expect((await database.verify()).problems).toEqual([])
          const fresh = host.fork()
          const derived = await withDatabase(fresh, answersOf, { indexImages: false })
          expect(answers).toEqual(derived)
        })
      })
    }
  }, 60_000)

  it('are read when the index is first asked, and not before', async () => {
    const host = machine('lazy')
    await host.run(async () => {
      await makeClosed(host, 'lazy')
      await withDatabase(host, (database) => {
        expect(statesOf(database)).toMatchObject(all('unread'))
        database.sources(1)
        expect(statesOf(database)).toMatchObject({
          'edges by target': 'loaded',
          'edges by source': 'unread',
          keys: 'unread',
          labels: 'unread',
        })
      })
    })
  })

  it('are missing where none was made, and the report says what was derived', async () => {
    const host = machine('missing')
    await host.run(async () => {
      await withDatabase(host, (database) => writeKnown(database, 10), { indexImages: false })
      await expect(imagesOn(host)).rejects.toMatchObject({ code: 'ENOENT' })
      await withDatabase(host, (database) => {
        expect(statesOf(database)).toEqual({})
        ask(database)
        expect(statesOf(database)).toEqual(all('missing, rebuilt'))
      })
    })
  })

  it('are written for no index that nobody asked', async () => {
    const host = machine('unused')
    await host.run(async () => {
      await withDatabase(host, (database) => writeKnown(database, 10))
      const before = await imagesOn(host)
      expect(before).not.toContain('edges-by-target.image')
      await withDatabase(host, (database) => database.sources(1))
      expect(await imagesOn(host)).toContain('edges-by-target.image')
    })
  })

  it('are written after a checkpoint too, and not anew for little', async () => {
    const host = machine('checkpoint')
    await host.run(async () => {
      await withDatabase(host, async (database) => {
        await writeKnown(database, 40)
        ask(database)
        await database.checkpoint()
        await wait(host, 1000)
        const { bytes, indexImages } = database.stats()
        expect(indexImages).toEqual({ files: everyIndex.length, lastFailure: null })
        expect(bytes.indexImages).toBeGreaterThan(1000)
        await database.write((tx) => tx.keys('known').put('last', 1))
      })
      await withDatabase(host, (database) => {
        const keys = database.recovery.indexes.find(({ index }) => index === 'keys')
        expect(keys?.sequence).toBe(database.sequence - 1)
        expect(database.keys('known').get('last')).toBe(1)
      })
    })
  })

  it('go when they are switched off', async () => {
    const host = machine('off')
    await host.run(async () => {
      await makeClosed(host, 'off')
      expect((await imagesOn(host)).length).toBeGreaterThanOrEqual(everyIndex.length)
      await withDatabase(host, ask, { indexImages: false })
      expect(await imagesOn(host)).toEqual([])
    })
  })
})

describe('an image that is not of these tables', () => {
  it('of another database is stale, told, and removed', async () => {
    const host = machine('another')
    const other = machine('another one')
    await other.run(() => makeClosed(other, 'same'))
    await host.run(() => makeClosed(host, 'same'))
    const foreign = await other.run(() => contentsOf(other, 'keys.image'))
    await host.run(async () => {
      await writeFile(host, 'keys.image', foreign)
      await withDatabase(host, (database) => {
        const found = database.recovery.indexes.find(({ index }) => index === 'keys')
        expect(found).toMatchObject({ state: 'stale', why: 'it is of another database' })
        expect(ask(database).length).toBeGreaterThan(40)
        expect(statesOf(database)['keys']).toBe('stale, rebuilt')
      })
    })
  })

  it('of a later commit is never shown, also when its number comes again', async () => {
    const host = machine('later')
    await host.run(() => makeClosed(host, 'later'))
    const early = host.fork()
    // The same commits by number, of the same size, with other contents.
    const goOn = (on: SimulatedHost, name: string) =>
      withDatabase(on, async (database) => {
        await database.write((tx) => {
          const { id } = tx.createNode('Known', { number: 3, name })
          tx.createEdge(1, 'LEADS_TO', id, {})
          tx.keys('known').put(['new', name], id)
        })
        ask(database)
      })
    const images = await host.run(async () => {
      for (const name of await imagesOn(host)) await host.files.remove(`${indexPath}/${name}`)
      await goOn(host, 'one')
      const found = new Map<string, Uint8Array>()
      for (const name of await imagesOn(host)) found.set(name, await contentsOf(host, name))
      return found
    })
    const putBack = async (on: SimulatedHost): Promise<void> => {
      for (const [name, bytes] of images) await writeFile(on, name, bytes)
    }
    const stale = { keys: 'stale', labels: 'stale', 'edges by source': 'stale' }
    const shorter = early.fork()
    await shorter.run(async () => {
      const derived = await withDatabase(shorter, answersOf)
      await putBack(shorter)
      await withDatabase(shorter, (database) => {
        expect(statesOf(database)).toMatchObject(stale)
        expect(answersOf(database)).toEqual(derived)
      })
    })
    await early.run(async () => {
      await goOn(early, 'other')
      await putBack(early)
      await withDatabase(early, (database) => {
        expect(statesOf(database)).toMatchObject(stale)
        const keys = [...database.keys('known').range({})].map(({ key }) => JSON.stringify(key))
        expect(keys).toContain(JSON.stringify(['new', 'other']))
        expect(keys).not.toContain(JSON.stringify(['new', 'one']))
      })
    })
  })

  it('of another index under its name is not taken for it', async () => {
    const host = machine('renamed')
    await host.run(async () => {
      await makeClosed(host, 'renamed')
      const bytes = await contentsOf(host, 'edges-by-source.image')
      await writeFile(host, 'edges-by-target.image', bytes)
      const derived = await withDatabase(host.fork(), answersOf, { indexImages: false })
      await withDatabase(host, (database) => {
        const reports = database.recovery.indexes
        const found = reports.find(({ file }) => file === 'index/edges-by-target.image')
        expect(found).toMatchObject({ state: 'stale', why: 'it has another name' })
        expect(answersOf(database)).toEqual(derived)
      })
    })
  })
})

describe('a directory in which only images are left', () => {
  it('becomes a new database, which has none of them', async () => {
    const host = machine('only images')
    await host.run(async () => {
      await makeClosed(host, 'only images', 3)
      const { files } = host
      for (const name of await files.list(databasePath)) {
        if (name.startsWith('MANIFEST')) await files.remove(`${databasePath}/${name}`)
        if (name !== 'log' && name !== 'checkpoint') continue
        for (const inside of await files.list(`${databasePath}/${name}`)) {
          await files.remove(`${databasePath}/${name}/${inside}`)
        }
      }
      await withDatabase(host, (database) => {
        expect(database.recovery.outcome).toBe('created')
        const states = database.recovery.indexes.map(({ state }) => state)
        expect(new Set(states)).toEqual(new Set(['stale']))
        expect(ask(database)).toEqual(Array.from({ length: 7 }, () => ''))
      })
      expect(await imagesOn(host)).toEqual([])
    })
  })
})

describe('what is made from a database with images', () => {
  it('a backup, a restored copy and a fork have none of them and are whole', async () => {
    const host = machine('transfer')
    await host.run(async () => {
      await makeClosed(host, 'transfer')
      await withDatabase(host, async (database) => {
        const answers = answersOf(database)
        await database.backup('/backup')
        await database.fork('/fork')
        await restore('/backup', '/restored', { host })
        for (const path of ['/backup', '/fork', '/restored']) {
          await expect(host.files.list(`${path}/index`)).rejects.toMatchObject({ code: 'ENOENT' })
          const copy = await open(path, { host, indexImageRowsMin: 1 })
          expect(answersOf(copy)).toEqual(answers)
          await copy.close()
          expect(await host.files.list(`${path}/index`)).toContain('keys.image')
        }
        // A backup that was opened has images of its own, and goes on being one.
        await writeKnown(database, 3)
        await database.backup('/backup')
      })
    })
  })
})

function contentsOf(host: SimulatedHost, name: string): Promise<Uint8Array> {
  return bytesOf(host.files, `${indexPath}/${name}`)
}

async function writeFile(host: SimulatedHost, name: string, bytes: Uint8Array): Promise<void> {
  const path = `${indexPath}/${name}`
  await host.files.remove(path).catch(() => undefined)
  const file = await host.files.open(path, 'create')
  await file.write(bytes, 0)
  await file.close()
}

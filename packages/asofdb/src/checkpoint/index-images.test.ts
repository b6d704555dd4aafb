import { describe, expect, it } from 'vitest'
import { SampleCommits } from '../../../../test/recovery/sample-commits.ts'
import { SimulatedHost } from '../../../../simulation/simulated-host.ts'
import type { ImagedIndex } from '../versions/index-shelf.ts'
import { LiveTables } from '../versions/live-tables.ts'
import type { Tables } from '../versions/tables.ts'
import { IndexImages } from './index-images.ts'

const databaseId = '00112233445566778899aabbccddeeff'
const path = '/db/index/labels.image'

/** An index that can always be kept. */
function someIndex(): ImagedIndex {
  return {
    name: 'labels',
    kind: 'node',
    format: 1,
    stamp: 1,
    rowsToSave: (rowsMax) => rowsMax,
    follow: () => undefined,
    save: () => [[Uint8Array.of(1, 2, 3, 4)]],
    load: () => true,
  }
}

function imagesOf(host: SimulatedHost, tables: Tables): Promise<IndexImages> {
  return IndexImages.open({
    host,
    directory: '/db',
    databaseId,
    live: new LiveTables(tables),
    rowsMin: 1,
    durableSequence: () => tables.commits.sequence,
  })
}

/** Tables with one index, of which there is an image; to be called inside of the host. */
async function setUp(host: SimulatedHost): Promise<Tables> {
  const sample = new SampleCommits('images')
  sample.commits(5)
  const { tables } = sample
  tables.shelf.add(someIndex())
  await host.files.makeDirectory('/db')
  await (await imagesOf(host, tables)).close(true)
  return tables
}

/** How many files are open from now on. */
function countOpen(host: SimulatedHost): () => number {
  const { files } = host
  const open = files.open.bind(files)
  const opened = new Set<object>()
  files.open = async (...of) => {
    const file = await open(...of)
    opened.add(file)
    const close = file.close.bind(file)
    file.close = () => {
      opened.delete(file)
      return close()
    }
    return file
  }
  return () => opened.size
}

describe('the images of indexes', () => {
  it('keep no file open that is of no use', async () => {
    const host = new SimulatedHost({ seed: 'unread' })
    await host.run(async () => {
      const tables = await setUp(host)
      const openFiles = countOpen(host)
      const good = await imagesOf(host, tables)
      expect(good.report()).toMatchObject([{ index: 'labels', state: 'unread' }])
      expect(openFiles()).toBe(1)
      await good.close(false)
      expect(openFiles()).toBe(0)
      const faults = [{ kind: 'read', nth: 1, path, error: 'EIO' }]
      Object.assign(host.files.faults.plan, { faults })
      const bad = await imagesOf(host, tables)
      expect(bad.report()).toMatchObject([{ index: null, state: 'damaged' }])
      expect(openFiles()).toBe(0)
    })
  })

  it('that are begun while others are forgotten are kept', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const host = new SimulatedHost({ seed: `forget ${seed}` })
      await host.run(async () => {
        const tables = await setUp(host)
        const images = await imagesOf(host, tables)
        tables.removals.append({ kind: 'rewritten', subject: 0, sequence: 1 })
        const forgetting = images.forget()
        images.begin()
        expect(await forgetting).toEqual([])
        images.begin()
        await images.close(false)
        expect(images.lastFailure).toBeUndefined()
        expect(images.count).toBe(1)
        expect(await host.files.list('/db/index')).toEqual(['labels.image'])
      })
    }
  })
})

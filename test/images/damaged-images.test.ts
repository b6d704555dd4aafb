import { describe, expect, it } from 'vitest'
import { open } from 'asofdb'
import { IndexImages } from '../../packages/asofdb/src/checkpoint/index-images.ts'
import { decodeManifest } from '../../packages/asofdb/src/checkpoint/manifest.ts'
import { BatchApplier } from '../../packages/asofdb/src/commit/apply.ts'
import { GraphIndexes } from '../../packages/asofdb/src/graph/graph-indexes.ts'
import { previewRecovery } from '../../packages/asofdb/src/recovery/recover-directory.ts'
import { IndexShelf } from '../../packages/asofdb/src/versions/index-shelf.ts'
import { KeyIndex } from '../../packages/asofdb/src/versions/key-index.ts'
import { LiveTables } from '../../packages/asofdb/src/versions/live-tables.ts'
import { Tables } from '../../packages/asofdb/src/versions/tables.ts'
import { type Image, ImageFiles } from '../damage/image-files.ts'
import { hostOver } from '../damage/image-host.ts'
import { ask, databasePath, everyIndex, indexPath, writeKnown } from './image-database.ts'

const known = 16

const options = { indexImageRowsMin: 1, checkpointLogBytes: Infinity }

/** The disk of a closed database whose every index has an image. */
async function build(): Promise<Image> {
  const files = new ImageFiles({ files: new Map(), directories: new Set(['', databasePath]) })
  const database = await open(databasePath, { host: hostOver(files, 'damaged images'), ...options })
  await writeKnown(database, known)
  ask(database)
  await database.close()
  return files.image
}

interface Opened {
  readonly tables: Tables
  readonly databaseId: string
}

async function fill(image: Image): Promise<Opened> {
  const files = new ImageFiles(image)
  const tables = new Tables()
  const host = hostOver(files, 'damaged images')
  const place = { host, directory: databasePath, settings: {}, policy: 'strict' } as const
  await previewRecovery({ ...place, tables, applier: new BatchApplier(tables) })
  return { tables, ...decodeManifest(files.mustGet(`${databasePath}/MANIFEST`)) }
}

/** What every index answers that takes its image from these files, and how that went. */
async function answersOver(
  image: Image,
  { tables, databaseId }: Opened,
): Promise<{ answers: string[]; states: Map<string | null, string>; left: string[] }> {
  const files = new ImageFiles(image)
  const images = await IndexImages.open({
    host: hostOver(files, 'damaged images'),
    directory: databasePath,
    databaseId,
    live: new LiveTables(tables),
    rowsMin: 1,
    durableSequence: () => tables.commits.sequence,
  })
  const shelf = new IndexShelf()
  shelf.loadFrom(images)
  const keyIndex = new KeyIndex(tables, shelf)
  const { adjacency, labels, schema } = new GraphIndexes(tables, keyIndex, shelf)
  const answers: string[] = []
  const point = { rows: tables.edge.count, high: 0x7ffffffe, low: 0 }
  for (let node = 0; node < known; node++) {
    answers.push(adjacency.edges('out', node).join(), adjacency.edges('in', node).join())
    answers.push(adjacency.settled.presence(node, point))
  }
  for (const label of labels.labels()) answers.push([label, ...labels.nodes(label)].join())
  for (const keyspace of keyIndex.keyspaces().sort((a, b) => a - b)) {
    for (const { key, value } of keyIndex.range(keyspace, {}, false)) {
      answers.push(`${key} ${value} ${keyIndex.find(keyspace, key)}`)
    }
  }
  const numbers = schema.index('Known', ['number'])
  answers.push([...(numbers?.candidates({}) ?? [])].join())
  const states = new Map(images.report().map(({ file, state }) => [file, state]))
  await images.close(true)
  return { answers, states, left: await files.list(indexPath) }
}

function withFile(image: Image, path: string, bytes: Uint8Array): Image {
  return { ...image, files: new Map([...image.files, [path, bytes]]) }
}

const image = await build()
const opened = await fill(image)
const names = [...image.files.keys()].filter((path) => path.startsWith(`${indexPath}/`))
const expected = await answersOver(image, opened)
const derived = await answersOver({ ...image, files: withoutImages(image) }, opened)

function withoutImages({ files }: Image): Map<string, Uint8Array> {
  return new Map([...files].filter(([path]) => !names.includes(path)))
}

describe('damage to an image of an index', () => {
  it('is looked for in all of them', () => {
    expect(names).toHaveLength(everyIndex.length)
    expect([...expected.states.values()]).toEqual(everyIndex.map(() => 'loaded'))
    expect(expected.answers).toEqual(derived.answers)
    expect(expected.answers.length).toBeGreaterThan(3 * known)
  })

  it.each(names)('a bit flipped in any byte of %s is noticed', async (path) => {
    const bytes = image.files.get(path) ?? new Uint8Array(0)
    const file = path.slice(databasePath.length + 1)
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Uint8Array.from(bytes)
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
      const found = await answersOver(withFile(image, path, flipped), opened)
      expect(found.states.get(file), `byte ${at}`).toBe('damaged')
      expect(found.answers, `byte ${at}`).toEqual(derived.answers)
      expect(found.left.map((name) => `index/${name}`)).not.toContain(file)
    }
  }, 60_000)

  it.each(names)('cut at any length, or longer than it was, %s is not used', async (path) => {
    const bytes = image.files.get(path) ?? new Uint8Array(0)
    const file = path.slice(databasePath.length + 1)
    const longer = new Uint8Array(bytes.length + 1)
    longer.set(bytes)
    const others = Array.from({ length: bytes.length }, (_, length) => bytes.subarray(0, length))
    for (const other of [...others, longer]) {
      const found = await answersOver(withFile(image, path, other), opened)
      expect(found.states.get(file), `${other.length} bytes`).toBe('damaged')
      expect(found.answers, `${other.length} bytes`).toEqual(derived.answers)
    }
  }, 60_000)
})

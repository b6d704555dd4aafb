import { describe, expect, it } from 'vitest'
import { describeTables, SampleCommits } from '../../../../test/recovery/sample-commits.ts'
import { RandomStream } from '../../../../simulation/random.ts'
import { SimulatedHost } from '../../../../simulation/simulated-host.ts'
import { crc32 } from '../encoding/checksum.ts'
import { type Compression, compressions } from '../encoding/compression.ts'
import { memoryHost } from '../host/memory-host.ts'
import type { Host } from '../host/host.ts'
import { invariant } from '../rules/invariant.ts'
import { Tables } from '../versions/tables.ts'
import { blockBytes } from './block-table.ts'
import { type CheckpointHeader, encodeCheckpointHeader } from './checkpoint-file.ts'
import { checkSections, loadSections, type SectionDamage } from './load-sections.ts'
import { loadCheckpoint, readCheckpointHeader } from './read-checkpoint.ts'
import { countTables, type TableCounts, zeroCounts } from './sections.ts'
import { writeCheckpointFile } from './write-checkpoint.ts'

const seed = 1997
const databaseId = '00112233445566778899aabbccddeeff'

interface Written {
  readonly path: string
  readonly to: TableCounts
}

/** Files that follow on one another, each compressed in its own way. */
async function writeFiles(
  host: Host,
  sample: SampleCommits,
  each: readonly { readonly compression: Compression; readonly commits: number }[],
): Promise<Written[]> {
  await host.files.makeDirectory('/db')
  await host.files.makeDirectory('/db/checkpoint')
  const written: Written[] = []
  let from = zeroCounts()
  for (const [index, { compression, commits }] of each.entries()) {
    sample.commits(commits, 200)
    const to = countTables(sample.tables)
    const { name } = await writeCheckpointFile({
      host,
      directory: '/db',
      databaseId,
      generation: index + 1,
      tables: sample.tables,
      fromSequence: from.commits,
      toSequence: to.commits,
      from,
      to,
      compression,
    })
    written.push({ path: `/db/checkpoint/${name}`, to })
    from = to
  }
  return written
}

async function headerOf(host: Host, path: string): Promise<CheckpointHeader> {
  const found = await readCheckpointHeader(host.files, path)
  if (found.type !== 'header') throw new Error(`${path} is ${found.type}`)
  return found.header
}

async function contentOf(host: Host, path: string): Promise<Uint8Array> {
  const file = await host.files.open(path, 'read')
  const bytes = new Uint8Array(await file.size())
  await file.read(bytes, 0)
  await file.close()
  return bytes
}

async function checkContent(host: Host, path: string): Promise<SectionDamage | undefined> {
  const header = await headerOf(host, path)
  const file = await host.files.open(path, 'read')
  const { timers } = host
  try {
    return await checkSections({ file, path, header, timers })
  } finally {
    await file.close()
  }
}

function hostInMemory(): Host {
  return memoryHost(new SimulatedHost({ seed }))
}

/** Without time, so that no virtual clock has to be run. */
function quietHost(): Host {
  const yieldTurn = () => Promise.resolve()
  return { ...hostInMemory(), timers: { after: () => () => undefined, yieldTurn } }
}

async function overwrite(host: Host, path: string, bytes: Uint8Array): Promise<void> {
  const file = await host.files.open(path, 'write')
  await file.truncate(bytes.length)
  await file.write(bytes, 0)
  await file.close()
}

describe.each(compressions)('a checkpoint file compressed with %s', (compression) => {
  it('brings back exactly the tables, behind files of other kinds', async () => {
    const host = quietHost()
    const sample = new SampleCommits('compressed')
    const each = [
      { compression, commits: 3 },
      ...compressions.map((other) => ({ compression: other, commits: 700 })),
      { compression, commits: 900 },
    ]
    const written = await writeFiles(host, sample, each)
    const chain = []
    for (const { path } of written) chain.push({ path, header: await headerOf(host, path) })
    expect(chain.map(({ header }) => header.compression)).toEqual(
      each.map((one) => one.compression),
    )
    const tables = new Tables()
    expect(await loadCheckpoint(host.files, chain, tables)).toBeUndefined()
    expect(describeTables(tables)).toEqual(describeTables(sample.tables))
    for (const { path } of written) expect(await checkContent(host, path)).toBeUndefined()
  })
})

describe.each(['lz4', 'deflate'] as const)('a file compressed with %s', (compression) => {
  it('is smaller, and names the block of any byte that is another', async () => {
    const host = quietHost()
    const sample = new SampleCommits('named')
    const [file] = await writeFiles(host, sample, [{ compression, commits: 2500 }])
    if (file === undefined) throw new Error('nothing was written')
    const header = await headerOf(host, file.path)
    const bytes = await contentOf(host, file.path)
    const rows = header.sections.find(({ name }) => name === 'nodeRows')
    expect(rows?.length).toBeLessThan(16 * 2500 * 2)
    const random = new RandomStream(seed)
    const seen = new Set<string>()
    for (let nth = 0; nth < 100; nth++) {
      const first = header.sections[0]?.offset ?? 0
      const offset = first + random.below(bytes.length - first)
      const damaged = bytes.slice()
      damaged[offset] = (damaged[offset] ?? 0) ^ (1 + random.below(255))
      await overwrite(host, file.path, damaged)
      const damage = await checkContent(host, file.path)
      if (damage === undefined) throw new Error(`byte ${offset} passes (seed ${seed})`)
      expect(damage.offset).toBeLessThanOrEqual(offset)
      expect(damage.offset + damage.length).toBeGreaterThan(offset)
      if (damage.what.startsWith('block')) expect(damage.length).toBeLessThanOrEqual(blockBytes)
      seen.add(damage.what.replace(/\d+/, 'N'))
    }
    expect([...seen]).toContain('block N of section nodeBytes')
    for (const { name, offset, length } of header.sections) {
      // Of the first entry: a bit of the length that only its filling shows, and of the checksum.
      for (const at of length === 0 ? [] : [offset, offset + 8, offset + 12]) {
        const damaged = bytes.slice()
        damaged[at] = (damaged[at] ?? 0) ^ 1
        await overwrite(host, file.path, damaged)
        const damage = await checkContent(host, file.path)
        expect(damage).toMatchObject({ what: `the table of section ${name}`, kind: 'checksum' })
      }
    }
    await overwrite(host, file.path, bytes)
    expect(await checkContent(host, file.path)).toBeUndefined()
  })

  it('is refused where it ends early, at any length', async () => {
    const host = quietHost()
    const [file] = await writeFiles(host, new SampleCommits('cut'), [{ compression, commits: 400 }])
    if (file === undefined) throw new Error('nothing was written')
    const header = await headerOf(host, file.path)
    const bytes = await contentOf(host, file.path)
    const first = header.sections[0]?.offset ?? 0
    for (let length = first; length < bytes.length; length += 997) {
      await overwrite(host, file.path, bytes.subarray(0, length))
      expect(await checkContent(host, file.path)).toMatchObject({ kind: 'truncated' })
    }
  })

  it('reserves nothing and overruns nothing whatever its lengths say', async () => {
    const host = quietHost()
    const [file] = await writeFiles(host, new SampleCommits('wild'), [
      { compression, commits: 1500 },
    ])
    if (file === undefined) throw new Error('nothing was written')
    const header = await headerOf(host, file.path)
    const bytes = await contentOf(host, file.path)
    const random = new RandomStream(seed)
    for (let nth = 0; nth < 120; nth++) {
      const drawn = random.stream(nth)
      // Every checksum fits, as if a writer had lost its mind.
      const wild = rewrite(header, bytes, drawn)
      const path = '/db/checkpoint/wild'
      const target = await host.files.open(path, 'create')
      await target.write(wild.bytes, 0)
      let reserved = 0
      const source = { file: target, path, header: wild.header }
      const damage = await loadSections(source, (_, rawBytes) => {
        reserved += rawBytes
        return [new Uint8Array(rawBytes)]
      })
      await target.close()
      await host.files.remove(path)
      expect(reserved).toBeLessThan(wild.bytes.length * 1100)
      expect(damage === undefined || damage.offset <= wild.bytes.length).toBe(true)
    }
  })
})

/** The file with some bytes of a table or block drawn anew, and the section checksum fitting. */
function rewrite(
  header: CheckpointHeader,
  bytes: Uint8Array,
  random: RandomStream,
): { header: CheckpointHeader; bytes: Uint8Array } {
  const wild = bytes.slice()
  const filled = header.sections.filter(({ length }) => length > 0)
  const section = random.pick(filled)
  const reach = random.chance(0.7) ? 24 : section.length
  for (let times = 1 + random.below(3); times > 0; times--) {
    wild[section.offset + random.below(Math.min(reach, section.length))] = random.below(256)
  }
  const view = new DataView(wild.buffer, wild.byteOffset + section.offset, section.length)
  const rawBytes = Number(view.getBigUint64(0, true))
  const tableBytes = 8 + 8 * Math.ceil(rawBytes / blockBytes)
  const fitting = tableBytes <= section.length ? tableBytes : section.length
  const checksum = crc32(wild.subarray(section.offset, section.offset + fitting))
  const sections = header.sections.map((one) => (one === section ? { ...one, checksum } : one))
  const changed = { ...header, sections }
  const encoded = encodeCheckpointHeader(changed)
  invariant(encoded.bytes.length === header.sections[0]?.offset, 'the header has its length')
  wild.set(encoded.bytes)
  return { header: changed, bytes: wild }
}

/**
 * Writes the directories of the release at hand into test/formats/releases/RELEASE:
 *
 *     node --import ./scripts/typescript-loader.mjs test/formats/write-fixtures.ts RELEASE
 *
 * Once a release is out its folder never changes: whatever comes later must open it.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, open } from 'asofdb'
import {
  describeDatabase,
  fixtures,
  importCommits,
  releases,
  segmentBytesMax,
} from './fixture.ts'

const [release] = process.argv.slice(2)
if (release === undefined || !/^\d+\.\d+\.\d+$/.test(release)) {
  throw new Error('name the release, such as 0.1.0')
}
const target = join(releases, release)
const work = mkdtempSync(join(tmpdir(), 'asof-formats-'))
rmSync(target, { recursive: true, force: true })
mkdirSync(target, { recursive: true })

/** The commits, with a checkpoint on the way, as they lie on the disk before the end. */
async function build(name: string): Promise<Database> {
  const database = await open(join(work, name), { segmentBytesMax })
  await importCommits(database, [3, 5])
  return database
}

function keep(name: string): void {
  cpSync(join(work, name), join(target, name), { recursive: true })
  for (const entry of readdirSync(join(target, name))) {
    if (entry.startsWith('LOCK')) rmSync(join(target, name, entry))
  }
}

/** The path of the newest file of a folder. */
function newest(name: string, folder: string): string {
  const directory = join(target, name, folder)
  const last = readdirSync(directory).sort().at(-1)
  if (last === undefined) throw new Error(`${directory} is empty`)
  return join(directory, last)
}

function flip(path: string, offset: number): void {
  const bytes = readFileSync(path)
  bytes[offset] = (bytes[offset] ?? 0) ^ 0x10
  writeFileSync(path, bytes)
}

for (const { name } of fixtures) {
  const database = await build(name)
  if (name === 'closed' || name === 'damaged-checkpoint') await database.close()
  else keep(name)
  if (name === 'killed') {
    const lines = describeDatabase(database)
    writeFileSync(join(target, 'expected.jsonl'), `${lines.join('\n')}\n`)
  }
  if (name === 'closed' || name === 'damaged-checkpoint') keep(name)
  else await database.close()
}
const torn = newest('torn', 'log')
truncateSync(torn, readFileSync(torn).length - 9)
const log = newest('damaged-log', 'log')
// In the payload of a record that others follow.
flip(log, 400)
const checkpoint = newest('damaged-checkpoint', 'checkpoint')
flip(checkpoint, Math.floor(readFileSync(checkpoint).length / 2))
rmSync(work, { recursive: true })

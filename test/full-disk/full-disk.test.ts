import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Mode, modes } from '../kills/modes.ts'
import { writePlainModules } from '../kills/plain-modules.ts'
import type { FullDiskReport, FullDiskTask } from './full-disk-worker.ts'
import {
  fewEntriesDisk,
  journalDisk,
  memoryDisk,
  type Mounting,
  mountingOf,
  type SmallDisk,
  startOn,
} from './small-disk.ts'

/** `ASOF_FULL_DISK=all` tries every disk in every mode, with a block more of room each time. */
const isLong = process.env['ASOF_FULL_DISK'] === 'all'
const seed = process.env['ASOF_SEED'] ?? 'full disk'
const wholeRunMs = 600_000

const folder = mkdtempSync(join(tmpdir(), 'asof-full-disk-'))
let module: string

beforeAll(() => {
  module = writePlainModules(join(folder, 'engine'), [
    'simulation/random.ts',
    'test/kills/workload.ts',
    'test/kills/model.ts',
    'test/full-disk/ballast.ts',
    'test/full-disk/watched-files.ts',
    'test/full-disk/full-disk-run.ts',
    'test/full-disk/full-disk-worker.ts',
  ])
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function mustGetMounting(disk: SmallDisk): Mounting {
  mkdirSync(join(folder, disk.name), { recursive: true })
  const mounting = mountingOf(disk, join(folder, disk.name))
  if ('whyNot' in mounting) console.warn(`not tested on ${disk.name}: ${mounting.whyNot}`)
  return mounting
}

async function fill(
  { disk, mounting }: { disk: SmallDisk; mounting: Mounting },
  { mode, stepBytes }: { mode: Mode; stepBytes: number | undefined },
): Promise<FullDiskReport> {
  if ('whyNot' in mounting) throw new Error(mounting.whyNot)
  const outside = join(folder, `outside-${mode.name}`)
  mkdirSync(outside, { recursive: true })
  const task: FullDiskTask = { mode, seed, stepBytes, outside }
  const args = [JSON.stringify(task)]
  const child = startOn(disk, mounting.command, { folder: join(folder, disk.name), module, args })
  let printed = ''
  let complaint = ''
  child.stdout?.on('data', (text: Buffer) => (printed += text.toString()))
  child.stderr?.on('data', (text: Buffer) => (complaint += text.toString()))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`the process on ${disk.name} ended with ${code}: ${complaint}`)
  return JSON.parse(printed)
}

const some = (...names: string[]) => modes.filter(({ name }) => isLong || names.includes(name))

const tables = [
  {
    disk: memoryDisk,
    stepBytes: isLong ? 4096 : 16 * 1024,
    chosen: modes,
    places: ['lock', 'manifest', 'checkpoint'],
    logPlaces: ['segment header', 'log record'],
  },
  {
    disk: fewEntriesDisk,
    stepBytes: undefined,
    chosen: some('sync', 'checkpoint'),
    places: ['directory', 'lock', 'manifest'],
    logPlaces: ['segment name'],
  },
  {
    disk: journalDisk,
    stepBytes: isLong ? 2048 : 20 * 1024,
    chosen: some('sync'),
    places: ['directory', 'manifest', 'checkpoint'],
    logPlaces: ['segment header', 'log record'],
  },
] as const

describe.each(tables)('a real disk without room, $disk.name', (table) => {
  const { disk, stepBytes, chosen, places, logPlaces } = table
  const mounting = mustGetMounting(disk)

  it.runIf('command' in mounting).each(chosen)(
    'met anywhere in mode $name: refused, nothing promised is lost, and with room it goes on',
    async (mode) => {
      const report = await fill({ disk, mounting }, { mode, stepBytes })
      expect(report.problems).toEqual([])
      expect(report.refused).toBeGreaterThan(3)
      expect(Object.keys(report.hits)).toContain('manifest')
      if (!isLong) return
      console.log(`${disk.name}, ${mode.name}: ${JSON.stringify(report)}`)
      const isLogged = mode.options.durability !== 'checkpoint'
      const expected = [...places, ...(isLogged ? logPlaces : [])]
      expect(Object.keys(report.hits)).toEqual(expect.arrayContaining(expected))
    },
    wholeRunMs,
  )
})

import { spawnSync } from 'node:child_process'
import { cpSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { benchOpenImages } from './open-images.ts'
import { makeRow, type Row, rowOf, type RowText } from './report.ts'
import { compete, type Contestant, median, mustBe } from './rounds.ts'
import { scaled, type Setting } from './setting.ts'
import { compressions } from '../packages/asofdb/src/encoding/compression.ts'
import { runTask, startTask, type TaskCall, type TaskName } from './tasks.ts'
import { isObject } from './values.ts'

const nodesFull = 1_000_000
const edgesPerNode = 5
const tailBytesFull = 100_000_000
const unit = 's'
const sameBytes = 'the same bytes'

/** Opening: a large graph from its checkpoint, and a long log after the process was killed. */
export async function benchOpen(setting: Setting): Promise<Row[]> {
  return [
    ...(await benchGraph(setting)),
    ...(await benchCompression(setting)),
    ...(await benchOpenImages(setting)),
    ...(await benchTail(setting)),
  ]
}

interface GraphTimes {
  readonly openMs: number
  readonly firstReadMs: number
  readonly firstStepMs: number
  readonly firstStepBackMs: number
}

async function benchGraph(setting: Setting): Promise<Row[]> {
  const nodeCount = scaled(setting, nodesFull, 1000)
  const edgeCount = nodeCount * edgesPerNode
  const folder = setting.workspace.folder('graph')
  setting.say(`Building ${nodeCount} nodes and ${edgeCount} edges ...`)
  const call = { folder, sizes: [nodeCount, edgeCount] }
  await runTask(setting, { name: 'buildGraph', call }, isObject)
  setting.say(`Opening ${bytesBelow(folder)} bytes ...`)
  const times: GraphTimes[] = []
  const bytes = secondsOf(setting, sameBytes, { name: 'readBytes', call })
  const ours: Contestant = {
    name: 'ours',
    async run() {
      const found = await runTask(setting, { name: 'openGraph', call }, isGraphTimes)
      times.push(found)
      return found.openMs / 1000
    },
  }
  // Each opening is a process of its own, so there is no code to warm, only the file cache.
  const { counted, warmUps } = setting.rounds
  const figures = await compete([ours, bytes], {
    counted: Math.min(counted, 5),
    warmUps: Math.min(warmUps, 1),
  })
  const size = `${nodeCount.toLocaleString('en-US')} nodes and their edges from a checkpoint`
  const opening = figures.mustGet('ours')
  const text = (id: string, what: string): RowText => ({ id, what, unit })
  const of = (read: (one: GraphTimes) => number): number => median(times.map(read)) / 1000
  const whole = (one: GraphTimes): number => one.openMs + one.firstReadMs + one.firstStepMs
  const limit = { against: 'limit 0.5 s', theirs: 0.5 }
  const reading = { against: 'reading the same bytes', theirs: figures.mustGet(sameBytes) }
  const step = { against: 'opening itself', theirs: opening }
  return [
    makeRow(text('open.graph', `opening ${size}`), opening, limit),
    makeRow(text('open.graph.bytes', `opening ${size}`), opening, reading),
    makeRow(
      text('open.firstTraversal', 'the first step along edges after that (builds adjacency)'),
      of((one) => one.firstStepMs),
      step,
    ),
    makeRow(
      text('open.firstTraversal.back', 'the first step against edges after that'),
      of((one) => one.firstStepBackMs),
      step,
    ),
    makeRow(text('open.toFirstStep', 'from opening to the end of that step'), of(whole), limit),
  ]
}

/**
 * The same graph with its checkpoint compressed in each way: the time to open it from the file
 * cache and, with the cache of its files dropped where the machine lets it be, from the disk.
 */
async function benchCompression(setting: Setting): Promise<Row[]> {
  const nodeCount = scaled(setting, nodesFull, 1000)
  const edgeCount = nodeCount * edgesPerNode
  const folders = new Map<string, string>()
  const checkpointMs = new Map<string, number>()
  for (const [number, name] of compressions.entries()) {
    setting.say(`Building the graph once more, its checkpoint compressed: ${name} ...`)
    const folder = setting.workspace.folder(name)
    const call = { folder, sizes: [nodeCount, edgeCount, number] }
    const built = await runTask(setting, { name: 'buildGraph', call }, isBuilt)
    folders.set(name, folder)
    checkpointMs.set(name, built.checkpointMs)
  }
  const { counted, warmUps } = setting.rounds
  const plan = { counted: Math.min(counted, 5), warmUps: Math.min(warmUps, 1) }
  const sizes = [nodeCount, edgeCount]
  const openers = (isCold: boolean): Contestant[] =>
    [...folders].map(([name, folder]) => ({
      name,
      async run() {
        if (isCold) dropFromCache(folder)
        const call = { folder, sizes }
        return (await runTask(setting, { name: 'openGraph', call }, isGraphTimes)).openMs / 1000
      },
    }))
  setting.say('Opening each from the file cache, then from the disk ...')
  const warm = await compete(openers(false), plan)
  const cold = await compete(openers(true), plan)
  const bytes = new Map([...folders].map(([name, folder]) => [name, bytesBelow(folder)]))
  const none = 'none'
  return compressions.slice(1).flatMap((name) => {
    const pair = { ours: name, theirs: none, against: 'not compressed' }
    const against = (of: ReadonlyMap<string, number>, scale: number) => {
      return { against: pair.against, theirs: (of.get(none) ?? 0) / scale }
    }
    const id = `open.${name}`
    const made = `making the checkpoint, ${name}`
    return [
      rowOf(warm, { id, what: `opening it compressed with ${name}, file cache warm`, unit }, pair),
      rowOf(
        cold,
        { id: `${id}.cold`, what: `opening it compressed with ${name}, file cache cold`, unit },
        pair,
      ),
      makeRow(
        { id: `${id}.size`, what: `its size on the disk, ${name}`, unit: 'MB' },
        (bytes.get(name) ?? 0) / 1e6,
        against(bytes, 1e6),
      ),
      makeRow(
        { id: `${id}.checkpoint`, what: made, unit },
        (checkpointMs.get(name) ?? 0) / 1000,
        against(checkpointMs, 1000),
      ),
    ]
  })
}

/** GNU dd asks the kernel to forget the pages of a file; where it can't, they stay. */
function dropFromCache(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    spawnSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' })
  }
}

async function benchTail(setting: Setting): Promise<Row[]> {
  const bytesMin = scaled(setting, tailBytesFull, 50_000)
  const folder = setting.workspace.folder('tail')
  setting.say(`Filling a log with ${bytesMin} bytes, then killing its process ...`)
  const acknowledged = await fillAndKill(folder, bytesMin)
  const bytes = bytesBelow(folder)
  setting.say(`Opening ${bytes} bytes with ${acknowledged} acknowledged commits ...`)
  const opener: Contestant = {
    name: 'ours',
    async run() {
      const copy = join(setting.workspace.folder('copy'), 'tail')
      cpSync(folder, copy, { recursive: true })
      const call = { folder: copy, sizes: [acknowledged] }
      const { openMs } = await runTask(setting, { name: 'openTail', call }, hasOpenMs)
      rmSync(copy, { recursive: true })
      return openMs / 1000
    },
  }
  const reader = secondsOf(setting, sameBytes, { name: 'readBytes', call: { folder } })
  const { counted, warmUps } = setting.rounds
  const plan = { counted: Math.min(counted, 3), warmUps: Math.min(warmUps, 1) }
  const figures = await compete([opener, reader], plan)
  const megabytes = Math.round(bytes / 1e6)
  const what = `opening a log of ${megabytes} MB (${acknowledged} commits) after kill -9`
  const theirs = figures.mustGet(sameBytes)
  return [
    makeRow({ id: 'open.tail', what, unit }, figures.mustGet('ours'), {
      against: 'limit 3 s',
      theirs: 3,
    }),
    makeRow({ id: 'open.tail.bytes', what, unit }, figures.mustGet('ours'), {
      against: 'reading the same bytes',
      theirs,
    }),
  ]
}

/** A contestant whose figure is the seconds that a task says its opening took. */
function secondsOf(
  setting: Setting,
  name: string,
  task: { readonly name: TaskName; readonly call: TaskCall },
): Contestant {
  return {
    name,
    async run() {
      const { openMs } = await runTask(setting, task, hasOpenMs)
      return openMs / 1000
    },
  }
}

/** Resolves with how many commits the child had acknowledged when it was killed amid its work. */
async function fillAndKill(folder: string, bytesMin: number): Promise<number> {
  const child = startTask('fillLog', { folder, sizes: [bytesMin] })
  const ended = new Promise((resolve) => child.on('close', resolve))
  let acknowledged = 0
  const { stdout } = child
  mustBe(stdout !== null, 'the output of a child is a pipe')
  if (stdout === null) return 0
  for await (const line of createInterface({ input: stdout })) {
    const said: unknown = JSON.parse(line)
    acknowledged = isObject(said) ? Number(Reflect.get(said, 'acknowledged')) : 0
    child.kill('SIGKILL')
    break
  }
  await ended
  mustBe(child.signalCode === 'SIGKILL', 'the child that fills the log was killed')
  return acknowledged
}

function bytesBelow(folder: string): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}

function isBuilt(value: unknown): value is { checkpointMs: number } {
  return isObject(value) && typeof Reflect.get(value, 'checkpointMs') === 'number'
}

function hasOpenMs(value: unknown): value is { openMs: number } {
  return isObject(value) && typeof Reflect.get(value, 'openMs') === 'number'
}

function isGraphTimes(value: unknown): value is GraphTimes {
  const names = ['openMs', 'firstReadMs', 'firstStepMs', 'firstStepBackMs']
  return isObject(value) && names.every((name) => typeof Reflect.get(value, name) === 'number')
}

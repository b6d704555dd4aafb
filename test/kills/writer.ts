/**
 * A process that commits until it is killed. It loads the engine, says `ready`, and waits for one
 * line on its standard input: a `WriterTask` as JSON. What it says on its standard output, one line
 * each, is written before anything that comes after, so what stands in the pipe had happened:
 *
 *     ready                 the engine is loaded
 *     opened COUNT TORN     COUNT commits were found; TORN bytes of an unfinished end were cut
 *     a NUMBER              the commit was acknowledged
 *     k NUMBER              it, and all before, were promised to outlive the process
 *     r+  r-                a new segment of the log is begun; is in use
 *     w+                    so much is about to be written that a kill may tear it
 *     c+  c- NUMBER         a checkpoint is begun; is done, and holds the commits up to NUMBER
 *     x+  x-                closing; closed
 *     e CODE MESSAGE        something failed
 */
import { writeSync } from 'node:fs'
import {
  type Database,
  DatabaseError,
  open,
  type OpenOptions,
  type Transaction,
} from '../../packages/asofdb/src/index.ts'
import type { Host } from '../../packages/asofdb/src/host/host.ts'
import { nodeHost } from '../../packages/asofdb/src/host/node-host.ts'
import { applyStep, countIn, stepOf } from './workload.ts'

export interface WriterTask {
  readonly directory: string
  readonly options: OpenOptions
  readonly seed: string
  readonly life: number
  /** Whether what is acknowledged is kept, in this mode. */
  readonly isKept: boolean
  /** Makes checkpoints one after another, besides those by thresholds. */
  readonly isCheckpointing: boolean
  /** Closes after so many commits of this life, while others are under way. */
  readonly closeAfter: number | null
}

const writers = 4
/** Of the commits of a mode that keeps none by itself, every so many asks to be kept. */
const strongerEvery = 7
const stronger = ['sync', 'os'] as const
const largeBytes = 2_000_000

function say(line: string): void {
  writeSync(1, `${line}\n`)
}

/** The real host, which says when a segment of the log is begun, or much of one written. */
function sayingHost(): Host {
  const host = nodeHost()
  const openFile: Host['files']['open'] = async (path, mode) => {
    const isLog = path.includes('/log/')
    if (isLog && mode === 'create') say('r+')
    const file = await host.files.open(path, mode)
    const write = file.write.bind(file)
    file.write = (bytes, position) => {
      if (isLog && bytes.length >= largeBytes) say('w+')
      return write(bytes, position)
    }
    return file
  }
  return { ...host, files: { ...host.files, open: openFile } }
}

async function work(task: WriterTask): Promise<void> {
  let isClosing = false
  const database = await open(task.directory, {
    ...task.options,
    keyRetention: 'forever',
    host: sayingHost(),
    on: {
      logRotated: () => say('r-'),
      checkpointStarted: () => say('c+'),
      checkpointFinished: ({ sequence }) => say(`c- ${sequence}`),
    },
  })
  say(`opened ${database.sequence} ${database.recovery.tornTail?.bytesDiscarded ?? 0}`)
  const unlessClosing = async (loop: () => Promise<void>): Promise<void> => {
    try {
      while (!isClosing) await loop()
    } catch (error) {
      if (!isClosing) throw error
    }
  }
  let commits = 0
  const write = async (): Promise<void> => {
    await commit(database, task)
    commits += 1
    if (isClosing || task.closeAfter === null || commits < task.closeAfter) return
    isClosing = true
    say('x+')
    await database.close()
    say('x-')
  }
  const checkpoint = async (): Promise<void> => {
    await database.checkpoint()
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const loops = Array.from({ length: writers }, () => unlessClosing(write))
  if (task.isCheckpointing) loops.push(unlessClosing(checkpoint))
  await Promise.all(loops)
}

let asked = 0

async function commit(database: Database, { seed, life, isKept }: WriterTask): Promise<void> {
  asked += 1
  const isStronger = !isKept && asked % strongerEvery === 0
  const durability = isStronger ? stronger[(asked / strongerEvery) % 2] : undefined
  // The count is read and written by each: whoever was overtaken runs again, so the numbers are
  // those of the commits.
  const body = (tx: Transaction): number => {
    const number = countIn(tx) + 1
    applyStep(tx, stepOf(seed, number, life))
    return number
  }
  const number = await database.write(body, {
    meta: { who: String(life) },
    retries: 1000,
    ...(durability === undefined ? {} : { durability }),
  })
  say(`a ${number}`)
  if (isKept || isStronger) say(`k ${number}`)
}

function fail(error: unknown): void {
  const code = error instanceof DatabaseError ? error.code : 'Error'
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  say(`e ${code} ${text.replaceAll('\n', ' | ')}`)
  process.exitCode = 3
}

say('ready')
process.stdin.setEncoding('utf8').once('data', (line: string) => {
  const task: WriterTask = JSON.parse(line)
  // Alive until it is killed, or until the other end of the pipe is gone.
  work(task).catch(fail)
})
process.stdin.once('end', () => process.exit())

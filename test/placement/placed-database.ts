import { type Database, open, type OpenOptions } from '../../packages/asofdb/src/index.ts'
import type { Host } from '../../packages/asofdb/src/host/host.ts'
import type { SimulatedHost } from '../../simulation/simulated-host.ts'
import { bytesOf, filesBelow } from '../simulation/simulated-machine.ts'

export const directory = '/site/db'

/** A log and checkpoints on two other disks. */
export const elsewhere = { logDirectory: '/fast/log', checkpointDirectory: '/big/points' } as const

const usual = { segmentBytesMax: 5120, checkpointLogBytes: Infinity } as const

export function openOn(host: Host, options: OpenOptions = {}): Promise<Database> {
  return open(directory, { ...usual, host, ...options })
}

/** Puts as many keys as needed for so many commits, of about 300 bytes each. */
export async function commitUpTo(database: Database, count: number): Promise<void> {
  for (let commit = database.sequence + 1; commit <= count; commit++) {
    await database.write((tx) => tx.keys('all').put(commit, textOf(commit)))
  }
}

/** Whether the database holds what its number of commits says. */
export function isAsWritten(database: Database): boolean {
  const found = [...database.keys('all').range({})]
  const isRight = found.every(({ key, value }, at) => key === at + 1 && value === textOf(at + 1))
  return isRight && found.length === database.sequence
}

function textOf(commit: number): string {
  return String(commit).repeat(300).slice(0, 300)
}

/** All files below a directory with their bytes, but for locks. */
export async function contentOf(
  host: SimulatedHost,
  folder: string,
): Promise<Record<string, string>> {
  const content: Record<string, string> = {}
  for (const path of await filesBelow(host.files, folder)) {
    if (path.includes('/LOCK')) continue
    content[path] = (await bytesOf(host.files, path)).toString('base64')
  }
  return content
}

/** Copies everything below a directory, as a user would. */
export async function copyFolder(
  host: SimulatedHost,
  { from, to }: { from: string; to: string },
): Promise<void> {
  let parent = ''
  for (const name of to.split('/').slice(1)) {
    parent += `/${name}`
    if ((await host.files.stat(parent)) === undefined) await host.files.makeDirectory(parent)
  }
  for (const name of await host.files.list(from)) {
    const path = `${from}/${name}`
    const status = await host.files.stat(path)
    if (status?.type === 'directory') await copyFolder(host, { from: path, to: `${to}/${name}` })
    else if (!name.startsWith('LOCK')) {
      const file = await host.files.open(`${to}/${name}`, 'create')
      await file.write(await bytesOf(host.files, path), 0)
      await file.close()
    }
  }
}

/** Takes everything below a directory away; the directory itself stays. */
export async function emptyFolder(host: SimulatedHost, folder: string): Promise<void> {
  for (const name of await host.files.list(folder)) {
    const path = `${folder}/${name}`
    const status = await host.files.stat(path)
    if (status?.type === 'directory') await emptyFolder(host, path)
    else await host.files.remove(path)
  }
}

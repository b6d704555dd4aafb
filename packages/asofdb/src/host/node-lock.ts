/**
 * One holder per directory, in three layers, because each alone has a hole:
 *
 * 1. A registry on `globalThis` finds a second opener of this process at once, even from a second
 *    copy of this module.
 * 2. A name held by the kernel (abstract socket on Linux, named pipe on Windows) is freed by the
 *    death of its holder and by nothing else: a stopped process keeps it. It does not reach other
 *    network namespaces, and other platforms have none.
 * 3. The file `LOCK` says who holds the directory, and counts where the kernel's name does not.
 *
 * A `LOCK` left by a dead process is removed by the one opener whose claim stands alone. A claim is
 * a file with a name that is used once, `LOCK.<nonce>`, made before the look at the other claims:
 * of two openers that both looked, at least one saw the other, so two never both remove. Names
 * beginning with `LOCK` belong to this module.
 */
import { randomUUID } from 'node:crypto'
import * as fs from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { hostname } from 'node:os'
import { isErrno } from './files.ts'
import { type DirectoryLock, LockHeldError, type LockHolder } from './host.ts'
import { bootIdentity, findProcess } from './node-process.ts'

const lockName = 'LOCK'

/** Rivals give way within moments; one that takes longer is suspended, and may stay so for ever. */
const rivalPatienceMs = 2000

/** What the file `LOCK` says, as JSON. An empty string stands for what could not be learned. */
interface LockRecord extends LockHolder {
  readonly bootId: string
  readonly processStart: string
  readonly kernelName: string
  readonly nonce: string
}

interface LockFile {
  readonly text: string
  /** Undefined when the text is no record: a power cut emptied it. */
  readonly record: LockRecord | undefined
}

export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const { dev, ino } = await fs.stat(directory, { bigint: true })
  const identity = `${dev}-${ino}`
  const holders = holdersOfThisProcess()
  const holder = holders.get(identity)
  if (holder) throw new LockHeldError(directory, holder)
  const self = { pid: process.pid, hostName: hostname(), sinceMs: Date.now() }
  holders.set(identity, self)
  let kernelName: KernelName | undefined
  try {
    kernelName = await takeKernelName(directory, identity)
    const record = await describeSelf(self, kernelName?.name ?? '')
    const text = await takeLockFile(directory, record)
    return { release: releaseOnce({ directory, text, identity, kernelName }) }
  } catch (error) {
    holders.delete(identity)
    await kernelName?.free()
    throw error
  }
}

function holdersOfThisProcess(): Map<string, LockHolder> {
  const symbol = Symbol.for('asofdb.locks')
  const found: unknown = Reflect.get(globalThis, symbol)
  if (found instanceof Map) return found
  const holders = new Map<string, LockHolder>()
  Reflect.set(globalThis, symbol, holders)
  return holders
}

interface HeldParts {
  readonly directory: string
  readonly text: string
  readonly identity: string
  readonly kernelName: KernelName | undefined
}

function releaseOnce({ directory, text, identity, kernelName }: HeldParts): () => Promise<void> {
  let released: Promise<void> | undefined
  const release = async () => {
    try {
      const found = await readLockFile(`${directory}/${lockName}`)
      if (found?.text === text) await removeIfPresent(`${directory}/${lockName}`)
    } finally {
      await kernelName?.free()
      holdersOfThisProcess().delete(identity)
    }
  }
  return () => (released ??= release())
}

/** Exported for the test of the race for a stale lock. */
export async function describeSelf(self: LockHolder, kernelName: string): Promise<LockRecord> {
  const { start } = await findProcess(self.pid)
  return {
    ...self,
    bootId: await bootIdentity(),
    processStart: start,
    kernelName,
    nonce: randomUUID(),
  }
}

interface KernelName {
  readonly name: string
  free(): Promise<void>
}

function kernelNameOf(identity: string): string | undefined {
  if (process.platform === 'linux') return `\0asofdb-${identity}`
  if (process.platform === 'win32') return `\\\\?\\pipe\\asofdb-${identity}`
  return undefined
}

/** Undefined where the platform, or the sandbox around the process, has no such names. */
async function takeKernelName(
  directory: string,
  identity: string,
): Promise<KernelName | undefined> {
  const name = kernelNameOf(identity)
  if (name === undefined) return undefined
  try {
    const server = await listen(name)
    return { name, free: () => new Promise((resolve) => server.close(() => resolve())) }
  } catch (error) {
    if (!isErrno(error, 'EADDRINUSE')) return undefined
    const found = await readLockFile(`${directory}/${lockName}`)
    throw new LockHeldError(directory, found?.record)
  }
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', reject)
    // In a cluster worker the primary would otherwise share one listener among all workers.
    server.listen({ path, exclusive: true }, () => {
      server.off('error', reject)
      server.unref()
      resolve(server)
    })
  })
}

/** Returns the text now in `LOCK`. Exported for the test of the race for a stale lock. */
export async function takeLockFile(directory: string, record: LockRecord): Promise<string> {
  const text = `${JSON.stringify(record)}\n`
  const claim = `${directory}/${lockName}.${record.nonce}`
  const patienceEndMs = performance.now() + rivalPatienceMs
  // Renamed when whole, so a claim that cannot be read was emptied by a power cut: it is dead.
  try {
    await fs.writeFile(`${claim}.tmp`, text, { flag: 'wx' })
    await fs.rename(`${claim}.tmp`, claim)
    while (!(await placeLockFile({ claim, path: `${directory}/${lockName}`, text }))) {
      await removeStaleLockFile(directory, record, patienceEndMs)
    }
  } finally {
    await removeIfPresent(`${claim}.tmp`)
    await removeIfPresent(claim)
  }
  await removeDeadClaims(directory, record)
  return text
}

interface Placement {
  readonly claim: string
  readonly path: string
  readonly text: string
}

/** False when `LOCK` exists. A link makes the name and its content appear in one step. */
async function placeLockFile({ claim, path, text }: Placement): Promise<boolean> {
  try {
    await fs.link(claim, path)
    return true
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false
    const hasNoLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].some((c) => isErrno(error, c))
    if (!hasNoLinks) throw error
  }
  try {
    await fs.writeFile(path, text, { flag: 'wx' })
    return true
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false
    throw error
  }
}

/** Returns after a step towards a free `LOCK`; throws when somebody alive has it or wants it. */
async function removeStaleLockFile(
  directory: string,
  self: LockRecord,
  patienceEndMs: number,
): Promise<void> {
  const path = `${directory}/${lockName}`
  const found = await readSettledLockFile(path)
  if (!found) return
  if (!(await isStale(found.record, self))) throw new LockHeldError(directory, found.record)
  const rivals = await liveClaims(directory, self)
  const first = rivals.find((rival) => rival.nonce < self.nonce)
  if (first) throw new LockHeldError(directory, first)
  if (rivals.length > 0) {
    if (performance.now() > patienceEndMs) throw new LockHeldError(directory, rivals[0])
    // The others give way to the lowest nonce, which is ours; they need a moment to see it.
    await pause(10)
    return
  }
  const again = await readLockFile(path)
  if (again?.text === found.text) await removeIfPresent(path)
}

/**
 * Without links a `LOCK` is empty for the moment between its creation and its writing; content that
 * stays unreadable for longer was lost in a power cut.
 */
async function readSettledLockFile(path: string): Promise<LockFile | undefined> {
  const found = await readLockFile(path)
  if (!found || found.record) return found
  await pause(100)
  return readLockFile(path)
}

async function liveClaims(directory: string, self: LockRecord): Promise<LockRecord[]> {
  const live: LockRecord[] = []
  for (const name of await claimNames(directory)) {
    const record = (await readLockFile(`${directory}/${name}`))?.record
    if (record && record.nonce !== self.nonce && !(await isStale(record, self))) live.push(record)
  }
  return live
}

async function removeDeadClaims(directory: string, self: LockRecord): Promise<void> {
  for (const name of await claimNames(directory)) {
    const found = await readLockFile(`${directory}/${name}`)
    if (found && (await isStale(found.record, self))) await removeIfPresent(`${directory}/${name}`)
  }
}

async function claimNames(directory: string): Promise<string[]> {
  const names = await fs.readdir(directory)
  return names.filter((name) => name.startsWith(`${lockName}.`) && !name.endsWith('.tmp'))
}

/** True only with proof that the process that wrote the record is gone. */
async function isStale(record: LockRecord | undefined, self: LockRecord): Promise<boolean> {
  if (!record) return true
  if (record.hostName !== self.hostName) return false
  if (record.bootId !== self.bootId) return true
  const isOurNow = self.kernelName !== '' && record.kernelName === self.kernelName
  // A pipe's name reaches the whole machine, so nobody else can be alive and have had it.
  if (process.platform === 'win32' && isOurNow) return true
  if (record.pid === self.pid) {
    // Another thread of this process, now terminated: alive it would still have the name.
    return record.processStart !== self.processStart || isOurNow
  }
  const { isAlive, start } = await findProcess(record.pid)
  if (!isAlive) return true
  return start !== '' && record.processStart !== '' && start !== record.processStart
}

async function readLockFile(path: string): Promise<LockFile | undefined> {
  try {
    const text = await fs.readFile(path, 'utf8')
    return { text, record: parseLockRecord(text) }
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

function parseLockRecord(text: string): LockRecord | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const fields = new Map<string, unknown>(Object.entries(parsed))
  const pid = fields.get('pid')
  const sinceMs = fields.get('sinceMs')
  if (typeof pid !== 'number' || typeof sinceMs !== 'number') return undefined
  const words = ['hostName', 'bootId', 'processStart', 'kernelName', 'nonce'].map((name) => {
    const word = fields.get(name)
    return typeof word === 'string' ? word : ''
  })
  const [hostName = '', bootId = '', processStart = '', kernelName = '', nonce = ''] = words
  return { pid, sinceMs, hostName, bootId, processStart, kernelName, nonce }
}

async function removeIfPresent(path: string): Promise<void> {
  try {
    await fs.unlink(path)
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error
  }
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs))
}

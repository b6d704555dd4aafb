import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LockHeldError } from '../../packages/asofdb/src/host/host.ts'
import {
  describeSelf,
  lockDirectory,
  takeLockFile,
} from '../../packages/asofdb/src/host/node-lock.ts'
import { findProcess, findWithPs } from '../../packages/asofdb/src/host/node-process.ts'

const source = new URL('../../packages/asofdb/src/host/', import.meta.url)
const isLinux = process.platform === 'linux'

let root = ''
let count = 0

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'asofdb-lock-'))
  await compileLock(join(root, 'compiled'))
})

afterAll(() => rm(root, { recursive: true, force: true }))

async function newDirectory(): Promise<string> {
  count += 1
  const directory = join(root, `directory-${count}`)
  await mkdir(directory)
  return directory
}

/** A child process runs plain JavaScript, so it gets the modules compiled. */
async function compileLock(directory: string): Promise<void> {
  await mkdir(directory)
  await writeFile(join(directory, 'package.json'), '{"type":"module"}')
  for (const name of ['files', 'host', 'node-lock', 'node-process']) {
    const text = await readFile(new URL(`${name}.ts`, source), 'utf8')
    const compilerOptions = {
      module: ModuleKind.ESNext,
      target: ScriptTarget.ES2022,
      rewriteRelativeImportExtensions: true,
      verbatimModuleSyntax: true,
    }
    const { outputText } = transpileModule(text, { compilerOptions })
    await writeFile(join(directory, `${name}.js`), outputText)
  }
}

/** Starts a process that takes the lock and keeps it; resolves once it has. */
async function holderOf(directory: string): Promise<ChildProcess> {
  const code = `
    import { lockDirectory } from ${JSON.stringify(join(root, 'compiled', 'node-lock.js'))}
    await lockDirectory(${JSON.stringify(directory)})
    process.stdout.write('held')
    setInterval(() => undefined, 1000)
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (!child.stdout) throw new Error('the child has no output')
  await once(child.stdout, 'data')
  return child
}

async function refusalOf(directory: string): Promise<LockHeldError> {
  const error = await lockDirectory(directory).catch((caught: unknown) => caught)
  if (error instanceof LockHeldError) return error
  throw new Error(`the lock was given, or failed otherwise: ${String(error)}`)
}

/** A `LOCK` that says what a holder with these properties would have written. */
async function leaveLock(directory: string, changes: Record<string, unknown>): Promise<void> {
  const self = { pid: process.pid, hostName: hostname(), sinceMs: 1 }
  const record = { ...(await describeSelf(self, '')), ...changes }
  await writeFile(join(directory, 'LOCK'), JSON.stringify(record))
}

async function expectFree(directory: string): Promise<void> {
  const lock = await lockDirectory(directory)
  const names = await readdir(directory)
  await lock.release()
  expect([names, await readdir(directory)]).toEqual([['LOCK'], []])
}

describe('the lock of a directory', () => {
  it('is refused while another process has it, and names that process', async () => {
    const directory = await newDirectory()
    const child = await holderOf(directory)
    try {
      const { holder, message } = await refusalOf(directory)
      expect(holder).toMatchObject({ pid: child.pid, hostName: hostname() })
      expect(message).toContain(String(child.pid))
      child.kill('SIGSTOP')
      expect((await refusalOf(directory)).holder?.pid).toBe(child.pid)
    } finally {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
    await expectFree(directory)
  })

  it('is refused on the word of the file alone, where the name does not reach', async () => {
    const directory = await newDirectory()
    const child = await holderOf(await newDirectory())
    const { pid } = child
    const { start } = await findProcess(pid ?? 0)
    await leaveLock(directory, { pid, processStart: start })
    expect((await refusalOf(directory)).holder?.pid).toBe(pid)
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    await expectFree(directory)
  })

  it('survives the reuse of a process number and the loss of the content of the file', async () => {
    const directory = await newDirectory()
    const parent = process.ppid
    for (const changes of [
      { pid: parent, processStart: 'another time' },
      { processStart: 'another time' },
      { pid: 2 ** 22 + 1 },
      { pid: parent, bootId: 'another boot' },
    ]) {
      await leaveLock(directory, changes)
      await expectFree(directory)
    }
    await writeFile(join(directory, 'LOCK'), '')
    await expectFree(directory)
    expect(await readdir(directory)).toEqual([])
  })

  it('is never taken from another machine', async () => {
    const directory = await newDirectory()
    await leaveLock(directory, { hostName: 'elsewhere', bootId: 'another boot', pid: 2 ** 22 + 1 })
    expect((await refusalOf(directory)).holder?.hostName).toBe('elsewhere')
    expect(await readdir(directory)).toEqual(['LOCK'])
  })

  it.runIf(isLinux)('is free after the thread that had it was terminated', async () => {
    const directory = await newDirectory()
    const lock = await lockDirectory(directory)
    const { kernelName } = JSON.parse(await readFile(join(directory, 'LOCK'), 'utf8'))
    await lock.release()
    await leaveLock(directory, { kernelName })
    await expectFree(directory)
    // Without the kernel's name there is no proof that the other thread is gone.
    await leaveLock(directory, { kernelName: '' })
    expect((await refusalOf(directory)).holder?.pid).toBe(process.pid)
  })

  it('leaves no trace in this process when the directory cannot be written to', async () => {
    const directory = await newDirectory()
    await mkdir(join(directory, 'LOCK'))
    const blocked = await lockDirectory(directory).catch((error: unknown) => error)
    expect(blocked).toMatchObject({ code: 'EISDIR' })
    await rm(join(directory, 'LOCK'), { recursive: true })
    await expectFree(directory)
  })

  it('goes to exactly one of those who race for what a dead process left', async () => {
    for (let round = 0; round < 12; round++) {
      const directory = await newDirectory()
      await leaveLock(directory, { bootId: 'another boot' })
      const self = { pid: process.pid, hostName: hostname(), sinceMs: 1 }
      const records = await Promise.all(Array.from({ length: 5 }, () => describeSelf(self, '')))
      const race = records.map((record) => takeLockFile(directory, record))
      const outcomes = await Promise.allSettled(race)
      const winners = outcomes.filter((outcome) => outcome.status === 'fulfilled')
      expect(winners).toHaveLength(1)
      expect(await readFile(join(directory, 'LOCK'), 'utf8')).toBe(winners[0]?.value)
      const refusals = outcomes.filter((outcome) => outcome.status === 'rejected')
      for (const { reason } of refusals) expect(reason).toBeInstanceOf(LockHeldError)
      expect(await readdir(directory)).toEqual(['LOCK'])
    }
  })

  it('waits while somebody else alive claims what a dead process left', async () => {
    const directory = await newDirectory()
    await leaveLock(directory, { bootId: 'another boot' })
    const left = await readFile(join(directory, 'LOCK'), 'utf8')
    const self = { pid: process.pid, hostName: hostname(), sinceMs: 1 }
    const rival = { ...(await describeSelf(self, '')), nonce: 'z' }
    await writeFile(join(directory, 'LOCK.z'), JSON.stringify(rival))
    const taking = takeLockFile(directory, await describeSelf(self, ''))
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(await readFile(join(directory, 'LOCK'), 'utf8')).toBe(left)
    await rm(join(directory, 'LOCK.z'))
    const taken = await taking
    expect(await readFile(join(directory, 'LOCK'), 'utf8')).toBe(taken)
  })

  it('is refused in the end when whoever claims what a dead one left stands still', async () => {
    const directory = await newDirectory()
    const child = await holderOf(await newDirectory())
    child.kill('SIGSTOP')
    try {
      await leaveLock(directory, { bootId: 'another boot' })
      const self = { pid: child.pid ?? 0, hostName: hostname(), sinceMs: 1 }
      const rival = { ...(await describeSelf(self, '')), nonce: 'z' }
      await writeFile(join(directory, 'LOCK.z'), JSON.stringify(rival))
      expect((await refusalOf(directory)).holder?.pid).toBe(child.pid)
      expect(await readdir(directory)).toEqual(['LOCK', 'LOCK.z'])
    } finally {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
    await expectFree(directory)
  })

  it('is known to every copy of the module in this process, until its own release', async () => {
    const directory = await newDirectory()
    const { dev, ino } = await stat(directory, { bigint: true })
    const identity = `${dev}-${ino}`
    const first = await lockDirectory(directory)
    await first.release()
    const second = await lockDirectory(directory)
    await first.release()
    const registry: unknown = Reflect.get(globalThis, Symbol.for('asofdb.locks'))
    if (!(registry instanceof Map)) throw new Error('there is no registry')
    expect(registry.get(identity)).toMatchObject({ pid: process.pid })
    await second.release()
    registry.set(identity, { pid: 7, hostName: 'a copy', sinceMs: 0 })
    expect((await refusalOf(directory)).holder?.hostName).toBe('a copy')
    registry.delete(identity)
  })

  it('keeps no process alive', async () => {
    const directory = await newDirectory()
    const module = JSON.stringify(join(root, 'compiled', 'node-lock.js'))
    const code = `import { lockDirectory } from ${module}
      await lockDirectory(${JSON.stringify(directory)})`
    // Killed long after it should have ended, so that a failure leaves no process behind.
    const options = { timeout: 3000, killSignal: 'SIGKILL' } as const
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], options)
    const [status] = await once(child, 'exit')
    expect(status).toBe(0)
    await expectFree(directory)
  })
})

describe.runIf(isLinux)('the look-up of a process', () => {
  it('tells the living from the dead, also with ps', async () => {
    expect(await findProcess(process.pid)).toMatchObject({ isAlive: true })
    expect((await findProcess(process.pid)).start).toMatch(/^\d+$/)
    expect(await findProcess(2 ** 22 + 1)).toEqual({ isAlive: false, start: '' })
    expect((await findWithPs(process.pid)).start).toMatch(/^\w+ \w+ +\d+ [\d:]+ \d{4}$/)
    expect(await findWithPs(2 ** 22 + 1)).toEqual({ state: '', start: '' })
  })
})

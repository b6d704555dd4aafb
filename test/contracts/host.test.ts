import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { HostFile } from '../../packages/asofdb/src/host/host.ts'
import { memoryHost } from '../../packages/asofdb/src/host/memory-host.ts'
import { nodeHost } from '../../packages/asofdb/src/host/node-host.ts'
import { RandomStream } from '../../simulation/random.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { codeOf, hostContract, type HostUnderTest } from './host-contract.ts'

hostContract('the Node host', nodeSubject)

hostContract('the memory host', async () => ({
  host: memoryHost(nodeHost()),
  root: '/',
  run: (work) => work(),
  dispose: async () => undefined,
}))

for (const profile of ['posix', 'ordered'] as const) {
  hostContract(`the simulated host, ${profile}`, () => simulatedSubject(`contract ${profile}`))
}

describe('all file systems', () => {
  const seeds = Array.from({ length: 16 }, (_, index) => `fidelity ${index}`)
  it.each(seeds)('show the same results of one sequence of calls, seed "%s"', async (seed) => {
    const expected = await resultsOf(await nodeSubject(), seed)
    expect(await resultsOf(await simulatedSubject(seed), seed)).toEqual(expected)
    const memory = memoryHost(nodeHost())
    const subject = { host: memory, root: '/', run: directly, dispose: async () => undefined }
    expect(await resultsOf(subject, seed)).toEqual(expected)
  })
})

it('the timers of Node keep the process only where they are asked to', () => {
  const { timers } = nodeHost()
  const kept = (): number =>
    process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length
  const before = kept()
  const cancel = timers.after(60_000, () => {})
  expect(kept()).toBe(before)
  const cancelKeeping = timers.after(60_000, () => {}, { keepsProcess: true })
  expect(kept()).toBe(before + 1)
  cancelKeeping()
  cancel()
  expect(kept()).toBe(before)
})

const directly = <T>(work: () => Promise<T>) => work()

async function nodeSubject(): Promise<HostUnderTest> {
  const root = await mkdtemp(join(tmpdir(), 'asofdb-host-'))
  return {
    host: nodeHost(),
    root,
    run: directly,
    dispose: () => rm(root, { recursive: true, force: true }),
  }
}

async function simulatedSubject(seed: string): Promise<HostUnderTest> {
  const faults = { shortReadChance: 0.2, shortWriteChance: 0.2 }
  const host = new SimulatedHost({ seed, faults })
  await host.run(() => host.files.makeDirectory('/root'))
  return {
    host,
    root: '/root',
    run: (work) => host.run(work),
    dispose: async () => undefined,
  }
}

/** Runs a seeded sequence of calls and writes down what each of them showed. */
async function resultsOf(subject: HostUnderTest, seed: string): Promise<string[]> {
  const walk = new RandomWalk(subject, new RandomStream(seed))
  try {
    await subject.run(() => walk.walk(250))
  } finally {
    await subject.dispose()
  }
  return walk.results
}

class RandomWalk {
  readonly results: string[] = []
  readonly #subject: HostUnderTest
  readonly #random: RandomStream
  readonly #open: HostFile[] = []

  constructor(subject: HostUnderTest, random: RandomStream) {
    this.#subject = subject
    this.#random = random
  }

  async walk(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const [title, work] = this.#choose()
      const outcome = await codeOf(work().then((shown) => (shown ? this.results.push(shown) : 0)))
      this.results.push(`${title}: ${outcome}`)
    }
    for (const file of this.#open) await file.close()
  }

  #choose(): [title: string, work: () => Promise<string | undefined>] {
    const random = this.#random
    const { files } = this.#subject.host
    const path = this.#path()
    switch (random.below(9)) {
      case 0: {
        const other = this.#path()
        const isSafe = !`${other}/`.startsWith(`${path}/`) && !`${path}/`.startsWith(`${other}/`)
        if (!isSafe) return ['no rename', async () => undefined]
        return [
          `rename ${this.#shown(path)} ${this.#shown(other)}`,
          () => files.rename(path, other).then(() => undefined),
        ]
      }
      case 1:
        return [`remove ${this.#shown(path)}`, () => this.#removeFile(path)]
      case 2:
        return [
          `mkdir ${this.#shown(path)}`,
          () => files.makeDirectory(path).then(() => undefined),
        ]
      case 3:
        return [`list ${this.#shown(path)}`, async () => (await files.list(path)).join(' ')]
      case 4:
        return [`stat ${this.#shown(path)}`, () => this.#stat(path)]
      case 5:
      case 6:
        return this.#openOne(path)
      default:
        return this.#useOne()
    }
  }

  /** Removal of a directory fails with different codes on different platforms. */
  async #removeFile(path: string): Promise<undefined> {
    const { files } = this.#subject.host
    const status = await files.stat(path)
    if (status?.type !== 'directory') await files.remove(path)
  }

  async #stat(path: string): Promise<string> {
    const status = await this.#subject.host.files.stat(path)
    return status?.type === 'file' ? `file of ${status.size}` : (status?.type ?? 'nothing')
  }

  #openOne(path: string): [title: string, work: () => Promise<string | undefined>] {
    const mode = this.#random.pick(['read', 'write', 'create', 'create'] as const)
    const { files } = this.#subject.host
    const work = async () => {
      if ((await files.stat(path))?.type === 'directory') return undefined
      this.#open.push(await files.open(path, mode))
      return undefined
    }
    return [`${mode} ${this.#shown(path)}`, work]
  }

  #useOne(): [title: string, work: () => Promise<string | undefined>] {
    const random = this.#random
    const index = random.below(this.#open.length)
    const file = this.#open[index]
    if (!file) return ['no file', async () => undefined]
    const position = random.pick([0, 1, 511, 4095, 4096, 9000, 2 ** 20])
    const bytes = random.bytes(random.pick([0, 1, 100, 512, 5000]))
    switch (random.below(6)) {
      case 0:
        return [
          `truncate ${index} ${position}`,
          () => file.truncate(position).then(() => undefined),
        ]
      case 1:
        return [`size ${index}`, async () => String(await file.size())]
      case 2:
        return [`sync ${index}`, () => file.sync().then(() => undefined)]
      case 3:
        return [`read ${index}`, () => readShown(file, position)]
      default:
        return [`write ${index} ${position}+${bytes.length}`, () => writeAll(file, bytes, position)]
    }
  }

  #path(): string {
    const parts = ['a', 'b', 'c/a', 'c/b', 'c', 'd/e', 'd']
    return `${this.#subject.root.replace(/\/$/, '')}/${this.#random.pick(parts)}`
  }

  #shown(path: string): string {
    return path.slice(this.#subject.root.replace(/\/$/, '').length)
  }
}

async function writeAll(file: HostFile, bytes: Uint8Array, position: number): Promise<undefined> {
  for (let done = 0; done < bytes.length; ) {
    done += await file.write(bytes.subarray(done), position + done)
  }
}

async function readShown(file: HostFile, position: number): Promise<string> {
  const into = Buffer.alloc(6000)
  let done = 0
  for (let count = -1; count !== 0 && done < into.length; done += count) {
    count = await file.read(into.subarray(done), position + done)
  }
  return into.subarray(0, done).toString('hex')
}

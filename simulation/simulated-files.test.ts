import { describe, expect, it } from 'vitest'
import { readFully, writeFileDurably, writeFully } from '../packages/asofdb/src/host/files.ts'
import type { HostFile } from '../packages/asofdb/src/host/host.ts'
import { RandomStream } from './random.ts'
import { SimulatedCrash } from './simulated-clock.ts'
import type { CrashSpec } from './simulated-crash.ts'
import type { DiskProfile } from './simulated-disk.ts'
import { SimulatedHost } from './simulated-host.ts'

const profiles = ['posix', 'ordered'] as const

/** A machine with the durable, empty file `/file`, open for writing. */
async function machineWithFile(
  options: Partial<ConstructorParameters<typeof SimulatedHost>[0]> = {},
): Promise<{ host: SimulatedHost; file: HostFile }> {
  const host = new SimulatedHost({ seed: 'crash', ...options })
  const file = await host.files.open('/file', 'create')
  await file.sync()
  await host.files.syncDirectory('/')
  return { host, file }
}

async function contentOf(host: SimulatedHost, path = '/file'): Promise<string | undefined> {
  if (!(await host.files.stat(path))) return undefined
  const file = await host.files.open(path, 'read')
  const bytes = new Uint8Array(await file.size())
  await readFully(file, bytes, 0)
  await file.close()
  return Buffer.from(bytes).toString().replaceAll('\0', '.')
}

const put = (file: HostFile, text: string, position = 0) =>
  writeFully(file, Buffer.from(text), position)

/** All contents that the standard crashes and many random ones lead to. */
async function outcomesOf(host: SimulatedHost, path = '/file'): Promise<Set<string | undefined>> {
  const found = new Set<string | undefined>()
  for (const spec of host.crashes({ randomCount: 60 })) {
    found.add(await contentOf(host.crash(spec), path))
  }
  return found
}

describe.each(profiles)('a power loss on the simulated disk, profile %s', (profile) => {
  it('loses bytes that were not synced and keeps those that were', async () => {
    const { host, file } = await machineWithFile({ profile })
    await put(file, 'kept')
    await file.syncData()
    await put(file, 'LOST')
    expect(await contentOf(host)).toBe('LOST')
    expect(await contentOf(host.crash({ mode: 'none-kept' }))).toBe('kept')
    expect(await contentOf(host.crash({ mode: 'all-kept' }))).toBe('LOST')
    expect(await outcomesOf(host)).toEqual(new Set(['kept', 'LOST', 'LOpt', 'LOSt', 'Lept']))
  })

  it('loses names whose directory was not synced', async () => {
    const host = new SimulatedHost({ seed: 'names', profile })
    const file = await host.files.open('/file', 'create')
    await put(file, 'whole')
    if (profile === 'posix') await file.sync()
    const outcomes = await outcomesOf(host)
    expect(outcomes.has(undefined)).toBe(true)
    expect(outcomes.has('whole')).toBe(true)
  })

  it('loses all that is below a directory whose own name was lost', async () => {
    const host = new SimulatedHost({ seed: 'tree', profile: 'posix' })
    await host.files.makeDirectory('/deep')
    const file = await host.files.open('/deep/file', 'create')
    await file.sync()
    await host.files.syncDirectory('/deep')
    expect(await host.crash({ mode: 'none-kept' }).files.list('/')).toEqual([])
    expect(await contentOf(host.crash({ mode: 'all-kept' }), '/deep/file')).toBe('')
  })

  it('leaves the old file or the whole fresh one when a file is replaced durably', async () => {
    const found = new Set<string | undefined>()
    let crashes = 0
    for (const outcome of ['not-done', 'partly-done', 'done'] as const) {
      for (let operation = 1; ; operation++) {
        const contents = await replaceAndCrash(profile, { operation, outcome })
        if (!contents) break
        crashes += 1
        for (const content of contents) found.add(content)
      }
    }
    expect(found).toEqual(new Set(['old', 'fresh']))
    expect(crashes).toBe(3 * 12)
  })
})

async function replaceAndCrash(
  profile: DiskProfile,
  crashAt: { operation: number; outcome: 'not-done' | 'partly-done' | 'done' },
): Promise<Set<string | undefined> | undefined> {
  const first = new SimulatedHost({ seed: 'replace', profile })
  const old = { directory: '', name: 'file', bytes: Buffer.from('old') }
  await writeFileDurably({ files: first.files, ...old })
  const host = first.fork({ faults: { crashAt } })
  const bytes = Buffer.from('fresh')
  const work = async () => {
    await writeFileDurably({ files: host.files, ...old, bytes })
    await writeFileDurably({ files: host.files, ...old, bytes })
  }
  const error = await host.run(work).catch((caught: unknown) => caught)
  if (error === undefined) return undefined
  expect(error).toBeInstanceOf(SimulatedCrash)
  return outcomesOf(host)
}

describe('a power loss on the weakest disk', () => {
  it('decides sector by sector which version of a write is there', async () => {
    const { host, file } = await machineWithFile()
    await put(file, 'a'.repeat(512 * 4))
    await file.sync()
    await put(file, 'b'.repeat(512 * 4))
    await put(file, 'c'.repeat(512 * 2), 512)
    const seen = new Set<string>()
    for (let seed = 0; seed < 200; seed++) {
      const content = (await contentOf(host.crash({ mode: 'random', seed }))) ?? ''
      const sectors = content.match(/.{1,512}/g) ?? []
      seen.add(sectors.map((sector) => sector[0]).join(''))
    }
    for (const word of ['aaaa', 'bccb', 'bbbb', 'acca', 'abca', 'bbca']) {
      expect(seen).toContain(word)
    }
    // The sectors at the ends never saw the last write.
    for (const word of seen) expect(word).toMatch(/^[ab][abc][abc][ab]$/)
  })

  it('never shows a mixture inside a sector, which only ever had two versions', async () => {
    const { host, file } = await machineWithFile()
    await put(file, 'a'.repeat(512))
    await file.sync()
    await put(file, 'bbbb', 0)
    await put(file, 'cccc', 4)
    await put(file, 'dddd', 508)
    const rest = (text: string) => text + 'a'.repeat(512 - text.length)
    const versions = ['', 'bbbb', 'bbbbcccc'].map(rest)
    versions.push(`${rest('bbbbcccc').slice(0, 508)}dddd`)
    const specs: CrashSpec[] = [0, 1, 2].flatMap((index) => [
      { mode: 'only', index },
      { mode: 'all-but', index },
      { mode: 'prefix', count: index },
    ])
    for (const spec of specs) expect(versions).toContain(await contentOf(host.crash(spec)))
  })

  it('may grow a file before its bytes are there, with zeros or garbage', async () => {
    const { host, file } = await machineWithFile()
    await put(file, 'x'.repeat(1024))
    const zeros = await contentOf(host.crash({ mode: 'size-only', fill: 'zeros' }))
    expect(zeros).toBe('.'.repeat(1024))
    const garbage = host.crash({ mode: 'size-only', fill: 'garbage' })
    expect((await garbage.files.stat('/file'))?.size).toBe(1024)
    expect(await contentOf(garbage)).not.toMatch(/^[.x]*$/)
  })

  it('forgets bytes whose size was lost, also when the file grows again', async () => {
    const { host, file } = await machineWithFile()
    await put(file, 'short')
    await file.sync()
    await put(file, 'LONG, LONG', 0)
    const seen = new Set<string | undefined>()
    for (let seed = 0; seed < 40; seed++) {
      const next = host.crash({ mode: 'random', seed })
      const other = await next.files.open('/file', 'write')
      const size = await other.size()
      await put(other, '!', 12)
      const content = (await contentOf(next)) ?? ''
      expect(content.slice(size, 12)).toBe('.'.repeat(12 - size))
      seen.add(content)
    }
    for (const content of ['short.......!', 'LONG,.......!', 'LONG, LONG..!']) {
      expect(seen).toContain(content)
    }
  })

  it('cuts the last write at any byte', async () => {
    const { host, file } = await machineWithFile()
    await put(file, 'first ')
    await put(file, 'last', 6)
    const spec = { mode: 'last-torn', kept: 'cut', fraction: 0.5 } as const
    expect(await contentOf(host.crash(spec))).toBe('first la')
  })

  it('keeps a later name without an earlier one', async () => {
    const host = new SimulatedHost({ seed: 'order' })
    for (const name of ['/one', '/two']) await (await host.files.open(name, 'create')).sync()
    expect(await host.crash({ mode: 'only', index: 1 }).files.list('/')).toEqual(['two'])
  })

  it('may keep both names or none when a file moves between directories', async () => {
    const host = new SimulatedHost({ seed: 'move' })
    for (const name of ['/from', '/to']) await host.files.makeDirectory(name)
    await (await host.files.open('/from/file', 'create')).sync()
    for (const name of ['/', '/from', '/to']) await host.files.syncDirectory(name)
    await host.files.rename('/from/file', '/to/file')
    const shown = async (spec: CrashSpec) => {
      const next = host.crash(spec)
      return [...(await next.files.list('/from')), ...(await next.files.list('/to'))].length
    }
    expect(await shown({ mode: 'only', index: 0 })).toBe(2)
    expect(await shown({ mode: 'only', index: 1 })).toBe(0)
  })

  it('brings back what an unsynced truncation cut', async () => {
    const { host, file } = await machineWithFile()
    await put(file, 'y'.repeat(2000))
    await file.sync()
    await file.truncate(600)
    const outcomes = await outcomesOf(host)
    expect(outcomes).toContain('y'.repeat(600))
    expect(outcomes).toContain('y'.repeat(2000))
  })
})

describe('the ordered disk', () => {
  it('keeps names in the order of their making', async () => {
    const host = new SimulatedHost({ seed: 'order', profile: 'ordered' })
    for (const name of ['/1', '/2', '/3', '/4']) await host.files.open(name, 'create')
    const seen = new Set<string>()
    for (const spec of host.crashes({ randomCount: 60 })) {
      seen.add((await host.crash(spec).files.list('/')).join(''))
    }
    expect([...seen].sort()).toEqual(['', '1', '12', '123', '1234'])
  })

  it('never grows a file before its bytes', async () => {
    const { host, file } = await machineWithFile({ profile: 'ordered' })
    for (let index = 0; index < 4; index++) await put(file, 'x'.repeat(512), index * 512)
    for (const content of await outcomesOf(host)) {
      expect(content).toBe('x'.repeat(content?.length ?? 0))
    }
  })

  it('makes earlier names durable with a file that grew', async () => {
    const host = new SimulatedHost({ seed: 'ext4', profile: 'ordered' })
    const file = await host.files.open('/file', 'create')
    await put(file, 'grown')
    await file.sync()
    expect(await contentOf(host.crash({ mode: 'none-kept' }))).toBe('grown')
  })
})

describe('a sync of the simulated disk', () => {
  it('covers only writes that had returned when it was entered', async () => {
    let isLost = false
    for (let seed = 0; seed < 40; seed++) {
      const { host, file } = await machineWithFile({ seed })
      await put(file, 'before')
      const syncing = file.syncData()
      const writing = put(file, 'during', 6)
      await Promise.all([syncing, writing])
      const content = await contentOf(host.crash({ mode: 'none-kept' }))
      expect(content).toMatch(/^before/)
      isLost ||= content === 'before'
    }
    expect(isLost).toBe(true)
  })

  it('covers no write that was under way, in whatever order the two complete', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const { host, file } = await machineWithFile({ seed })
      const writing = put(file, 'during')
      const syncing = file.syncData()
      await Promise.all([syncing, writing])
      expect(await contentOf(host.crash({ mode: 'none-kept' }))).toBe('')
    }
  })

  it('does nothing when the plan breaks it, and a test can tell', async () => {
    const { host, file } = await machineWithFile({ profile: 'posix' })
    const broken = host.fork({ faults: { brokenSync: true, brokenDirectorySync: true } })
    await file.close()
    const { files } = broken
    await writeFileDurably({ files, directory: '', name: 'file', bytes: Buffer.from('x') })
    expect(await contentOf(broken.crash({ mode: 'none-kept' }))).toBe('')
    expect(await contentOf(broken.crash({ mode: 'names-only' }))).toBe('')
  })

  it('that failed is not made good by a later one', async () => {
    const faults = { faults: [{ kind: 'sync', nth: 2, error: 'EIO' }] } as const
    const { host, file } = await machineWithFile({ faults })
    await put(file, 'a'.repeat(8192))
    await expect(file.sync()).rejects.toThrow('EIO')
    await file.sync()
    expect(await contentOf(host)).toBe('a'.repeat(8192))
    // The next write dirties the first page only, so that page alone is written whole.
    await put(file, 'b')
    await file.sync()
    const outcomes = new Set<string>()
    for (const spec of host.crashes({ randomCount: 40 })) {
      const content = (await contentOf(host.crash(spec))) ?? ''
      expect(content.slice(0, 4096)).toBe(`b${'a'.repeat(4095)}`)
      outcomes.add(content.slice(4096, 4097))
    }
    expect(outcomes).toEqual(new Set(['a', '.']))
  })
})

describe('the fault plan', () => {
  it('fails the nth call of a kind, once or for ever', async () => {
    const once = { kind: 'write', nth: 2, error: 'EIO' } as const
    for (const isLasting of [false, true]) {
      const faults = { faults: [{ ...once, isLasting }] }
      const { file } = await machineWithFile({ faults })
      await put(file, 'one')
      await expect(put(file, 'two')).rejects.toThrow('EIO')
      const third = put(file, 'three').then(
        () => false,
        () => true,
      )
      expect(await third).toBe(isLasting)
    }
  })

  it('runs out of space in the middle of a write, and takes more after a removal', async () => {
    const { host, file } = await machineWithFile({ faults: { capacityBytes: 10 } })
    expect(await file.write(Buffer.from('1234567'), 0)).toBe(7)
    expect(await file.write(Buffer.from('abcdefg'), 7)).toBe(3)
    await expect(file.write(Buffer.from('x'), 10)).rejects.toThrow('ENOSPC')
    await file.write(Buffer.from('overwrite'), 0)
    await file.truncate(4)
    expect(await file.write(Buffer.from('abcdefgh'), 4)).toBe(6)
    await host.files.remove('/file')
    const other = await host.files.open('/other', 'create')
    expect(await other.write(Buffer.from('1234567890'), 0)).toBe(10)
  })

  it('flips one bit of one read', async () => {
    const faults = { faults: [{ kind: 'flip', nth: 1, bit: 0 }] } as const
    const { host, file } = await machineWithFile({ faults })
    await put(file, 'b')
    expect(await contentOf(host)).toBe('c')
    expect(await contentOf(host)).toBe('b')
  })

  it('counts the calls of a run, so that a harness knows how many there are to fail', async () => {
    const { host, file } = await machineWithFile()
    const { mutations } = host.files.faults
    await put(file, 'x')
    await file.size()
    expect(host.files.faults.mutations).toBe(mutations + 1)
    expect(host.files.faults.counts.get('write')).toBe(1)
  })
})

describe('a stopped machine', () => {
  it('is dead for good: no handle, no call and no timer of it works', async () => {
    const { host, file } = await machineWithFile()
    let ticks = 0
    host.timers.after(1, () => ticks++)
    const next = host.crash({ mode: 'all-kept' })
    await expect(put(file, 'zombie')).rejects.toBeInstanceOf(SimulatedCrash)
    expect(() => file.writeNow(Buffer.from('zombie'), 0)).toThrow(SimulatedCrash)
    await expect(host.files.list('/')).rejects.toBeInstanceOf(SimulatedCrash)
    await expect(host.run(async () => 1)).rejects.toBeInstanceOf(SimulatedCrash)
    expect(await contentOf(next)).toBe('')
    await next.run(() => new Promise<void>((resolve) => next.timers.after(10, resolve)))
    expect(ticks).toBe(0)
  })

  it('may have done, in part or not at all, what was under way', async () => {
    const { host, file } = await machineWithFile()
    void file.write(Buffer.from('under way'), 0)
    void host.files.rename('/file', '/moved')
    const outcomes = new Set<string>()
    for (const spec of host.crashes({ randomCount: 60 })) {
      const next = host.crash(spec)
      const [name = ''] = await next.files.list('/')
      outcomes.add(`${name} ${await contentOf(next, `/${name}`)}`)
    }
    for (const text of ['file ', 'moved ', 'file under way', 'moved under way', 'file unde']) {
      expect(outcomes).toContain(text)
    }
  })

  it('lets the calls under way hang as in a dead process, or reject when asked', async () => {
    for (const crashRejects of [false, true]) {
      const { host, file } = await machineWithFile({ crashRejects })
      let outcome = 'hangs'
      const writing = put(file, 'x').catch((error: unknown) => {
        outcome = error instanceof SimulatedCrash ? 'rejects' : 'other'
      })
      host.files.stop('test')
      await Promise.race([writing, new Promise((resolve) => setImmediate(resolve))])
      expect(outcome).toBe(crashRejects ? 'rejects' : 'hangs')
    }
  })

  it('frees its locks, and a running one keeps them', async () => {
    const { host } = await machineWithFile()
    await host.files.lock('/')
    await expect(host.files.lock('/')).rejects.toThrow('held by')
    await host.crash({ mode: 'none-kept' }).files.lock('/')
    await host.kill().files.lock('/')
  })

  it('keeps its page cache when only the process died', async () => {
    const { host, file } = await machineWithFile()
    await put(file, 'cached')
    const next = host.kill()
    expect(await contentOf(next)).toBe('cached')
    expect(await contentOf(next.crash({ mode: 'none-kept' }))).toBe('')
    expect(await contentOf(host.crash({ mode: 'none-kept' }))).toBe('')
  })

  it('may have done what was under way when the process died', async () => {
    const { host, file } = await machineWithFile()
    void file.write(Buffer.from('under way'), 0)
    const seen = new Set<string | undefined>()
    for (let seed = 0; seed < 40; seed++) seen.add(await contentOf(host.kill({ seed })))
    for (const content of ['', 'under way', 'under', 'un']) expect(seen).toContain(content)
  })

  it('stops at each crash point of the plan, at none twice', async () => {
    const seen: string[] = []
    for (const outcome of ['not-done', 'partly-done', 'done'] as const) {
      const { host, file } = await machineWithFile()
      await file.close()
      const next = host.fork({ faults: { crashAt: { operation: 1, outcome } } })
      const work = async () => {
        const other = await next.files.open('/file', 'write')
        await put(other, 'x')
      }
      await expect(next.run(work)).rejects.toBeInstanceOf(SimulatedCrash)
      expect(next.isStopped).toBe(true)
      seen.push(`${next.pendingCount} ${await contentOf(next.crash({ mode: 'all-kept' }))}`)
    }
    expect(seen).toEqual(['0 ', '1 x', '1 x'])
  })
})

describe('a fork', () => {
  it('shares nothing that either side writes', async () => {
    const { host, file } = await machineWithFile()
    await put(file, 'same')
    const other = host.fork()
    await put(file, 'H')
    const twin = await other.files.open('/file', 'write')
    await put(twin, 'T', 3)
    expect([await contentOf(host), await contentOf(other)]).toEqual(['Hame', 'samT'])
    await file.sync()
    expect(await contentOf(other.crash({ mode: 'none-kept' }))).toBe('')
    expect(await contentOf(host.crash({ mode: 'none-kept' }))).toBe('Hame')
  })
})

describe('time in the simulated machine', () => {
  it('jumps to the next timer when there is nothing else to do', async () => {
    const host = new SimulatedHost({ seed: 'time' })
    const dayMs = 86_400_000
    await host.run(() => new Promise<void>((resolve) => host.timers.after(dayMs, resolve)))
    expect(host.clock.monotonicMs()).toBe(dayMs)
    host.clock.jumpWall(-5_000_000)
    expect(host.clock.wallMicros()).toBe(1_704_067_200_000_000 + dayMs * 1000 - 5_000_000)
  })

  it('says so when a run waits for something that can never happen', async () => {
    const host = new SimulatedHost({ seed: 'time' })
    await expect(host.run(() => new Promise(() => undefined))).rejects.toThrow('for ever')
  })

  it('ends a run that waits for a timer of a machine that stopped', async () => {
    const { host, file } = await machineWithFile()
    const run = host.run(() => new Promise((resolve) => host.timers.after(1e9, () => resolve(1))))
    await file.size()
    host.files.stop('test')
    await expect(run).rejects.toBeInstanceOf(SimulatedCrash)
  })
})

describe('a run of the simulated machine', () => {
  it('is the same for the same seed and another for another', async () => {
    const [first, again, other] = [await busyRun(1), await busyRun(1), await busyRun(2)]
    expect(again).toEqual(first)
    expect(other.hash).not.toBe(first.hash)
    expect(first.lines.length).toBeGreaterThan(100)
  })
})

/** Several workers that race for the disk, some faults, and the trace of it. */
async function busyRun(seed: number) {
  const faults = { shortWriteChance: 0.3, shortReadChance: 0.3, capacityBytes: 20_000 }
  const host = new SimulatedHost({ seed, faults })
  const random = new RandomStream('busy')
  const worker = async (name: string) => {
    const file = await host.files.open(`/${name}`, 'create')
    for (let round = 0; round < 10; round++) {
      const bytes = random.bytes(random.below(1500))
      await writeFully(file, bytes, round * 700).catch(() => host.files.list('/'))
      await Promise.all([file.syncData(), file.size(), host.timers.yieldTurn()])
    }
  }
  await host.run(() => Promise.all(['a', 'b', 'c', 'd'].map(worker)))
  return { hash: host.trace.hash, lines: host.trace.lines, next: host.random.fraction() }
}

describe('the random stream', () => {
  it('repeats itself, separates its labels, and fills its range evenly', () => {
    const draw = (random: RandomStream) => Array.from({ length: 20 }, () => random.word())
    expect(draw(new RandomStream('s'))).toEqual(draw(new RandomStream('s')))
    expect(draw(new RandomStream('s').stream('a'))).not.toEqual(draw(new RandomStream('s')))
    const random = new RandomStream('even')
    const counts = Array.from({ length: 10 }, () => 0)
    for (let index = 0; index < 10_000; index++) {
      const bucket = random.below(10)
      counts[bucket] = (counts[bucket] ?? 0) + 1
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  isErrno,
  readFully,
  readFullyNow,
  temporaryName,
  writeFileDurably,
  writeFully,
  writeFullyNow,
} from '../../packages/asofdb/src/host/files.ts'
import type { Host, HostFile } from '../../packages/asofdb/src/host/host.ts'
import { LockHeldError } from '../../packages/asofdb/src/host/host.ts'

export interface HostUnderTest {
  readonly host: Host
  /** An existing, empty directory. */
  readonly root: string
  /** Waits for work of this host; the simulated one needs its time driven. */
  run<T>(work: () => Promise<T>): Promise<T>
  dispose(): Promise<void>
}

/** What every `Host` does, whatever is behind it. */
export function hostContract(name: string, make: () => Promise<HostUnderTest>): void {
  describe(`${name} keeps the contract of Host`, () => {
    let subject: HostUnderTest
    let count = 0
    beforeAll(async () => {
      subject = await make()
    })
    afterAll(() => subject.dispose())

    // Every test runs inside its own directory.
    const declare: (title: string, test: () => Promise<void>) => void = it
    const check: Check = (title, body) =>
      declare(title, () =>
        subject.run(async () => {
          count += 1
          const directory = `${subject.root}/test-${count}`
          await subject.host.files.makeDirectory(directory)
          await body({ ...subject.host, directory })
        }),
      )
    openingAndClosing(check)
    readingAndWriting(check)
    names(check)
    wholeFiles(check)
    locks(check)
    timeAndChance(check)
  })
}

type Place = Host & { readonly directory: string }
type Check = (title: string, body: (place: Place) => Promise<void>) => void

/** The code with which something failed, or `done`. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'done'
  } catch (error) {
    if (error instanceof Error && 'code' in error) return String(error.code)
    throw error
  }
}

async function newFile({ files, directory }: Place, content = ''): Promise<HostFile> {
  const file = await files.open(`${directory}/file`, 'create')
  if (content !== '') await writeFully(file, Buffer.from(content), 0)
  return file
}

async function textOf(file: HostFile): Promise<string> {
  const into = new Uint8Array(await file.size())
  await readFully(file, into, 0)
  return Buffer.from(into).toString().replaceAll('\0', '.')
}

function openingAndClosing(check: Check): void {
  check('creates only what is not there, and opens only what is', async (place) => {
    const path = `${place.directory}/file`
    expect(await codeOf(place.files.open(path, 'read'))).toBe('ENOENT')
    expect(await codeOf(place.files.open(path, 'write'))).toBe('ENOENT')
    const file = await newFile(place)
    expect(await codeOf(place.files.open(path, 'create'))).toBe('EEXIST')
    expect(await codeOf(place.files.open(`${path}/below`, 'create'))).toBe('ENOTDIR')
    expect(await codeOf(place.files.open(`${path}-absent/below`, 'create'))).toBe('ENOENT')
    await file.close()
  })

  check('refuses changes through a file opened for reading', async (place) => {
    const file = await newFile(place, 'abc')
    const reader = await place.files.open(`${place.directory}/file`, 'read')
    expect(await codeOf(reader.write(Buffer.from('x'), 0))).toBe('EBADF')
    expect(await codeOf(reader.truncate(0))).toBe('EINVAL')
    expect(await textOf(reader)).toBe('abc')
    await reader.close()
    await file.close()
  })

  check('refuses everything through a closed file', async (place) => {
    const file = await newFile(place, 'abc')
    await file.close()
    // The platform gives the number of the closed file to the next one.
    const next = await place.files.open(`${place.directory}/next`, 'create')
    expect(await codeOf(file.read(new Uint8Array(1), 0))).toBe('EBADF')
    expect(await codeOf(file.write(Buffer.from('x'), 0))).toBe('EBADF')
    expect(() => file.writeNow(Buffer.from('x'), 0)).toThrow('EBADF')
    expect(() => file.readNow(new Uint8Array(1), 0)).toThrow('EBADF')
    expect(() => file.syncDataNow()).toThrow('EBADF')
    expect(await codeOf(file.sync())).toBe('EBADF')
    expect(await codeOf(file.syncData())).toBe('EBADF')
    expect(await codeOf(file.truncate(0))).toBe('EBADF')
    expect(await codeOf(file.size())).toBe('EBADF')
    expect(await codeOf(file.close())).toBe('EBADF')
    expect(await textOf(next)).toBe('')
    await next.close()
  })

  check('closes a file after the calls that are under way', async (place) => {
    const file = await newFile(place)
    const writing = file.write(Buffer.from('abc'), 0)
    const syncing = file.sync()
    await writing
    await Promise.all([syncing, file.close()])
    const reader = await place.files.open(`${place.directory}/file`, 'read')
    expect(await textOf(reader)).toBe('abc')
    await reader.close()
  })
}

function readingAndWriting(check: Check): void {
  check('reads what was written, with zeros in holes and nothing past the end', async (place) => {
    const file = await newFile(place, 'abc')
    await writeFully(file, Buffer.from('xyz'), 6)
    expect(await textOf(file)).toBe('abc...xyz')
    expect(await file.read(new Uint8Array(4), 9)).toBe(0)
    expect(await file.read(new Uint8Array(4), 1000)).toBe(0)
    expect(await readFully(file, new Uint8Array(40), 7)).toBe(2)
    await file.close()
  })

  check('writes nothing for no bytes, wherever they are put', async (place) => {
    const file = await newFile(place, 'abc')
    expect(await file.write(new Uint8Array(0), 10)).toBe(0)
    expect(await file.size()).toBe(3)
    expect(await file.read(new Uint8Array(0), 0)).toBe(0)
    await file.close()
  })

  check('writes and syncs without leaving the turn', async (place) => {
    const file = await newFile(place)
    writeFullyNow(file, Buffer.from('hello'), 0)
    file.syncDataNow()
    writeFullyNow(file, Buffer.from('J'), 0)
    expect(await textOf(file)).toBe('Jello')
    await file.syncData()
    await file.close()
  })

  check('reads without leaving the turn', async (place) => {
    const file = await newFile(place, 'abcdef')
    const into = new Uint8Array(8)
    expect(readFullyNow(file, into, 2)).toBe(4)
    expect(Buffer.from(into.subarray(0, 4)).toString()).toBe('cdef')
    expect(file.readNow(into, 6)).toBe(0)
    await file.close()
  })

  check('forgets what a truncation cut, also when the file grows again', async (place) => {
    const file = await newFile(place, 'abcdefgh')
    await file.truncate(3)
    expect(await textOf(file)).toBe('abc')
    await file.truncate(6)
    expect(await textOf(file)).toBe('abc...')
    await writeFully(file, Buffer.from('z'), 7)
    expect(await textOf(file)).toBe('abc....z')
    await file.close()
  })

  check('shows one content to all who have the file open', async (place) => {
    const file = await newFile(place, 'abc')
    const other = await place.files.open(`${place.directory}/file`, 'write')
    await writeFully(other, Buffer.from('X'), 1)
    expect(await textOf(file)).toBe('aXc')
    await other.close()
    await file.close()
  })

  check('crosses pages and sectors', async (place) => {
    const file = await newFile(place)
    const bytes = new Uint8Array(10_000).map((_, index) => index % 251)
    await writeFully(file, bytes, 500)
    const into = new Uint8Array(8_193)
    expect(await readFully(file, into, 510)).toBe(into.length)
    expect(Buffer.from(into).equals(Buffer.from(bytes.subarray(10, 10 + into.length)))).toBe(true)
    await file.close()
  })
}

function names(check: Check): void {
  check('replaces by rename, and keeps open files through it', async (place) => {
    const { files, directory } = place
    const old = await newFile(place, 'old')
    const fresh = await files.open(`${directory}/fresh`, 'create')
    await writeFully(fresh, Buffer.from('fresh'), 0)
    await files.rename(`${directory}/fresh`, `${directory}/file`)
    expect(await files.list(directory)).toEqual(['file'])
    expect(await textOf(old)).toBe('old')
    expect(await textOf(fresh)).toBe('fresh')
    expect((await files.stat(`${directory}/file`))?.size).toBe(5)
    expect(await codeOf(files.rename(`${directory}/absent`, `${directory}/file`))).toBe('ENOENT')
    await old.close()
    await fresh.close()
  })

  check('removes a name and keeps the open file', async (place) => {
    const path = `${place.directory}/file`
    const file = await newFile(place, 'abc')
    await place.files.remove(path)
    expect(await place.files.stat(path)).toBeUndefined()
    expect(await codeOf(place.files.remove(path))).toBe('ENOENT')
    expect(await textOf(file)).toBe('abc')
    await file.close()
  })

  check('makes directories below what is there', async ({ files, directory }) => {
    await files.makeDirectory(`${directory}/b`)
    await files.makeDirectory(`${directory}/b/deep`)
    await files.makeDirectory(`${directory}/a`)
    expect(await codeOf(files.makeDirectory(`${directory}/a`))).toBe('EEXIST')
    expect(await codeOf(files.makeDirectory(`${directory}/absent/deep`))).toBe('ENOENT')
    expect(await files.list(directory)).toEqual(['a', 'b'])
    expect(await codeOf(files.list(`${directory}/absent`))).toBe('ENOENT')
    await files.syncDirectory(directory)
  })

  check('tells files, directories and nothing apart', async (place) => {
    const { files, directory } = place
    const file = await newFile(place, 'abc')
    expect((await files.stat(directory))?.type).toBe('directory')
    expect(await files.stat(`${directory}/file`)).toEqual({ type: 'file', size: 3 })
    expect(await files.stat(`${directory}/absent`)).toBeUndefined()
    expect(await files.stat(`${directory}/file/below`)).toBeUndefined()
    expect(await codeOf(files.list(`${directory}/file`))).toBe('ENOTDIR')
    await file.close()
  })
}

function wholeFiles(check: Check): void {
  check('puts whole files in place, over old ones and leftovers', async (place) => {
    const { files, directory } = place
    const leftover = await files.open(`${directory}/${temporaryName('whole')}`, 'create')
    await writeFully(leftover, Buffer.from('a longer leftover of a crash'), 0)
    await leftover.close()
    for (const content of ['first', 'second']) {
      const bytes = Buffer.from(content)
      await writeFileDurably({ files, directory, name: 'whole', bytes })
      const file = await files.open(`${directory}/whole`, 'read')
      expect(await textOf(file)).toBe(content)
      await file.close()
    }
    expect(await files.list(directory)).toEqual(['whole'])
  })
}

function locks(check: Check): void {
  check('gives a directory to one holder at a time', async ({ files, directory }) => {
    await files.makeDirectory(`${directory}/one`)
    await files.makeDirectory(`${directory}/two`)
    const lock = await files.lock(`${directory}/one`)
    const other = await files.lock(`${directory}/two`)
    const refusal = await files.lock(`${directory}/one`).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(LockHeldError)
    expect(refusal).toMatchObject({ holder: { pid: expect.any(Number) } })
    await lock.release()
    await lock.release()
    const again = await files.lock(`${directory}/one`)
    // A second release of the first holder must not take the directory from the second.
    await lock.release()
    await expect(files.lock(`${directory}/one`)).rejects.toBeInstanceOf(LockHeldError)
    await again.release()
    await other.release()
  })

  check('gives a directory to one of many who ask at once', async ({ files, directory }) => {
    const asked = Array.from({ length: 8 }, () => files.lock(directory))
    const outcomes = await Promise.allSettled(asked)
    const winners = outcomes.filter((outcome) => outcome.status === 'fulfilled')
    expect(winners).toHaveLength(1)
    for (const winner of winners) await winner.value.release()
  })

  check('refuses to lock what is not there', async ({ files, directory }) => {
    expect(await codeOf(files.lock(`${directory}/absent`))).toBe('ENOENT')
  })
}

function timeAndChance(check: Check): void {
  check('runs timers in the order of their delays, and not when cancelled', async ({ timers }) => {
    const order: string[] = []
    const cancel = timers.after(2, () => order.push('cancelled'))
    await new Promise<void>((resolve) => {
      timers.after(20, () => {
        order.push('late')
        resolve()
      })
      timers.after(1, () => order.push('early'))
      cancel()
    })
    expect(order).toEqual(['early', 'late'])
    cancel()
  })

  check('advances the monotonic clock by at least the delay of a timer', async (place) => {
    const startMs = place.clock.monotonicMs()
    await new Promise<void>((resolve) => {
      place.timers.after(5, resolve)
    })
    // Timers of Node are rounded to whole milliseconds and may come a fraction early.
    expect(place.clock.monotonicMs() - startMs).toBeGreaterThanOrEqual(4)
    expect(Number.isSafeInteger(place.clock.wallMicros())).toBe(true)
  })

  check('yields a turn', async ({ timers }) => {
    await timers.yieldTurn()
  })

  check('draws bytes and fractions', async ({ random }) => {
    expect(random.bytes(0)).toHaveLength(0)
    expect(random.bytes(33)).toHaveLength(33)
    expect(Buffer.from(random.bytes(16)).equals(random.bytes(16))).toBe(false)
    const fraction = random.fraction()
    expect(fraction >= 0 && fraction < 1).toBe(true)
  })

  check('knows a failure of the file system by its code', async ({ files, directory }) => {
    const error = await files.open(`${directory}/absent`, 'read').catch((caught: unknown) => caught)
    expect(isErrno(error, 'ENOENT')).toBe(true)
    expect(isErrno(error, 'EEXIST')).toBe(false)
    expect(isErrno('ENOENT', 'ENOENT')).toBe(false)
  })
}

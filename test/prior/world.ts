import { type Database, type Host, open, type OpenOptions } from 'asofdb'
import type { HostFile } from '../../packages/asofdb/src/host/host.ts'
import { type Image, ImageFiles } from '../damage/image-files.ts'
import { hostOver } from '../damage/image-host.ts'
import { hostWithFileMethods } from '../log/log-fixture.ts'

export const directory = '/database'

const emptyImage: Image = { files: new Map(), directories: new Set(['', directory]) }

/** A machine with a disk in memory, whose clock and faults a test sets. */
export class World {
  readonly files: ImageFiles
  /** Microseconds since 1970. */
  micros = 1_735_689_600_000_000
  /** No write finds room. */
  isFull = false
  isSyncFailing = false
  /** Files with this in their path can't be made. */
  unmakeable: string | undefined
  syncs = 0
  timersSet = 0
  readonly #host: Host

  constructor(image: Image = emptyImage) {
    this.files = new ImageFiles(image)
    const host: Host = {
      ...hostOver(this.files, 'prior systems'),
      clock: { wallMicros: () => this.micros, monotonicMs: () => 0 },
      timers: {
        after: () => {
          this.timersSet++
          return () => undefined
        },
        yieldTurn: () => new Promise((resolve) => setImmediate(resolve)),
      },
    }
    const faulty = hostWithFileMethods(host, (file) => this.#methodsOf(file))
    const openFile: Host['files']['open'] = async (path, mode) => {
      if (mode === 'create' && this.unmakeable !== undefined && path.includes(this.unmakeable)) {
        throw Object.assign(new Error(`EIO: ${path}`), { code: 'EIO' })
      }
      return faulty.files.open(path, mode)
    }
    const files = new Proxy(faulty.files, {
      get: (target, name) => (name === 'open' ? openFile : Reflect.get(target, name)),
    })
    this.#host = { ...faulty, files }
  }

  open(options: Omit<OpenOptions, 'host'> = {}): Promise<Database> {
    return open(directory, { host: this.#host, ...options })
  }

  /** Another machine with what a kill at this moment leaves on the disk. */
  killed(): World {
    const next = new World(this.files.image)
    next.micros = this.micros
    return next
  }

  #methodsOf(file: HostFile): Partial<HostFile> {
    const mustHaveRoom = (): void => {
      if (this.isFull) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
    }
    const mustSync = (): void => {
      this.syncs++
      if (this.isSyncFailing) throw Object.assign(new Error('EIO'), { code: 'EIO' })
    }
    return {
      async write(bytes, position) {
        mustHaveRoom()
        return file.write(bytes, position)
      },
      writeNow(bytes, position) {
        mustHaveRoom()
        return file.writeNow(bytes, position)
      },
      async sync() {
        mustSync()
      },
      async syncData() {
        mustSync()
      },
      syncDataNow: mustSync,
    }
  }
}

/** The values of a keyspace, by key. */
export function valuesOf(database: Database, keyspace: string): Map<unknown, unknown> {
  return new Map([...database.keys(keyspace).range()].map(({ key, value }) => [key, value]))
}

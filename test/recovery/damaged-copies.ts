import { type Database, open, type OpenOptions } from '../../packages/asofdb/src/index.ts'
import type { Host } from '../../packages/asofdb/src/host/host.ts'
import { RandomStream } from '../../simulation/random.ts'
import { directory } from '../damage/damaged-database.ts'
import type { Image, ImageFiles } from '../damage/image-files.ts'

/** A world without time and chance around files. */
export function hostOver(files: ImageFiles, seed = 'copies'): Host {
  const random = new RandomStream(seed)
  let micros = 1_704_067_200_000_000
  return {
    clock: { wallMicros: () => (micros += 1000), monotonicMs: () => 0 },
    timers: { after: () => () => undefined, yieldTurn: () => Promise.resolve() },
    random: { bytes: (length) => random.bytes(length), fraction: () => random.fraction() },
    files,
    process: { pid: 1, hostName: 'copies' },
  }
}

/** Opens what the files hold; small segments, checkpoints only when asked for. */
export function openCopy(files: ImageFiles, options: OpenOptions = {}): Promise<Database> {
  const host = hostOver(files)
  const usual = { host, segmentBytesMax: 5120, checkpointLogBytes: Infinity, create: false }
  return open(directory, { ...usual, ...options })
}

/** An image in which some files are others, or gone. */
export function changed(image: Image, changes: Readonly<Record<string, Uint8Array | null>>): Image {
  const files = new Map(image.files)
  for (const [name, bytes] of Object.entries(changes)) {
    const path = `${directory}/${name}`
    if (bytes === null) files.delete(path)
    else files.set(path, bytes)
  }
  return { files, directories: image.directories }
}

/** The names of all files, relative to the directory, in order. */
export function namesIn(image: Image, folder = ''): string[] {
  const prefix = `${directory}/${folder}`
  const paths = [...image.files.keys()].filter((path) => path.startsWith(prefix))
  return paths.map((path) => path.slice(directory.length + 1)).sort()
}

export function bytesIn(image: Image, name: string): Uint8Array {
  const bytes = image.files.get(`${directory}/${name}`)
  if (bytes === undefined) throw new Error(`there is no ${name}`)
  return bytes
}

/** A copy of a file with one byte another. */
export function withFlip(image: Image, name: string, offset: number): Uint8Array {
  const bytes = bytesIn(image, name).slice()
  bytes[offset] = (bytes[offset] ?? 0) ^ 0x40
  return bytes
}

/** Where the record of a commit begins, and in which segment. */
export function recordOf(image: Image, sequence: number): { name: string; offset: number } {
  for (const name of namesIn(image, 'log/')) {
    const bytes = bytesIn(image, name)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (let offset = 4096; offset + 48 <= bytes.length; ) {
      const length = view.getUint32(offset + 8, true)
      const isCommit = bytes[offset + 4] === 1
      if (isCommit && Number(view.getBigUint64(offset + 16, true)) === sequence) {
        return { name, offset }
      }
      offset += 48 + Math.ceil(length / 8) * 8
    }
  }
  throw new Error(`there is no record of commit ${sequence}`)
}

import type { Database, OpenOptions } from '../../packages/asofdb/src/index.ts'
import { directory, openImage } from '../damage/damaged-database.ts'
import type { Image, ImageFiles } from '../damage/image-files.ts'

/** Opens what the files hold, and makes nothing where there is no database. */
export function openCopy(files: ImageFiles, options: OpenOptions = {}): Promise<Database> {
  return openImage(files, 'copies', { create: false, ...options })
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

import { crc32 } from '../encoding/checksum.ts'
import { readFully, readFullyNow } from '../host/files.ts'
import type { Host, HostFile } from '../host/host.ts'
import { messageOf } from '../rules/errors.ts'
import type { ImagedIndex } from '../versions/index-shelf.ts'
import {
  decodeImageHeader,
  imageBytes,
  type ImageHeader,
  imageHeaderBytes,
  imageHeaderLength,
  imagePrefixBytes,
} from './index-image.ts'

/** The one misfit of a header that is no damage. */
export const newerRelease = 'a later release wrote it'

/** What is amiss, in words, instead of a header. */
export async function readImageHeader(
  handle: HostFile,
  size: number,
): Promise<ImageHeader | string> {
  const prefix = new Uint8Array(Math.min(imagePrefixBytes, size))
  await readFully(handle, prefix, 0)
  const length = imageHeaderLength(prefix)
  if (length === undefined || length > size) return 'it has no header'
  const bytes = new Uint8Array(length)
  const read = await readFully(handle, bytes, 0)
  const decoded = decodeImageHeader(bytes.subarray(0, read))
  if (decoded.type === 'newer') return newerRelease
  if (decoded.type === 'damaged') return 'its header is damaged'
  const { header } = decoded
  return imageBytes(header) === size ? header : `it should have ${imageBytes(header)} bytes`
}

/** What is amiss, in words; undefined when the index was loaded. */
export function loadImage(parts: {
  readonly header: ImageHeader
  readonly handle: HostFile
  readonly index: ImagedIndex
}): string | undefined {
  const { header, handle, index } = parts
  try {
    const sections: Uint8Array[] = []
    let position = imageHeaderBytes(header.name, header.sections.length)
    for (const [at, { length, checksum }] of header.sections.entries()) {
      const bytes = new Uint8Array(length)
      if (readFullyNow(handle, bytes, position) < length) return cutOff(at)
      if (crc32(bytes) !== checksum) return damagedAt(at)
      sections.push(bytes)
      position += length
    }
    return index.load(sections, header.rows) ? undefined : 'its sections do not fit together'
  } catch (error) {
    return messageOf(error)
  }
}

const scratchBytes = 1024 * 1024

/** What is amiss with the sections, in words. */
export async function findImageDamage(
  host: Host,
  header: ImageHeader,
  handle: HostFile,
): Promise<string | undefined> {
  const scratch = new Uint8Array(scratchBytes)
  let position = imageHeaderBytes(header.name, header.sections.length)
  try {
    for (const [at, section] of header.sections.entries()) {
      let checksum = 0
      for (let rest = section.length; rest > 0; rest -= scratchBytes) {
        const piece = scratch.subarray(0, Math.min(rest, scratchBytes))
        if ((await readFully(handle, piece, position)) < piece.length) return cutOff(at)
        checksum = crc32(piece, checksum)
        position += piece.length
        await host.timers.yieldTurn()
      }
      if (checksum !== section.checksum) return damagedAt(at)
    }
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

function cutOff(section: number): string {
  return `section ${section} is cut off`
}

function damagedAt(section: number): string {
  return `section ${section} is damaged`
}

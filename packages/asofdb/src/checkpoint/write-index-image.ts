import { crc32 } from '../encoding/checksum.ts'
import { writeFully } from '../host/files.ts'
import type { Host, HostFile } from '../host/host.ts'
import { invariant } from '../rules/invariant.ts'
import type { ImagedIndex } from '../versions/index-shelf.ts'
import {
  encodeImageHeader,
  type ImageHeader,
  imageHeaderBytes,
  type ImageSection,
} from './index-image.ts'

/** An image to be written. */
export interface ImageToWrite {
  readonly what: Omit<ImageHeader, 'sections'>
  readonly index: ImagedIndex
  /** Whether neither the index nor the tables have moved on. */
  readonly isCurrent: () => boolean
}

/** Undefined when the index moved on amid the writing. */
export async function writeImage(
  host: Host,
  path: string,
  image: ImageToWrite,
): Promise<ImageHeader | undefined> {
  const file = await host.files.open(path, 'create')
  try {
    const header = await writeContent(host, file, image)
    if (header !== undefined) await file.sync()
    await file.close()
    return header
  } catch (error) {
    await file.close().catch(() => undefined)
    throw error
  }
}

/** The header comes last, so that a half-made image shows none. */
async function writeContent(
  host: Host,
  file: HostFile,
  { what, index, isCurrent }: ImageToWrite,
): Promise<ImageHeader | undefined> {
  const contents = [...index.save(what.rows)]
  const sections: ImageSection[] = []
  const start = imageHeaderBytes(what.name, contents.length)
  let position = start
  for (const pieces of contents) {
    let checksum = 0
    const begin = position
    for (const piece of pieces) {
      checksum = crc32(piece, checksum)
      await writeFully(file, piece, position)
      position += piece.length
      await host.timers.yieldTurn()
      if (!isCurrent()) return undefined
    }
    sections.push({ length: position - begin, checksum })
  }
  const header = { ...what, sections }
  const bytes = encodeImageHeader(header)
  invariant(bytes.length === start, 'the sections begin where the header ends')
  await writeFully(file, bytes, 0)
  return header
}

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { DatabaseError, messageOf } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import { DecodeError } from './decode-error.ts'
import { lz4Decode, lz4Encode } from './lz4.ts'

/** How the blocks of a file are compressed. The number of each stands in the file. */
export const compressionNumber = { none: 0, lz4: 1, deflate: 2 } as const

export type Compression = keyof typeof compressionNumber

export const compressions: readonly Compression[] = ['none', 'lz4', 'deflate']

/** Deflate gets to 1032, LZ4 to 255: a block that claims more was written by nobody. */
export const compressionRatioMax = 1100

/** Higher levels save little of rows and cost much time. */
const deflateLevel = constants.Z_BEST_SPEED

/** Throws `InvalidArgument` for anything but one of them, or nothing. */
export function checkCompression(compression: Compression | undefined): void {
  if (compression === undefined || compressions.includes(compression)) return
  throw new DatabaseError(
    'InvalidArgument',
    `checkpointCompression is one of ${compressions.join(', ')}, not ${String(compression)}`,
  )
}

/** Undefined for a number that no release of this version writes. */
export function compressionOf(number: number): Compression | undefined {
  return compressions.find((name) => compressionNumber[name] === number)
}

/**
 * The block in fewer bytes, of which some may lie in `scratch`, or as it is where it doesn't get
 * smaller: then it is stored as it is, which the equal length tells.
 */
export function compressBlock(
  compression: Compression,
  block: Uint8Array,
  scratch: Uint8Array,
): Uint8Array {
  invariant(block.length > 0 && scratch.length >= block.length, 'a block has its room')
  switch (compression) {
    case 'none':
      return block
    case 'lz4': {
      const length = lz4Encode(block, scratch.subarray(0, block.length - 1))
      return length === 0 ? block : scratch.subarray(0, length)
    }
    case 'deflate': {
      const made = deflateRawSync(block, { level: deflateLevel })
      return made.length < block.length ? made : block
    }
  }
}

/** Fills `target` with what `compressBlock` was given. Throws `DecodeError` for any other bytes. */
export function decompressBlock(
  compression: Compression,
  stored: Uint8Array,
  target: Uint8Array,
): void {
  if (stored.length === target.length) {
    target.set(stored)
    return
  }
  switch (compression) {
    case 'none':
      throw new DecodeError('a block that is not compressed has another length', 0)
    case 'lz4':
      return lz4Decode(stored, target)
    case 'deflate':
      target.set(inflate(stored, target.length))
  }
}

/** The least that the runtime allows for a piece of output. */
const chunkBytesMin = 64

function inflate(stored: Uint8Array, length: number): Uint8Array {
  let bytes: Uint8Array
  try {
    // One piece of output, so that nothing has to be put together.
    const chunkSize = Math.max(chunkBytesMin, length + 1)
    bytes = inflateRawSync(stored, { chunkSize, maxOutputLength: length })
  } catch (cause) {
    throw new DecodeError(`a compressed block can't be read (${messageOf(cause)})`, 0)
  }
  if (bytes.length === length) return bytes
  throw new DecodeError('a compressed block ends early', bytes.length)
}

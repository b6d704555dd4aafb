import { createReadStream } from 'node:fs'
import { CommandFailure, isErrno } from '../failure.ts'

/** No value is larger, so there is no use in reading on. */
const valueBytesMax = 32 * 1024 * 1024

/** The bytes of a file, or of standard input for `-`, in chunks. */
export function chunksOf(path: string): AsyncIterable<unknown> {
  return path === '-' ? process.stdin : createReadStream(path)
}

/** A file that is to be one value. */
export async function readValueFile(path: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of chunksOf(path)) {
      const bytes = toBytes(chunk)
      length += bytes.length
      chunks.push(bytes)
      if (length > valueBytesMax) {
        throw new CommandFailure(`${path} is larger than a value can be, ${valueBytesMax} bytes`)
      }
    }
  } catch (error) {
    throw explainRead(path, error)
  }
  return Buffer.concat(chunks)
}

/** What kept a file from being read, in words. */
export function explainRead(path: string, error: unknown): unknown {
  if (isErrno(error, 'ENOENT')) return new CommandFailure(`there is no file ${path}`)
  if (isErrno(error, 'EISDIR')) return new CommandFailure(`${path} is a folder, not a file`)
  return error
}

export function toBytes(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk
  return Buffer.from(chunk instanceof Uint8Array ? chunk : String(chunk))
}

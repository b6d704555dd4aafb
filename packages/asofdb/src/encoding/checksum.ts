import * as zlib from 'node:zlib'

/**
 * CRC-32 of IEEE 802.3 (reflected polynomial 0xedb88320, as in gzip): it finds every burst of up
 * to 32 damaged bits. Eight tables let the portable form take 8 bytes a step (Kounavis and Berry,
 * "Novel Table Lookup-Based Algorithms for High-Performance CRC Generation").
 */
const polynomial = 0xedb88320
const tables = makeTables()

function makeTables(): Int32Array {
  const words = new Int32Array(8 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * polynomial)
    words[byte] = crc
  }
  for (let at = 256; at < words.length; at++) {
    const before = words[at - 256] as number
    words[at] = (before >>> 8) ^ (words[before & 0xff] as number)
  }
  return words
}

/** The same sum as `crc32`, without the help of the runtime. */
export function crc32Portable(bytes: Uint8Array, seed: number = 0): number {
  const length = bytes.length
  let crc = ~seed
  let at = 0
  for (; at + 8 <= length; at += 8) {
    const a = crc ^ (byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) |
      (byte(bytes, at + 3) << 24))
    crc =
      step(7, a & 0xff) ^
      step(6, (a >>> 8) & 0xff) ^
      step(5, (a >>> 16) & 0xff) ^
      step(4, a >>> 24) ^
      step(3, byte(bytes, at + 4)) ^
      step(2, byte(bytes, at + 5)) ^
      step(1, byte(bytes, at + 6)) ^
      step(0, byte(bytes, at + 7))
  }
  for (; at < length; at++) crc = (crc >>> 8) ^ step(0, (crc ^ byte(bytes, at)) & 0xff)
  return ~crc >>> 0
}

function step(table: number, value: number): number {
  return tables[(table << 8) + value] as number
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] as number
}

type Checksum = (bytes: Uint8Array, seed?: number) => number

/** Below this the call into the runtime costs more than it saves. */
const runtimeBytesMin = 192

// Present from Node 20.15 and 22.2 on; other runtimes may lack it.
const runtimeCrc32 = (zlib as { crc32?: Checksum }).crc32

/**
 * The checksum as an unsigned 32-bit number. `seed` is the sum of what came before, so a sum can
 * be taken piece by piece: `crc32(b, crc32(a))` is the sum of a and b in a row.
 */
export const crc32: Checksum =
  runtimeCrc32 === undefined
    ? crc32Portable
    : (bytes, seed = 0) =>
        bytes.length < runtimeBytesMin ? crc32Portable(bytes, seed) : runtimeCrc32(bytes, seed)

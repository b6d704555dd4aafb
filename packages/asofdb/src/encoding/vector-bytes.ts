/** Vectors are little-endian in bytes; on the rare machine that is not, the words are swapped. */
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** The bytes of a vector; a view where the machine allows it. */
export function vectorToBytes(vector: Float32Array): Uint8Array {
  const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
  return isLittleEndian ? bytes : swapped(bytes)
}

/** A vector of its own, aligned, whatever the alignment of the bytes. */
export function bytesToVector(bytes: Uint8Array): Float32Array {
  const vector = new Float32Array(bytes.length >>> 2)
  new Uint8Array(vector.buffer).set(isLittleEndian ? bytes : swapped(bytes))
  return vector
}

function swapped(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length)
  for (let at = 0; at < bytes.length; at++) result[at] = bytes[at ^ 3] ?? 0
  return result
}

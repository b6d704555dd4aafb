import { DatabaseError } from '../rules/errors.ts'

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** Rows go to the file as they are in memory, and the file is little-endian. */
export function assertLittleEndian(): void {
  if (isLittleEndian) return
  throw new DatabaseError(
    'IoFailed',
    'this processor stores numbers with the highest byte first; checkpoints need one that stores ' +
      'the lowest first, as x86 and ARM do',
  )
}

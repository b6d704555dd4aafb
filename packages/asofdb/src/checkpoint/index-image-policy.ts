import { invariant } from '../rules/invariant.ts'

/** What there is of an index, in rows of its table. */
export interface ImageNeed {
  /** That an image made now would hold. */
  readonly rows: number
  /** That the image on the disk holds; 0 when there is none that fits. */
  readonly rowsHeld: number
  /** From how many rows on an index is worth an image. */
  readonly rowsMin: number
}

/**
 * An image is written anew when it would hold a quarter more than the one there is: so over the
 * life of an index a row is written to images four times or so, and what an opening has to take in
 * beside an image is the smaller part of it.
 */
const newShareMin = 1 / 4

/** Whether an image should be written now. */
export function isWorthImage({ rows, rowsHeld, rowsMin }: ImageNeed): boolean {
  invariant(rows >= 0 && rowsHeld >= 0, 'rows are counted from 0')
  if (rows === 0 || rows < rowsMin) return false
  return rows - rowsHeld >= Math.max(1, rowsMin, rowsHeld * newShareMin)
}

/**
 * The same text in memory of its own. What is cut out of a longer text keeps all of that alive, so
 * a piece that is to be kept must be copied.
 */
export function ownText(piece: string): string {
  return Buffer.from(piece).toString()
}

import { countText } from './number-text.ts'

/** The line that tells how much a `--limit` has left out; none when that is nothing. */
export function moreLines(more: number): string[] {
  return more > 0 ? [`  … and ${countText(more)} more; --limit shows more of them`] : []
}

import type { Damage, RecoveryReport } from 'asofdb'
import { moreLines } from './output/more-lines.ts'
import { bytesText, plural } from './output/number-text.ts'

/** One line for each damage: file, bytes, commits, and what is the matter. */
export function damageLines(damage: readonly Damage[], limit: number): string[] {
  const lines = damage.slice(0, limit).map((one) => `  ${damageText(one)}`)
  return [...lines, ...moreLines(damage.length - limit)]
}

function damageText({ file, offset, length, kind, commits, what }: Damage): string {
  const end = length === undefined || length === 0 ? '' : ` to ${offset + length - 1}`
  const place = `${file}, byte ${offset}${end}`
  return `${place}${commits === undefined ? '' : `, ${rangeText(commits)}`}: ${what} (${kind})`
}

/** Commits from one to another; null where nobody knows the last. */
function rangeText({ first, last }: { first: number; last: number | null }): string {
  if (last === null) return `commits from ${first} on`
  return first === last ? `commit ${first}` : `commits ${first} to ${last}`
}

/** What a recovery did not take over, and where it went. */
export function lossLines({ lost, skipped, quarantined }: RecoveryReport): string[] {
  const lines = [
    lost === null ? '  no commit is known to be missing' : `  missing: ${rangeText(lost)}`,
  ]
  if (skipped.records > 0) {
    const ranges = skipped.ranges.map(rangeText).join(', ')
    const whole = `${plural(skipped.records, 'commit')} found whole behind the gap (${ranges})`
    lines.push(`  not applied: ${whole}: they build on what is missing`)
  }
  for (const { file, path, bytes, why } of quarantined) {
    lines.push(`  in quarantine: ${file} as ${path}, ${bytesText(bytes)}: ${why}`)
  }
  return lines
}

import type { ForkReport } from 'asofdb'
import { bytesText, plural, secondsText } from './output/number-text.ts'
import { styleOf } from './output/style.ts'
import type { Terminal } from './output/terminal.ts'
import { instantText } from './output/value-text.ts'

/** What a restore or a fork has made, in words. */
export function forkText(report: ForkReport, terminal: Terminal): string {
  const { directory, sequence, system } = report
  const upTo = system === null ? '' : `, up to #${sequence}, ${instantText(system)}`
  const took = secondsText(report.durationMs / 1000)
  const lines = [
    `${styleOf(terminal).bold(directory)}: ${plural(sequence, 'commit')}${upTo}`,
    `  wrote ${bytesText(report.bytesWritten)} in ${took}; read back and whole`,
    `  a database of its own, ${report.databaseId}`,
  ]
  return `${lines.join('\n')}\n`
}

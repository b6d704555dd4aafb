import { recover, type RecoveryPolicy, type RecoveryReport } from 'asofdb'
import type { Arguments, OptionSpecs } from '../arguments.ts'
import type { Command } from '../command.ts'
import { damageLines, lossLines } from '../damage-lines.ts'
import { exitCodes, usageFailure } from '../failure.ts'
import { jsonText } from '../output/json.ts'
import { bytesText, plural, secondsText } from '../output/number-text.ts'
import { type Style, styleOf } from '../output/style.ts'
import { mustBeAtMost, mustHaveFolder, readOptions } from '../session.ts'

const usage = 'DIR [--dry-run] [--policy POLICY] [--into OTHER] [options]'
const policies: readonly RecoveryPolicy[] = ['strict', 'bestEffort', 'repair']
const limitDefault = 20

const options = {
  'dry-run': { type: 'boolean', help: 'only look, and say what would be done' },
  policy: {
    type: 'string',
    value: 'POLICY',
    help: 'strict, bestEffort or repair (default: repair)',
  },
  into: {
    type: 'string',
    value: 'OTHER',
    help: 'write all that can be saved to a new database there, and leave DIR as it is',
  },
  limit: { ...readOptions.limit, help: 'at most so many damages' },
  json: readOptions.json,
} as const satisfies OptionSpecs

export const recoverCommand: Command = {
  name: 'recover',
  summary: 'saves what can be saved of a damaged database',
  usage,
  examples: [
    { command: 'asof recover history --dry-run', meaning: 'what is damaged, what would be done?' },
    { command: 'asof recover history --into saved', meaning: 'save what is whole, touch nothing' },
    {
      command: 'asof recover history',
      meaning: 'repair in place; what is damaged is kept in history/quarantine',
    },
    {
      command: 'asof recover history --policy strict --dry-run',
      meaning: 'would it open by itself?',
    },
  ],
  details: [
    'What is recovered are the first commits without a gap: a commit builds on those before it,\n' +
      'so none is applied where one before it is missing. A backup that has them is better.',
    'strict refuses where anything may be missing. bestEffort opens what can be proved whole,\n' +
      'for reading only, and changes nothing. repair writes it anew, copies the damaged files\n' +
      'to quarantine/ inside the database, with descriptions, and takes writes again.',
    'The exit code is 3 when commits are missing, or when DIR is damaged and stays so.',
  ],
  options,
  async run(input, { terminal }) {
    const folder = mustHaveFolder(input, `recover ${usage}`)
    mustBeAtMost(input, 1, `recover ${usage}`)
    const limit = input.count('limit', { byDefault: limitDefault })
    const plan = planOf(input)
    const report = await recover(folder, plan)
    const exitCode = exitCodeOf(report, plan)
    if (input.flag('json')) {
      terminal.write(jsonText({ ...report, ...plan }))
      return exitCode
    }
    terminal.write(`${linesOf({ folder, report, plan, limit, style: styleOf(terminal) })}\n`)
    return exitCode
  },
}

interface Plan {
  readonly policy: RecoveryPolicy
  readonly dryRun: boolean
  readonly into: string | undefined
}

function planOf(input: Arguments): Plan {
  const policy = input.choice('policy', policies) ?? 'repair'
  const dryRun = input.flag('dry-run')
  const into = input.text('into')
  if (into !== undefined && (dryRun || input.text('policy') !== undefined)) {
    throw usageFailure('--into writes to another folder and always leaves DIR as it is', {
      hint: 'leave out --dry-run and --policy',
    })
  }
  return { policy, dryRun, into }
}

function exitCodeOf({ outcome, lost, damage }: RecoveryReport, { dryRun, into }: Plan): number {
  const staysDamaged = into === undefined && (dryRun || outcome === 'degraded')
  const isBad = lost !== null || (staysDamaged && damage.length > 0)
  return isBad ? exitCodes.damaged : exitCodes.ok
}

function linesOf(of: {
  readonly folder: string
  readonly report: RecoveryReport
  readonly plan: Plan
  readonly limit: number
  readonly style: Style
}): string {
  const { folder, report, plan, limit, style } = of
  const { outcome, row, recoveredSequence, replayed, checkpoint, damage, tornTail } = report
  const isFine = damage.length === 0
  const verdict = isFine ? style.added(outcome) : style.removed(outcome)
  const from =
    checkpoint === null ? '' : `, the first ${checkpoint.sequence} of them from its checkpoint`
  const lines = [
    `${folder}: ${verdict} (row ${row}), ${plural(recoveredSequence, 'commit')}${from}`,
    ...damageLines(damage, limit),
    ...(isFine ? [] : lossLines(report)),
  ]
  if (tornTail !== null) {
    const cut = `${bytesText(tornTail.bytesDiscarded)} of an unfinished end`
    lines.push(`  ${cut}: ${tornTail.file}, byte ${tornTail.offset}`)
  }
  if (report.retries > 0) lines.push(`  ${plural(report.retries, 'read')} tried again`)
  const read = `${plural(replayed.records, 'record')} applied`
  lines.push(`  ${read} in ${secondsText(report.durationMs / 1000)}`, `  ${endOf(plan, report)}`)
  return lines.join('\n')
}

function endOf({ dryRun, into, policy }: Plan, { isReadOnly }: RecoveryReport): string {
  if (into !== undefined) return `written to ${into}; nothing else was changed`
  if (dryRun) return `nothing was changed; this is what --policy ${policy} would do`
  return isReadOnly
    ? 'nothing was changed; it opens for reading only'
    : 'it opens for reading and writing'
}

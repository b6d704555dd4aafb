import type { BackupReport } from 'asofdb'
import type { Command } from '../command.ts'
import { exitCodes } from '../failure.ts'
import { jsonText } from '../output/json.ts'
import { bytesText, plural, secondsText } from '../output/number-text.ts'
import { type Style, styleOf } from '../output/style.ts'
import { instantText } from '../output/value-text.ts'
import { withProgress } from '../point-in-history.ts'
import {
  mustBeAtMost,
  mustHaveFolder,
  mustHaveTarget,
  readOptions,
  withDatabase,
} from '../session.ts'

const usage = 'DIR --into BACKUP [options]'

export const backupCommand: Command = {
  name: 'backup',
  summary: 'copies a database into a backup, or brings one up to date',
  usage,
  examples: [
    { command: 'asof backup history --into /mnt/backup/history', meaning: 'a backup' },
    {
      command: 'asof backup history --into /mnt/backup/history',
      meaning: 'later: only what the backup does not have yet is copied',
    },
    { command: 'asof verify /mnt/backup/history', meaning: 'is every byte what was written?' },
    {
      command: 'asof restore /mnt/backup/history --into restored',
      meaning: 'a database from it',
    },
  ],
  details: [
    'What is written is read back, and what is there already is read, too. A backup is a\n' +
      'directory of a database; the one before stays usable until the next one is complete. A\n' +
      'database that another process has open is backed up by that one: db.backup(directory).',
  ],
  options: {
    into: { type: 'string', value: 'BACKUP', help: 'a new directory, or a backup to go on with' },
    json: readOptions.json,
  },
  async run(input, context) {
    const folder = mustHaveFolder(input, `backup ${usage}`)
    mustBeAtMost(input, 1, `backup ${usage}`)
    const into = mustHaveTarget(input, `backup ${usage}`)
    const { terminal } = context
    return withProgress(context, { counts: 'bytes' }, (long) =>
      withDatabase(folder, async (database) => {
        const report = await database.backup(into, long)
        if (input.flag('json')) terminal.write(jsonText(report))
        else terminal.write(`${backupLines(report, styleOf(terminal)).join('\n')}\n`)
        return exitCodes.ok
      }),
    )
  },
}

function backupLines(report: BackupReport, style: Style): string[] {
  const { sequence, system, previousSequence, filesCopied, filesReused } = report
  const upTo = system === null ? 'no commit yet' : `up to #${sequence}, ${instantText(system)}`
  const copied = `${plural(filesCopied, 'file')}, ${bytesText(report.bytesCopied)}`
  const reused = `${plural(filesReused, 'file')}, ${bytesText(report.bytesReused)}`
  const gained =
    previousSequence === null
      ? []
      : [`  it had ${plural(previousSequence, 'commit')} and gained ${sequence - previousSequence}`]
  return [
    `${style.bold(report.directory)}: ${upTo}`,
    ...gained,
    `  copied ${copied}; was there already ${reused}`,
    `  read back and whole, in ${secondsText(report.durationMs / 1000)}`,
    ...report.leftBehind.map(({ name, why }) => `  could not remove ${name}, older: ${why}`),
  ]
}

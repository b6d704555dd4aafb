import { isDatabaseError } from 'asofdb'
import type { Command } from '../command.ts'
import { exitCodes } from '../failure.ts'
import { jsonText } from '../output/json.ts'
import { bytesText, countText, plural, secondsText } from '../output/number-text.ts'
import { styleOf } from '../output/style.ts'
import { mustBeAtMost, mustHaveFolder, readOptions, withDatabase } from '../session.ts'

const usage = 'DIR [options]'
const limitDefault = 20
const indexNoun = { one: 'index', many: 'indexes' }

export const verifyCommand: Command = {
  name: 'verify',
  summary: 'reads every file and checks everything against everything',
  usage,
  examples: [
    { command: 'asof verify history', meaning: 'is every byte what was written?' },
    { command: 'asof verify history --json', meaning: 'the report, for programs' },
  ],
  details: [
    'Changes nothing beyond what any opening does. The exit code is 3 when damage was found.',
  ],
  options: { json: readOptions.json, limit: readOptions.limit },
  async run(input, { terminal }) {
    const folder = mustHaveFolder(input, `verify ${usage}`)
    mustBeAtMost(input, 1, `verify ${usage}`)
    const limit = input.count('limit', { byDefault: limitDefault })
    const isJson = input.flag('json')
    try {
      return await withDatabase(folder, async (database) => {
        const report = await database.verify()
        const { isSound, problems } = report
        if (isJson) {
          terminal.write(jsonText({ ...report, recovery: database.recovery }))
          return isSound ? exitCodes.ok : exitCodes.damaged
        }
        const style = styleOf(terminal)
        const verdict = isSound ? style.added('sound') : style.removed('damaged')
        const read =
          `${plural(report.filesRead, 'file')}, ${bytesText(report.bytesRead)}, ` +
          `${plural(report.recordsRead, 'record')}, ` +
          `${plural(report.indexesCompared, indexNoun)}`
        const lines = [
          `${database.path}: ${verdict}, ${plural(report.sequence, 'commit')}`,
          `  read ${read} in ${secondsText(report.durationMs / 1000)}`,
          ...problems.slice(0, limit).map(({ where, what }) => `  ${where}: ${what}`),
        ]
        const more = problems.length - limit
        if (more > 0) lines.push(`  … and ${countText(more)} more; --limit shows more of them`)
        terminal.write(`${lines.join('\n')}\n`)
        return isSound ? exitCodes.ok : exitCodes.damaged
      })
    } catch (error) {
      if (!isJson || !isDatabaseError(error) || error.kind !== 'corrupt') throw error
      const { code, message, details } = error
      terminal.write(jsonText({ isSound: false, code, message, details }))
      return exitCodes.damaged
    }
  },
}

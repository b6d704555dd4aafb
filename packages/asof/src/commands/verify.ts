import { resolve } from 'node:path'
import {
  type IndexImageReport,
  inspect,
  type InspectionReport,
  isDatabaseError,
  type Places,
} from 'asofdb'
import type { Command } from '../command.ts'
import { damageLines } from '../damage-lines.ts'
import { exitCodes } from '../failure.ts'
import { jsonText } from '../output/json.ts'
import { moreLines } from '../output/more-lines.ts'
import { bytesText, indexNoun, plural, secondsText } from '../output/number-text.ts'
import { styleOf } from '../output/style.ts'
import type { Terminal } from '../output/terminal.ts'
import { mustBeAtMost, mustHaveFolder, readOptions, withDatabase } from '../session.ts'

const usage = 'DIR [options]'
const limitDefault = 20
const imageNoun = { one: 'index image', many: 'index images' }

export const verifyCommand: Command = {
  name: 'verify',
  summary: 'reads every file and checks everything against everything',
  usage,
  examples: [
    { command: 'asof verify history', meaning: 'is every byte what was written?' },
    { command: 'asof verify history --json', meaning: 'the report, for programs' },
  ],
  details: [
    'First every file is read and all damage named: file, bytes, the commits it concerns.\n' +
      'Damage is left as it is; see asof recover. What is sound is opened, and tables and\n' +
      'indexes are compared. The exit code is 3 when damage was found.',
  ],
  options: { json: readOptions.json, limit: readOptions.limit },
  async run(input, { terminal }) {
    const folder = mustHaveFolder(input, `verify ${usage}`)
    mustBeAtMost(input, 1, `verify ${usage}`)
    const limit = input.count('limit', { byDefault: limitDefault })
    const isJson = input.flag('json')
    try {
      const found = await inspectExisting(folder)
      if (found !== undefined && !found.isSound) {
        terminal.write(isJson ? jsonText(asJson(found)) : damagedText(found, limit, terminal))
        return exitCodes.damaged
      }
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
          ...imageLines(report.indexImages),
          ...problems.slice(0, limit).map(({ where, what }) => `  ${where}: ${what}`),
          ...moreLines(problems.length - limit),
        ]
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

/** Images are no part of the truth, so a bad one is told and is no damage. */
function imageLines(images: readonly IndexImageReport[]): string[] {
  const found = images.filter(({ file }) => file !== null)
  const bad = found.filter(({ state }) => state === 'stale' || state === 'damaged')
  const good = found.filter((image) => !bad.includes(image))
  const bytes = good.reduce((sum, image) => sum + image.bytes, 0)
  const sound = `  ${plural(good.length, imageNoun)} of ${bytesText(bytes)}, sound`
  return [
    ...(good.length === 0 ? [] : [sound]),
    ...bad.map(({ file, state, why }) => `  ${file}: ${state}, ${why}; not used, made anew`),
  ]
}

/** Undefined where there is no database, which opening explains best. */
async function inspectExisting(folder: string): Promise<InspectionReport | undefined> {
  try {
    return await inspect(folder)
  } catch (error) {
    if (isDatabaseError(error, 'NotADatabase')) return undefined
    throw error
  }
}

function damagedText(
  { path, places, row, damage, sequence, seenSequence }: InspectionReport,
  limit: number,
  terminal: Terminal,
): string {
  const style = styleOf(terminal)
  const lines = [
    `${path}: ${style.removed('damaged')} (row ${row})`,
    ...damageLines(damage, limit),
    ...placeLines(path, places),
    `  whole up to commit ${sequence}; the newest that anything names is ${seenSequence}`,
    '  nothing was changed; asof recover DIR --dry-run says what can be saved',
  ]
  return `${lines.join('\n')}\n`
}

/** Where the files are that go by the names of a directory they don't lie in. */
function placeLines(path: string, places: Places): string[] {
  return [
    { name: 'log', place: places.log },
    { name: 'checkpoint', place: places.checkpoint },
  ]
    .filter(({ name, place }) => resolve(path, name) !== resolve(place))
    .map(({ name, place }) => `  ${name}/ is ${place}`)
}

function asJson({ damage, ...report }: InspectionReport): object {
  const [first] = damage
  const code = first?.kind === 'foreign' ? 'ForeignFile' : 'Corrupt'
  const message = `${first?.file} is damaged at byte ${first?.offset}: ${first?.what}`
  return { ...report, code, message, details: first, damage }
}

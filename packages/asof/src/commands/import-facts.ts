import { createWriteStream, type WriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { BEGINNING, type Database, open } from 'asofdb'
import type { Arguments, OptionSpecs } from '../arguments.ts'
import type { CommandContext } from '../command.ts'
import { parseCondition } from '../facts/condition.ts'
import { parseColumnChoice } from '../facts/fact-columns.ts'
import { FactReader, type FactReading, factFormats, guessFormat } from '../facts/fact-reader.ts'
import { FactWriter } from '../facts/fact-writer.ts'
import { readHead } from '../facts/facts-position.ts'
import { type BadRow, type FactsImportReport, importFacts } from '../facts/import-facts.ts'
import { parseNameColumns, readNames } from '../facts/name-map.ts'
import { type TimeFormat, timeFormats, TimeMapping } from '../facts/time-mapping.ts'
import { CommandFailure, exitCodes, isErrno, usageFailure } from '../failure.ts'
import { parseMoment } from '../moment.ts'
import { fit, printable } from '../output/display-width.ts'
import { jsonText } from '../output/json.ts'
import { countText, plural, secondsText } from '../output/number-text.ts'
import { Progress } from '../output/progress.ts'
import { styleOf } from '../output/style.ts'
import { tableLines } from '../output/table.ts'
import { pathsOf } from '../part-paths.ts'
import { mustHaveTarget } from '../session.ts'
import { type ImportSummary, summarize } from './import-git.ts'

const usage = 'import facts FILE --into DIR'

export const factsOptions = {
  format: {
    type: 'string',
    value: 'FORMAT',
    help: `facts: ${factFormats.join(', ')} (default: by name)`,
  },
  columns: {
    type: 'string',
    value: 'LIST',
    help: 'facts: subject=0,relation=1,…, by number or name',
  },
  header: { type: 'boolean', help: 'facts: the first row names the columns' },
  'no-header': { type: 'boolean', help: 'facts: the first row is a fact' },
  where: {
    type: 'string',
    multiple: true,
    value: 'TEST',
    help: 'facts: only rows such as relation<24',
  },
  time: {
    type: 'string',
    value: 'FORMAT',
    help: `facts: ${timeFormats.join(', ')} (default: iso)`,
  },
  year: { type: 'boolean', help: 'facts: short for --time year' },
  'day-zero': { type: 'string', value: 'DATE', help: 'facts: short for --time day --zero DATE' },
  zero: { type: 'string', value: 'DATE', help: 'facts: what the number 0 means (default: 1970)' },
  ends: {
    type: 'string',
    value: 'HOW',
    help: 'facts: inclusive or exclusive (years, days, hours: inclusive)',
  },
  lasts: { type: 'string', value: 'UNIT', help: 'facts: how long one without an end holds' },
  'open-end': {
    type: 'string',
    multiple: true,
    value: 'TEXT',
    help: 'facts: an end that means: still holds',
  },
  'open-start': {
    type: 'string',
    multiple: true,
    value: 'TEXT',
    help: 'facts: a start that means: always',
  },
  'entity-names': { type: 'string', value: 'FILE', help: 'facts: names for subjects and objects' },
  'relation-names': { type: 'string', value: 'FILE', help: 'facts: names for relations' },
  'names-columns': {
    type: 'string',
    value: 'LIST',
    help: 'facts: columns of those files (name=0,id=1)',
  },
  batch: { type: 'string', value: 'N', help: 'facts: so many in one commit (default: 1000)' },
  'skip-bad': {
    type: 'boolean',
    help: 'facts: leave out rows that cannot be used, and report them',
  },
  'bad-file': { type: 'string', value: 'FILE', help: 'facts: where to write all of those' },
  system: { type: 'string', value: 'TIME', help: 'facts: since when this is known (default: now)' },
  again: { type: 'boolean', help: 'facts: from the beginning, even if it was imported before' },
} as const satisfies OptionSpecs

const batchNoun = { one: 'batch', many: 'batches' }
const badRowsShown = 10
const batchDefault = 1000

export async function runFactsImport(input: Arguments, context: CommandContext): Promise<number> {
  const paths = input.positionals.slice(1)
  if (paths.length === 0)
    throw usageFailure('which file?', { hint: `asof ${usage}` })
  const folder = mustHaveTarget(input, usage)
  const reading = await readReading(input)
  // A folder is made only when there is something to put into it.
  for (const path of paths) if (path !== '-') await mustRead(path, () => readHead(path))
  const database = await open(folder, pathsOf(input))
  let seconds: number
  let totals: Totals
  let summary: ImportSummary
  try {
    const began = performance.now()
    totals = await importAll(database, paths, { input, context, reading })
    seconds = (performance.now() - began) / 1000
    summary = await summarize(database, { imported: totals.batches, seconds })
  } finally {
    await database.close()
  }
  const { terminal } = context
  if (input.flag('json')) terminal.write(jsonText({ folder, ...totals, ...summary, seconds }))
  else terminal.write(`${summaryLines(totals, { summary, seconds, context }).join('\n')}\n`)
  if (totals.isComplete) return exitCodes.ok
  terminal.note('stopped; the same command goes on\n')
  return exitCodes.interrupted
}

/** How rows are to be read, without the format, which each file has. */
interface Reading extends Omit<FactReading, 'format'> {
  /** All of it in words, for the position in the file. */
  readonly text: string
}

async function readReading(input: Arguments): Promise<Reading> {
  const columns = input.text('columns')
  const nameColumns = parseNameColumns(input.text('names-columns') ?? 'name=0,id=1')
  const names = async (option: string): Promise<Map<string, string> | undefined> => {
    const path = input.text(option)
    return path === undefined ? undefined : mustRead(path, () => readNames(path, nameColumns))
  }
  const time = readTimeOptions(input)
  const header = input.flag('header') ? true : input.flag('no-header') ? false : undefined
  const conditions = input.list('where')
  return {
    columns: columns === undefined ? undefined : parseColumnChoice(columns),
    header,
    conditions: conditions.map(parseCondition),
    time: new TimeMapping(time),
    entityNames: await names('entity-names'),
    relationNames: await names('relation-names'),
    text: JSON.stringify({ columns, header, conditions, ...time }),
  }
}

function readTimeOptions(input: Arguments) {
  const dayZero = input.text('day-zero')
  const shorts: TimeFormat[] = [
    ...(input.flag('year') ? (['year'] as const) : []),
    ...(dayZero === undefined ? [] : (['day'] as const)),
  ]
  const chosen = input.choice('time', timeFormats)
  const formats = new Set([...(chosen === undefined ? [] : [chosen]), ...shorts])
  if (formats.size > 1) throw usageFailure(`--time cannot be ${[...formats].join(' and ')} at once`)
  const [format = 'iso' as const] = formats
  return {
    format,
    zero: dayZero ?? input.text('zero'),
    ends: input.choice('ends', ['inclusive', 'exclusive'] as const),
    lasts: input.text('lasts'),
    openEnds: input.list('open-end'),
    openStarts: input.list('open-start'),
  }
}

interface Totals extends FactsImportReport {
  readonly entities: number
}

interface FactsRequest {
  readonly input: Arguments
  readonly context: CommandContext
  readonly reading: Reading
}

/** Imports file after file with one writer. */
async function importAll(
  database: Database,
  paths: readonly string[],
  request: FactsRequest,
): Promise<Totals> {
  const writer = new FactWriter(database.snapshot())
  const badRows = new BadRows(request)
  const reports: FactsImportReport[] = []
  try {
    for (const path of paths) {
      reports.push(await importOne({ database, writer, badRows }, path, request))
      if (request.context.signal.aborted) break
    }
  } finally {
    await badRows.close()
  }
  const sum = (name: Exclude<keyof FactsImportReport, 'isComplete'>): number =>
    reports.reduce((total, report) => total + report[name], 0)
  return {
    stated: sum('stated'),
    repeated: sum('repeated'),
    corrected: sum('corrected'),
    unwanted: sum('unwanted'),
    bad: sum('bad'),
    batches: sum('batches'),
    alreadyImported: sum('alreadyImported'),
    isComplete: reports.length === paths.length && reports.every(({ isComplete }) => isComplete),
    entities: writer.entitiesCreated,
  }
}

interface FactsTarget {
  readonly database: Database
  readonly writer: FactWriter
  readonly badRows: BadRows
}

async function importOne(
  { database, writer, badRows }: FactsTarget,
  path: string,
  { input, context, reading }: FactsRequest,
): Promise<FactsImportReport> {
  const firstLine = path === '-' ? '' : (await mustRead(path, () => readHead(path))).firstLine
  const format = input.choice('format', factFormats) ?? guessFormat({ path, firstLine })
  if (path === '-' && input.text('format') === undefined) {
    throw usageFailure('standard input has no name to tell its format by', { hint: 'add --format' })
  }
  const isQuiet = input.flag('quiet')
  let size = 0
  let progress: Progress | undefined
  try {
    return await importFacts(database, writer, {
      path,
      reader: new FactReader({ ...reading, format }),
      reading: `${format} ${reading.text}`,
      batchFacts: input.count('batch', { byDefault: batchDefault }),
      system: systemMicros(input),
      again: input.flag('again'),
      signal: context.signal,
      onBadRow: input.flag('skip-bad') ? (row) => badRows.add(path, row) : undefined,
      onStart: (start) => {
        size = start.size
        if (isQuiet) return
        const known = start.offset > 0 ? `, from line ${countText(start.line)} on` : ''
        context.terminal.note(`Importing ${printable(path)}${known}\n`)
        progress = new Progress(context.terminal, 'facts', 0)
      },
      onProgress: ({ factCount, offset }) => {
        progress?.update(factCount, { done: offset, of: size })
      },
    })
  } finally {
    progress?.end()
  }
}

function systemMicros(input: Arguments): bigint | undefined {
  const text = input.text('system')
  if (text === undefined) return undefined
  const moment = parseMoment({ text, option: '--system' })
  if (moment.kind === 'now') return undefined
  if (moment.kind === 'instant' && moment.instant.epochMicroseconds > BEGINNING.epochMicroseconds) {
    return moment.instant.epochMicroseconds
  }
  throw usageFailure('--system of an import takes a date or a time')
}

/** Runs what reads a file, and says so when there is none. */
async function mustRead<Result>(path: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read()
  } catch (error) {
    if (isErrno(error, 'ENOENT')) throw new CommandFailure(`there is no file ${path}`)
    if (isErrno(error, 'EISDIR')) throw new CommandFailure(`${path} is a folder, not a file`)
    throw error
  }
}

/** Reports rows that were left out: the first ones, how many, and all of them into a file. */
class BadRows {
  readonly #context: CommandContext
  readonly #file: WriteStream | undefined
  readonly #path: string | undefined
  #count = 0

  constructor({ input, context }: FactsRequest) {
    this.#context = context
    this.#path = input.text('bad-file')
    this.#file = this.#path === undefined ? undefined : createWriteStream(this.#path)
    // A failure is thrown when the file is closed.
    this.#file?.on('error', () => {})
  }

  add(path: string, { line, problem, text }: BadRow): void {
    this.#count++
    this.#file?.write(`${path}:${line}\t${problem}\t${text}\n`)
    if (this.#count > badRowsShown) return
    const { terminal } = this.#context
    const shown = fit(printable(text), 60)
    terminal.note(
      `${terminal.isInteractive ? '\r\u001b[K' : ''}${path}:${line}: ${problem}: ${shown}\n`,
    )
  }

  async close(): Promise<void> {
    if (this.#count > badRowsShown) {
      const more = this.#count - badRowsShown
      const where = this.#path === undefined ? '; --bad-file FILE keeps them all' : ''
      this.#context.terminal.note(`… and ${plural(more, 'more bad row')}${where}\n`)
    }
    if (this.#file === undefined) return
    this.#file.end()
    await finished(this.#file)
  }
}

function summaryLines(
  totals: Totals,
  about: { summary: ImportSummary; seconds: number; context: CommandContext },
): string[] {
  const { stated, repeated, corrected, unwanted, bad } = totals
  const facts = stated + repeated + corrected
  const { summary, seconds, context } = about
  const rate = `${countText(facts / Math.max(seconds, 0.001))} facts per second, durable`
  const rows = [
    ['  facts', countText(facts), `in ${secondsText(seconds)}: ${rate}`],
    ['  stated', countText(stated), 'for the first time'],
    ['  corrected', countText(corrected), 'known with another end'],
    ['  repeated', countText(repeated), 'known like this'],
    ...(totals.alreadyImported > 0
      ? [['  before', countText(totals.alreadyImported), 'by earlier runs']]
      : []),
    ...(unwanted > 0 ? [['  left out', countText(unwanted), 'by --where']] : []),
    ...(bad > 0 ? [['  bad', countText(bad), 'rows that could not be used']] : []),
    ['  commits', countText(summary.commits), `${plural(totals.batches, batchNoun)} of this run`],
    ['  versions', countText(summary.versions), 'each kept, with both its times'],
  ]
  return [styleOf(context.terminal).bold('Imported'), ...tableLines(rows, context.terminal.columns)]
}

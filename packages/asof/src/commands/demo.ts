import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Database, open } from 'asofdb'
import type { Arguments } from '../arguments.ts'
import type { Command, CommandContext } from '../command.ts'
import { chooseStory, type DemoStory, storyCommands, storyLines } from '../demo-story.ts'
import { CommandFailure, exitCodes, usageFailure } from '../failure.ts'
import { endOfTimeMicros } from '../git/believed-tree.ts'
import { askGit } from '../git/git-process.ts'
import type { GitImportReport } from '../git/import-git.ts'
import { readPosition, resolveHead } from '../git/import-position.ts'
import { jsonText } from '../output/json.ts'
import { styleOf } from '../output/style.ts'
import { type ImportSummary, importWithProgress, summarize, summaryLines } from './import-git.ts'

const folderDefault = 'asof-demo'

export const demoCommand: Command = {
  name: 'demo',
  summary: 'imports a git repository and asks what only such a database can answer',
  usage: '[REPO] [--into DIR]',
  examples: [
    { command: 'asof demo', meaning: 'the repository of the present folder' },
    { command: 'asof demo ../other-repository', meaning: 'any other on this machine' },
    { command: 'asof demo https://example.org/project.git', meaning: 'one that is fetched first' },
  ],
  details: [
    [
      `The database stays in ${folderDefault}, for you to try. Run again, the demo imports`,
      'what is new; for another repository it replaces the folder.',
    ].join('\n'),
  ],
  options: {
    into: {
      type: 'string',
      value: 'DIR',
      help: `folder of the database (default: ${folderDefault})`,
    },
    ref: { type: 'string', value: 'BRANCH', help: 'what to import (default: HEAD)' },
    json: { type: 'boolean', help: 'the summary as JSON' },
    quiet: { type: 'boolean', short: 'q', help: 'no progress' },
  },
  async run(input, context) {
    const [source = '.', extra] = input.positionals
    if (extra !== undefined)
      throw usageFailure('one repository, please', { hint: 'asof demo [REPO]' })
    const clone = isAddress(source) ? await fetchClone(source, context) : undefined
    try {
      return await runDemo({ repository: clone ?? source, input, context })
    } finally {
      if (clone !== undefined) await rm(clone, { recursive: true, force: true })
    }
  },
}

/** `https://…`, `ssh://…` or `host:path`, unless there is a folder of that name. */
function isAddress(source: string): boolean {
  return /^[a-z][a-z+]*:\/\/|^[^/\\]{2,}:/i.test(source) && !existsSync(source)
}

async function fetchClone(address: string, { terminal }: CommandContext): Promise<string> {
  terminal.note(`Fetching ${address} ...\n`)
  const folder = await mkdtemp(join(tmpdir(), 'asof-clone-'))
  try {
    await askGit('.', ['clone', '--bare', '--quiet', '--', address, folder])
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  return folder
}

interface DemoRequest {
  readonly repository: string
  readonly input: Arguments
  readonly context: CommandContext
}

async function runDemo(request: DemoRequest): Promise<number> {
  const { input, context } = request
  await resolveHead(request.repository, input.text('ref'))
  const folder = input.text('into') ?? folderDefault
  const { database, report } = await importInto(folder, request)
  let summary: ImportSummary
  let json: object
  let lines: string[]
  try {
    summary = await summarize(database, report)
    const story = chooseStory(database)
    json = { folder: resolve(folder), ...report, ...summary, story }
    lines = story === undefined ? [] : storyLines(database, story, context.terminal)
    lines.push(...summaryLines(report, summary, context), '')
    if (story !== undefined) lines.push(...tryLines(story, folder, context))
  } finally {
    await database.close()
  }
  const { terminal } = context
  terminal.write(input.flag('json') ? jsonText(json) : `${lines.join('\n')}\n`)
  return report.isComplete ? exitCodes.ok : exitCodes.interrupted
}

function tryLines(story: DemoStory, folder: string, { terminal }: CommandContext): string[] {
  const style = styleOf(terminal)
  const commands = storyCommands(story, folder).map((line) => `  ${style.accent(line)}`)
  return [`The database is in ${style.bold(folder)}. Three things to try:`, '', ...commands]
}

interface Imported {
  readonly database: Database
  readonly report: GitImportReport
}

/**
 * Imports into a folder, continuing what is there. A folder of the demo that holds the history of
 * another repository is made anew; one that the user has named is never removed.
 */
async function importInto(folder: string, request: DemoRequest): Promise<Imported> {
  const { repository, input, context } = request
  const { terminal } = context
  for (;;) {
    const database = await open(folder)
    try {
      const report = await importWithProgress(database, {
        repository,
        reference: input.text('ref'),
        context,
        isQuiet: input.flag('quiet'),
      })
      return { database, report }
    } catch (error) {
      const isOfDemo = input.text('into') === undefined && holdsHistory(database)
      await database.close()
      const isOther = error instanceof CommandFailure && error.details['isOtherHistory'] === true
      if (!isOther || !isOfDemo) throw error
      terminal.note(`${folder} holds another history: making it anew\n`)
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** True for what an import of a git repository has left; nothing else is ever removed. */
function holdsHistory(database: Database): boolean {
  return readPosition(database.asOf({ valid: endOfTimeMicros })) !== undefined
}

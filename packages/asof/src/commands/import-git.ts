import { type Database, open } from 'asofdb'
import type { Arguments, OptionSpecs } from '../arguments.ts'
import type { CommandContext } from '../command.ts'
import { exitCodes, usageFailure } from '../failure.ts'
import { type GitImportReport, importGit } from '../git/import-git.ts'
import { resolveHead } from '../git/import-position.ts'
import { jsonText } from '../output/json.ts'
import { bytesText, countText, peopleNoun, plural, secondsText } from '../output/number-text.ts'
import { Progress } from '../output/progress.ts'
import { styleOf } from '../output/style.ts'
import { tableLines } from '../output/table.ts'
import { pathsOf } from '../part-paths.ts'
import { mustHaveTarget } from '../session.ts'

const usage = 'import git REPO --into DIR'

export const gitOptions = {
  ref: { type: 'string', value: 'BRANCH', help: 'git: what to import (default: HEAD)' },
} as const satisfies OptionSpecs

export async function runGitImport(input: Arguments, context: CommandContext): Promise<number> {
  const [, repository, extra] = input.positionals
  if (repository === undefined || extra !== undefined) {
    throw usageFailure('one repository, please', { hint: `asof ${usage}` })
  }
  const folder = mustHaveTarget(input, usage)
  // A folder is made only when there is something to put into it.
  await resolveHead(repository, input.text('ref'))
  const database = await open(folder, pathsOf(input))
  let report: GitImportReport
  let summary: ImportSummary
  try {
    report = await importWithProgress(database, {
      repository,
      reference: input.text('ref'),
      context,
      isQuiet: input.flag('quiet'),
    })
    summary = await summarize(database, report)
  } finally {
    await database.close()
  }
  const { terminal } = context
  if (input.flag('json')) terminal.write(jsonText({ folder, ...report, ...summary }))
  else terminal.write(`${[...summaryLines(report, summary, context), ''].join('\n')}`)
  if (report.isComplete) return exitCodes.ok
  terminal.note(`stopped after ${plural(report.imported, 'commit')}; the same command goes on\n`)
  return exitCodes.interrupted
}

export interface GitImportRequest {
  readonly repository: string
  readonly reference?: string | undefined
  readonly context: CommandContext
  readonly isQuiet: boolean
}

/** Imports and tells on standard error how it goes. */
export async function importWithProgress(
  database: Database,
  request: GitImportRequest,
): Promise<GitImportReport> {
  const { context, isQuiet } = request
  const { terminal } = context
  let progress: Progress | undefined
  try {
    return await importGit(database, {
      repository: request.repository,
      reference: request.reference,
      signal: context.signal,
      onStart: ({ alreadyImported, remaining, head }) => {
        if (isQuiet) return
        const known = alreadyImported > 0 ? `; ${countText(alreadyImported)} are here already` : ''
        const what = plural(remaining, 'commit')
        terminal.note(`Importing ${what} up to ${head.slice(0, 12)}${known}\n`)
        progress = new Progress(terminal, 'commits', remaining)
      },
      onProgress: (count) => progress?.update(count),
    })
  } finally {
    progress?.end()
  }
}

export interface ImportSummary {
  readonly commits: number
  readonly entities: { readonly nodes: number; readonly edges: number; readonly keys: number }
  readonly versions: number
  /** On disk: the last checkpoint and the log after it. */
  readonly bytes: number
  readonly commitsPerSecond: number
}

/** What is in the database after an import; makes a checkpoint, so that opening it is quick. */
export async function summarize(
  database: Database,
  report: { readonly imported: number; readonly seconds: number },
): Promise<ImportSummary> {
  await database.checkpoint()
  const { entities, versions, bytes } = database.stats()
  const rate = report.seconds > 0 ? report.imported / report.seconds : 0
  return {
    commits: database.sequence,
    entities,
    versions: versions.nodes + versions.edges + versions.keys,
    bytes: bytes.log + bytes.checkpoint,
    commitsPerSecond: Math.round(rate),
  }
}

export function summaryLines(
  report: GitImportReport,
  summary: ImportSummary,
  { terminal }: CommandContext,
): string[] {
  const { nodes, edges, keys } = summary.entities
  const style = styleOf(terminal)
  const took = `${plural(report.imported, 'commit')} in ${secondsText(report.seconds)}`
  const rate =
    report.imported === 0
      ? 'nothing was left to import'
      : `${took}: ${countText(summary.commitsPerSecond)} durable commits per second`
  const rows = [
    ['  commits', countText(summary.commits), rate],
    ['  entities', countText(nodes + edges + keys), entitiesText(summary.entities)],
    ['  versions', countText(summary.versions), 'each kept, with both its times'],
    ['  bytes', bytesText(summary.bytes), 'on disk'],
    ['  tree', plural(report.fileCount, 'file'), plural(report.peopleCount, peopleNoun)],
  ]
  return [style.bold('Imported'), ...tableLines(rows, terminal.columns)]
}

function entitiesText(entities: ImportSummary['entities']): string {
  const { nodes, edges, keys } = entities
  return `${plural(nodes, 'node')}, ${plural(edges, 'edge')}, ${plural(keys, 'key')}`
}

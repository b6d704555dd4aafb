import { type Database, isDatabaseError, open, type OpenOptions, type View } from 'asofdb'
import type { Arguments, OptionSpecs } from './arguments.ts'
import { CommandFailure, usageFailure } from './failure.ts'
import { parseMoment, viewAt } from './moment.ts'
import { instantText } from './output/value-text.ts'

/** Options of every command that reads. */
export const readOptions = {
  valid: { type: 'string', value: 'TIME', help: 'what held in the world then (default: now)' },
  system: {
    type: 'string',
    value: 'TIME',
    help: 'what was known then: a time, #12 or commit:1d2f3c (default: all)',
  },
  limit: { type: 'string', short: 'n', value: 'N', help: 'at most so many lines of each kind' },
  json: { type: 'boolean', help: 'one JSON document instead of text' },
} as const satisfies OptionSpecs

/** The folder a command was given. */
export function mustHaveFolder(input: Arguments, usage: string): string {
  const [folder] = input.positionals
  if (folder === undefined) throw usageFailure('which database?', { hint: `usage: asof ${usage}` })
  return folder
}

/** The directory that `--into` names. */
export function mustHaveTarget(input: Arguments, usage: string): string {
  const into = input.text('into')
  if (into !== undefined && into !== '') return into
  throw usageFailure('into which directory?', { hint: `usage: asof ${usage}` })
}

/** Refuses what a command would ignore. */
export function mustBeAtMost(input: Arguments, count: number, usage: string): void {
  const extra = input.positionals[count]
  if (extra === undefined) return
  throw usageFailure(`'${extra}' is one argument too many`, { hint: `usage: asof ${usage}` })
}

/** Opens an existing database, runs `body`, and closes it whatever happens. */
export async function withDatabase<Result>(
  folder: string,
  body: (database: Database) => Result | Promise<Result>,
  options: Pick<OpenOptions, 'keyRetention'> = {},
): Promise<Result> {
  const database = await openExisting(folder, options)
  try {
    return await body(database)
  } finally {
    await database.close()
  }
}

async function openExisting(
  folder: string,
  options: Pick<OpenOptions, 'keyRetention'>,
): Promise<Database> {
  try {
    // How long keys are told is not for a command to say: that is kept with the database, or said
    // by the program that opens it.
    return await open(folder, { keyRetention: 'forever', ...options, create: false })
  } catch (error) {
    if (!isDatabaseError(error, 'NotADatabase')) throw error
    throw new CommandFailure(error.message, {
      hint: 'make one with: asof import git REPO --into DIR, or asof import facts FILE --into DIR',
      cause: error,
    })
  }
}

/** The view that `--valid` and `--system` ask for. */
export function viewOf(database: Database, input: Arguments): View {
  return viewAt(database, {
    valid: parseMoment({ text: input.text('valid') ?? 'now', option: '--valid' }),
    system: parseMoment({ text: input.text('system') ?? 'now', option: '--system' }),
  })
}

/** Where a view looks, in words. */
export function viewText(database: Database, view: View): string {
  const commit = database.commit(view.sequence)
  const known =
    commit === undefined
      ? 'before anything was known'
      : `as known at ${instantText(commit.system)} (#${view.sequence})`
  return `valid at ${instantText(view.valid)}, ${known}`
}

/** Where a view looks, for programs. */
export function viewJson(database: Database, view: View): object {
  const { valid, sequence } = view
  return { valid, sequence, system: database.commit(sequence)?.system ?? null }
}

import type { PointInHistory } from 'asofdb'
import type { Arguments, OptionSpecs } from './arguments.ts'
import type { CommandContext } from './command.ts'
import { exitCodes, usageFailure } from './failure.ts'
import { parseMoment } from './moment.ts'
import { Progress } from './output/progress.ts'

/** Options of every command that makes a database from another. */
export const pointOptions = {
  'to-sequence': { type: 'string', value: 'N', help: 'commits up to number N (default: all)' },
  'to-time': {
    type: 'string',
    value: 'TIME',
    help: 'commits known at a system time, such as 2024-06-01T12:00:00Z',
  },
} as const satisfies OptionSpecs

/** The point that `--to-sequence` or `--to-time` asks for. */
export function pointOf(input: Arguments): PointInHistory {
  const sequence = input.text('to-sequence')
  const time = input.text('to-time')
  if (sequence !== undefined && time !== undefined) {
    throw usageFailure('give --to-sequence or --to-time, not both')
  }
  if (sequence !== undefined) {
    if (/^\d{1,15}$/.test(sequence)) return { toSequence: Number(sequence) }
    throw usageFailure(`--to-sequence takes the number of a commit, not '${sequence}'`)
  }
  if (time === undefined) return {}
  const moment = parseMoment({ text: time, option: '--to-time' })
  if (moment.kind === 'now') return {}
  if (moment.kind === 'instant') return { toTime: moment.instant }
  throw usageFailure('--to-time takes a time; --to-sequence takes the number of a commit')
}

/** What a long piece of work is given: where to tell how far it is, and what stops it. */
export interface LongWork {
  onProgress(progress: { readonly done: number; readonly of: number }): void
  readonly signal: AbortSignal
}

export interface LongWorkKind {
  /** What its progress counts. */
  readonly counts: 'bytes' | 'commits'
  /** What to do after it was stopped. Default: the same again. */
  readonly finishedBy?: string
}

/** Runs long work with its progress on standard error; Ctrl-C ends it with exit code 130. */
export async function withProgress(
  { terminal, signal }: CommandContext,
  { counts, finishedBy = 'run the same command again to finish' }: LongWorkKind,
  work: (long: LongWork) => Promise<number>,
): Promise<number> {
  let progress: Progress | undefined
  try {
    return await work({
      onProgress: ({ done, of }) => {
        progress ??= new Progress(terminal, counts, of)
        progress.update(done)
      },
      signal,
    })
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error
    progress?.end()
    terminal.note(`stopped; ${finishedBy}\n`)
    return exitCodes.interrupted
  } finally {
    progress?.end()
  }
}

/** What the command promises to scripts; `asof --help` lists them. */
export const exitCodes = {
  ok: 0,
  /** The database or the system refused; the message says what and why. */
  failed: 1,
  /** The command line is wrong; nothing was done. */
  usage: 2,
  /** Stored bytes are not what was written. */
  damaged: 3,
  /** What was asked for is not there, at the time asked about. */
  absent: 4,
  /** Stopped by Ctrl-C; an import goes on where it stopped when it is run again. */
  interrupted: 130,
} as const

export interface FailureOptions {
  readonly exitCode?: number
  /** What to do about it, on a line of its own. */
  readonly hint?: string | undefined
  readonly cause?: unknown
  readonly details?: Readonly<Record<string, unknown>>
}

/** A failure that the command explains in one line; the stack is of no use to the reader. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  readonly exitCode: number
  readonly hint: string | undefined
  readonly details: Readonly<Record<string, unknown>>

  constructor(message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.exitCode = options.exitCode ?? exitCodes.failed
    this.hint = options.hint
    this.details = options.details ?? {}
  }
}

export interface Advice {
  readonly hint?: string | undefined
}

/** The command line is wrong. */
export function usageFailure(message: string, advice: Advice = {}): CommandFailure {
  return new CommandFailure(message, { exitCode: exitCodes.usage, hint: advice.hint })
}

/** There is no such thing, at the time asked about. */
export function absentFailure(message: string, advice: Advice = {}): CommandFailure {
  return new CommandFailure(message, { exitCode: exitCodes.absent, hint: advice.hint })
}

/** True for an error of the system with this code, such as ENOENT. */
export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

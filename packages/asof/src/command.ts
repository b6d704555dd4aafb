import type { Arguments, OptionSpecs } from './arguments.ts'
import type { Terminal } from './output/terminal.ts'

/** What a command may use of the outside world. */
export interface CommandContext {
  readonly terminal: Terminal
  /** Aborted by Ctrl-C: finish what is under way and stop. */
  readonly signal: AbortSignal
}

export interface Example {
  readonly command: string
  readonly meaning: string
}

/** A command with everything its help says. */
export interface Command {
  readonly name: string
  readonly summary: string
  /** After `asof NAME`. */
  readonly usage: string
  readonly examples: readonly Example[]
  /** Paragraphs after the examples. */
  readonly details: readonly string[]
  readonly options: OptionSpecs
  /** Commands within it, each named with what comes before: `keys get`. */
  readonly parts?: readonly Command[]
  /** The exit code. */
  run(input: Arguments, context: CommandContext): Promise<number>
}

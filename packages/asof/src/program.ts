import { readFileSync } from 'node:fs'
import { isDatabaseError } from 'asofdb'
import { type Arguments, type OptionSpecs, parseArguments } from './arguments.ts'
import type { Command, CommandContext } from './command.ts'
import { backupCommand } from './commands/backup.ts'
import { compactCommand } from './commands/compact.ts'
import { demoCommand } from './commands/demo.ts'
import { diffCommand } from './commands/diff.ts'
import { eraseCommand } from './commands/erase.ts'
import { forkCommand } from './commands/fork.ts'
import { importCommand } from './commands/import.ts'
import { keysCommand } from './commands/keys.ts'
import { pruneCommand } from './commands/prune.ts'
import { provenanceCommand } from './commands/provenance.ts'
import { retentionCommand } from './commands/retention.ts'
import { relocateCommand } from './commands/relocate.ts'
import { restoreCommand } from './commands/restore.ts'
import { recoverCommand } from './commands/recover.ts'
import { showCommand } from './commands/show.ts'
import { statsCommand } from './commands/stats.ts'
import { timelineCommand } from './commands/timeline.ts'
import { verifyCommand } from './commands/verify.ts'
import { CommandFailure, exitCodes, usageFailure } from './failure.ts'
import { commandHelp, programHelp } from './help.ts'
import { styleOf } from './output/style.ts'
import { suggest } from './suggestion.ts'

export const commands: readonly Command[] = [
  demoCommand,
  importCommand,
  showCommand,
  timelineCommand,
  provenanceCommand,
  diffCommand,
  keysCommand,
  statsCommand,
  verifyCommand,
  recoverCommand,
  backupCommand,
  restoreCommand,
  forkCommand,
  relocateCommand,
  retentionCommand,
  pruneCommand,
  compactCommand,
  eraseCommand,
]

/** Options that every command has. */
const everyCommandOptions = {
  help: { type: 'boolean', short: 'h', help: 'this page' },
  debug: { type: 'boolean', help: 'on failure show the stack' },
} as const satisfies OptionSpecs

/** Runs one command line; returns the exit code. */
export async function runProgram(
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  try {
    return await dispatch(args, context)
  } catch (error) {
    const { lines, exitCode } = explainFailure(error, args.includes('--debug'))
    context.terminal.note(`${lines.join('\n')}\n`)
    return exitCode
  }
}

async function dispatch(args: readonly string[], context: CommandContext): Promise<number> {
  const [name, ...rest] = args
  const { terminal } = context
  const style = styleOf(terminal)
  if (name === undefined) {
    terminal.note(programHelp(commands, style))
    return exitCodes.usage
  }
  if (name === 'help' || name === '--help' || name === '-h') {
    const [about, ...parts] = rest
    const command = about === undefined ? undefined : choose(mustFindCommand(about), parts).command
    terminal.write(
      command === undefined ? programHelp(commands, style) : commandHelp(described(command), style),
    )
    return exitCodes.ok
  }
  if (name === '--version' || name === 'version') {
    terminal.write(`asof ${version()}\n`)
    return exitCodes.ok
  }
  const { command, args: own } = choose(mustFindCommand(name), rest)
  const full = described(command)
  // Help is given whatever else is typed beside it.
  if (beforeDashes(own).some((one) => one === '--help' || one === '-h')) {
    terminal.write(commandHelp(full, style))
    return exitCodes.ok
  }
  const input: Arguments = parseArguments(own, full.options)
  return command.run(input, context)
}

interface Chosen {
  readonly command: Command
  /** What is left of the arguments. */
  readonly args: readonly string[]
}

/** The command within a command that the first word names; itself where it has none, or no word. */
function choose(command: Command, args: readonly string[]): Chosen {
  const { parts } = command
  const at = beforeDashes(args).findIndex((one) => !one.startsWith('-'))
  const word = args[at]
  if (parts === undefined || word === undefined) return { command, args }
  const part = parts.find(({ name }) => name === `${command.name} ${word}`)
  if (part !== undefined) return { command: part, args: args.toSpliced(at, 1) }
  const words = parts.map(({ name }) => name.slice(command.name.length + 1))
  const meant = suggest(word, words)
  throw usageFailure(`there is no command ${command.name} ${word}`, {
    hint:
      meant === undefined
        ? `the commands are ${words.map((one) => `${command.name} ${one}`).join(', ')}`
        : `did you mean asof ${command.name} ${meant}?`,
  })
}

/** The command with the options that all commands have. */
function described(command: Command): Command {
  return { ...command, options: { ...command.options, ...everyCommandOptions } }
}

function beforeDashes(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--')
  return end < 0 ? args : args.slice(0, end)
}

function mustFindCommand(name: string): Command {
  const command = commands.find((one) => one.name === name)
  if (command !== undefined) return command
  const names = commands.map((one) => one.name)
  const meant = suggest(name, names)
  const hint =
    meant === undefined ? `the commands are ${names.join(', ')}` : `did you mean asof ${meant}?`
  throw usageFailure(`there is no command ${name}`, { hint: hint })
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const parsed: unknown = JSON.parse(text)
  const hasVersion = typeof parsed === 'object' && parsed !== null && 'version' in parsed
  return hasVersion ? String(parsed.version) : 'of unknown version'
}

interface Explanation {
  readonly lines: readonly string[]
  readonly exitCode: number
}

/** One line that says what went wrong, one that says what to do, and the stack if asked for. */
export function explainFailure(error: unknown, isDebugging: boolean): Explanation {
  const stack = error instanceof Error && isDebugging ? [String(error.stack)] : []
  if (error instanceof CommandFailure) {
    const hint = error.hint === undefined ? [] : [`  ${error.hint}`]
    return { lines: [`asof: ${error.message}`, ...hint, ...stack], exitCode: error.exitCode }
  }
  if (isDatabaseError(error)) {
    const exitCode = error.kind === 'corrupt' ? exitCodes.damaged : exitCodes.failed
    return { lines: [`asof: ${error.code}: ${error.message}`, ...stack], exitCode }
  }
  const message = error instanceof Error ? error.message : String(error)
  const hint = isDebugging ? [] : ['  this looks like a fault of asof; --debug shows where']
  const isOfSystem = error instanceof Error && 'code' in error && 'syscall' in error
  return {
    lines: [`asof: ${message}`, ...(isOfSystem ? [] : hint), ...stack],
    exitCode: exitCodes.failed,
  }
}

import type { OptionSpecs } from './arguments.ts'
import type { Command } from './command.ts'
import { pad } from './output/display-width.ts'
import type { Style } from './output/style.ts'

/** The page of one command: examples first. */
export function commandHelp(command: Command, style: Style): string {
  const blocks = [
    `${style.bold(`asof ${command.name}`)}: ${command.summary}`,
    [style.bold('Examples'), ...exampleLines(command.examples, style)].join('\n'),
    [style.bold('Usage'), `  asof ${command.name} ${command.usage}`].join('\n'),
    ...(command.parts === undefined ? [] : [partLines(command.parts, style).join('\n')]),
    ...command.details,
    [style.bold('Options'), ...optionLines(command.options)].join('\n'),
  ]
  return `${blocks.join('\n\n')}\n`
}

/** The page of the program. */
export function programHelp(commands: readonly Command[], style: Style): string {
  const examples = [
    { command: 'asof demo .', meaning: 'import this git repository and look at it as of any date' },
    { command: 'asof import git . --into history', meaning: 'only import it' },
    { command: 'asof show history file:README.md', meaning: 'a file, as known now' },
    {
      command: 'asof show history / --valid 2024-06-01',
      meaning: 'the tree as it was on a day',
    },
    { command: 'asof provenance history file:README.md', meaning: 'what was believed when' },
  ]
  const codes = [
    '0 fine; 1 the database or the system refused; 2 the command line is wrong; 3 damage was',
    'found; 4 what was asked for is not there at that time; 130 stopped by Ctrl-C',
  ]
  const blocks = [
    `${style.bold('asof')}: a database that remembers, at the command line`,
    [style.bold('Examples'), ...exampleLines(examples, style)].join('\n'),
    partLines(commands, style).join('\n'),
    [
      style.bold('Two times'),
      '  --valid T   what held in the world at T (default: now)',
      '  --system T  what the database knew at T (default: all it knows); T may also be #12, the',
      '              number of a commit of the database, or commit:1d2f3c, a commit of git',
      '  T is a date or time (2024, 2024-06, 2024-06-01, 2024-06-01T12:30:00+02:00); without an',
      '  offset it is UTC.',
    ].join('\n'),
    [style.bold('Exit codes'), ...codes.map((line) => `  ${line}`)].join('\n'),
    'asof COMMAND --help shows examples and options of a command. NO_COLOR turns colours off.',
  ]
  return `${blocks.join('\n\n')}\n`
}

function partLines(commands: readonly Command[], style: Style): string[] {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2
  const lines = commands.map(({ name, summary }) => `  ${pad(name, width)}${summary}`)
  return [style.bold('Commands'), ...lines]
}

function exampleLines(examples: Command['examples'], style: Style): string[] {
  return examples.flatMap(({ command, meaning }) => [
    `  ${style.dim(`# ${meaning}`)}`,
    `  ${style.accent(command)}`,
  ])
}

function optionLines(options: OptionSpecs): string[] {
  const named = Object.entries(options).map(([name, spec]) => {
    const short = spec.short === undefined ? '    ' : `-${spec.short}, `
    const value = spec.type === 'string' ? ` ${spec.value ?? 'TEXT'}` : ''
    return { text: `${short}--${name}${value}`, help: spec.help }
  })
  const width = Math.max(...named.map(({ text }) => text.length)) + 2
  return named.map(({ text, help }) => `  ${pad(text, width)}${help}`)
}

import type { Arguments, OptionSpecs } from './arguments.ts'

/** Where log and checkpoints of a database lie, for commands that make or move one. */
export const pathOptions = {
  'log-directory': {
    type: 'string',
    value: 'DIR',
    help: 'where its log lies: absolute, or relative to the database',
  },
  'checkpoint-directory': {
    type: 'string',
    value: 'DIR',
    help: 'where its checkpoints lie, in the same way',
  },
} as const satisfies OptionSpecs

export interface ChosenPaths {
  readonly logDirectory: string | undefined
  readonly checkpointDirectory: string | undefined
}

export function pathsOf(input: Arguments): ChosenPaths {
  return {
    logDirectory: input.text('log-directory'),
    checkpointDirectory: input.text('checkpoint-directory'),
  }
}

import type { Arguments, OptionSpecs } from './arguments.ts'
import { usageFailure } from './failure.ts'

/** Options that name what a horizon or a retention is of. */
export const targetOptions = {
  label: { type: 'string', multiple: true, value: 'LABEL', help: 'nodes with it; repeatable' },
  type: { type: 'string', multiple: true, value: 'TYPE', help: 'edges of it; repeatable' },
  keyspace: { type: 'string', multiple: true, value: 'SPACE', help: 'keys in it; repeatable' },
} as const satisfies OptionSpecs

/** The names given with one of these options; none of them is empty. */
export function targetNames(
  input: Arguments,
  option: keyof typeof targetOptions,
): readonly string[] {
  const names = input.list(option)
  if (names.includes('')) throw usageFailure(`--${option} takes a name`)
  return names
}

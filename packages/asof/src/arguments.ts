import { parseArgs } from 'node:util'
import { isErrno, usageFailure } from './failure.ts'
import { suggest } from './suggestion.ts'

/** An option as a command declares it; the declaration is also its line of the help. */
export interface OptionSpec {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  readonly multiple?: boolean
  /** How its value is called in the help. */
  readonly value?: string
  readonly help: string
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>

/** What was typed after the name of a command. */
export class Arguments {
  readonly positionals: readonly string[]
  readonly #values: ReadonlyMap<string, unknown>

  constructor(positionals: readonly string[], values: ReadonlyMap<string, unknown>) {
    this.positionals = positionals
    this.#values = values
  }

  flag(name: string): boolean {
    return this.#values.get(name) === true
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name)
    return typeof value === 'string' ? value : undefined
  }

  /** All values of an option that may be given several times. */
  list(name: string): readonly string[] {
    const value = this.#values.get(name)
    return Array.isArray(value) ? value.map(String) : []
  }

  /** A whole number of at least `min`. */
  count(name: string, limits: { readonly byDefault: number; readonly min?: number }): number {
    const text = this.text(name)
    if (text === undefined) return limits.byDefault
    const min = limits.min ?? 1
    if (/^\d{1,9}$/.test(text) && Number(text) >= min) return Number(text)
    throw usageFailure(`--${name} takes a whole number of at least ${min}, not '${text}'`)
  }

  /** One of a few words. */
  choice<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const word = words.find((one) => one === text)
    if (word !== undefined) return word
    const meant = suggest(text, words)
    throw usageFailure(`--${name} takes ${words.join(', ')}, not '${text}'`, {
      hint: meant === undefined ? undefined : `did you mean --${name} ${meant}?`,
    })
  }
}

export function parseArguments(args: readonly string[], options: OptionSpecs): Arguments {
  const known: Record<string, { type: 'string' | 'boolean'; short?: string; multiple?: boolean }> =
    {}
  for (const [name, spec] of Object.entries(options)) {
    known[name] = {
      type: spec.type,
      ...(spec.short === undefined ? {} : { short: spec.short }),
      ...(spec.multiple === undefined ? {} : { multiple: spec.multiple }),
    }
  }
  try {
    const parsed = parseArgs({ args: [...args], options: known, allowPositionals: true })
    return new Arguments(parsed.positionals, new Map(Object.entries(parsed.values)))
  } catch (error) {
    throw explain(error, args, options)
  }
}

function explain(error: unknown, args: readonly string[], options: OptionSpecs): unknown {
  if (!(error instanceof Error)) return error
  if (isErrno(error, 'ERR_PARSE_ARGS_UNKNOWN_OPTION')) {
    const typed = /'(--?[^'\s=]+)/.exec(error.message)?.[1] ?? args.join(' ')
    const names = Object.keys(options)
    const meant = suggest(typed.replace(/^-+/, ''), names)
    const hint =
      meant === undefined
        ? `the options are ${names.map((one) => `--${one}`).join(', ')}`
        : `did you mean --${meant}?`
    return usageFailure(`there is no option ${typed}`, { hint: hint })
  }
  const isAboutValue = isErrno(error, 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE')
  return isAboutValue ? usageFailure(error.message.split('\n', 1)[0] ?? error.message) : error
}

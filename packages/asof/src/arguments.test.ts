import { describe, expect, it } from 'vitest'
import { type OptionSpecs, parseArguments } from './arguments.ts'
import { CommandFailure } from './failure.ts'

const options = {
  valid: { type: 'string', value: 'TIME', help: '' },
  limit: { type: 'string', short: 'n', value: 'N', help: '' },
  json: { type: 'boolean', help: '' },
  where: { type: 'string', multiple: true, help: '' },
} as const satisfies OptionSpecs

function failure(run: () => unknown): CommandFailure {
  try {
    run()
  } catch (error) {
    if (error instanceof CommandFailure) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('parseArguments', () => {
  it('takes options anywhere, and everything after -- as it is', () => {
    const input = parseArguments(
      ['a', '--json', '-n', '5', '--where', 'x', '--where=y', '--', '-b'],
      options,
    )
    expect(input.positionals).toEqual(['a', '-b'])
    expect(input.flag('json')).toBe(true)
    expect(input.flag('debug')).toBe(false)
    expect(input.count('limit', { byDefault: 1 })).toBe(5)
    expect(input.list('where')).toEqual(['x', 'y'])
    expect(input.text('valid')).toBeUndefined()
  })

  it('says which option was meant', () => {
    const thrown = failure(() => parseArguments(['--vlaid', '2024'], options))
    expect([thrown.exitCode, thrown.message, thrown.hint]).toEqual([
      2,
      'there is no option --vlaid',
      'did you mean --valid?',
    ])
    const unlike = failure(() => parseArguments(['--frobnicate=3'], options))
    expect([unlike.message, unlike.hint]).toEqual([
      'there is no option --frobnicate',
      'the options are --valid, --limit, --json, --where',
    ])
  })

  it('refuses values where there are none, none where there are some, and wrong numbers', () => {
    expect(failure(() => parseArguments(['--json=yes'], options)).exitCode).toBe(2)
    expect(failure(() => parseArguments(['--valid'], options)).exitCode).toBe(2)
    for (const text of ['x', '0', '1.5', '99999999999']) {
      const input = parseArguments(['--limit', text], options)
      expect(failure(() => input.count('limit', { byDefault: 1 })).message).toContain(`'${text}'`)
    }
  })

  it('takes one of a few words', () => {
    const words = ['csv', 'tsv', 'jsonl'] as const
    expect(parseArguments(['--valid', 'csv'], options).choice('valid', words)).toBe('csv')
    expect(parseArguments([], options).choice('valid', words)).toBeUndefined()
    const input = parseArguments(['--valid', 'json'], options)
    expect(failure(() => input.choice('valid', words)).hint).toBe('did you mean --valid jsonl?')
  })
})

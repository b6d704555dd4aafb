import { describe, expect, it } from 'vitest'
import { type Durability, isDatabaseError, open } from '../../packages/asofdb/src/index.ts'
import { describeMode } from '../../packages/asofdb/src/log/durability.ts'
import { type ChosenMode, chooseMode } from '../../packages/asofdb/src/log/durability-options.ts'
import { cell, Document } from './document.ts'

const columns = [
  'log',
  'fsync',
  'durability',
  'Acknowledged when',
  'Survives a killed process',
  'Survives a power cut',
  'What can be lost',
  'One caller',
  '100 callers',
]
const rows = new Document('docs/guarantees.md').table('## Durability', columns)

const fsyncs = new Map<string, 'always' | 'never' | { everyMs: number }>([
  ['always', 'always'],
  ['{ everyMs }', { everyMs: 100 }],
  ['never', 'never'],
])

/** What opening makes of the options of a row. */
function modeOf(row: (typeof rows)[number]): ChosenMode {
  const log = cell(row, 'log')
  if (log === '') return 'memory'
  const fsync = fsyncs.get(cell(row, 'fsync'))
  return chooseMode({ log: log as 'sync' | 'async' | 'off', fsync })
}

function presetOf(row: (typeof rows)[number]): string | undefined {
  return /^`?(\w+)/.exec(cell(row, 'durability'))?.[1]
}

describe('the table of durability modes', () => {
  it('has the full product of the modes, each once', () => {
    const logs = ['sync', 'async'] as const
    const product = logs.flatMap((log) => [...fsyncs.values()].map((fsync) => ({ log, fsync })))
    expect(rows.map(modeOf)).toEqual([...product, 'off', 'memory'])
  })

  it('has every preset that opening takes, in that order, beside what it is', async () => {
    const presets = rows.map(presetOf).filter((preset) => preset !== undefined)
    const unknown = { durability: 'paper' as Durability }
    const error = await open(':memory:', unknown).catch((thrown: unknown) => thrown)
    if (!isDatabaseError(error, 'InvalidArgument')) throw error
    expect(error.message).toContain(`one of ${presets.join(', ')}, not paper`)
    for (const row of rows) {
      const durability = presetOf(row)
      if (durability === undefined) continue
      expect(chooseMode({ durability: durability as Durability })).toEqual(modeOf(row))
    }
  })

  it('says after what each acknowledges and what it may lose, as the log does', () => {
    const words = {
      sync: 'synced to the disk',
      write: 'written to the log',
      apply: 'applied',
    }
    const survives = (mayLose: boolean) => (mayLose ? 'not the last ones' : 'yes')
    for (const row of rows) {
      const mode = modeOf(row)
      if (mode === 'off' || mode === 'memory') continue
      const { acknowledgedAfter, mayLoseWithProcess, mayLoseWithMachine } = describeMode(mode)
      expect(cell(row, 'Acknowledged when')).toBe(words[acknowledgedAfter])
      expect(cell(row, 'Survives a killed process')).toBe(survives(mayLoseWithProcess))
      expect(cell(row, 'Survives a power cut')).toBe(survives(mayLoseWithMachine))
      expect(cell(row, 'What can be lost') === 'nothing').toBe(!mayLoseWithMachine)
    }
  })
})

import { describe, expect, it } from 'vitest'
import { type Durability, isDatabaseError, open } from '../../packages/asofdb/src/index.ts'
import { type LogDurability, durabilityModes } from '../../packages/asofdb/src/log/durability.ts'
import { cell, Document } from './document.ts'

const columns = ['Mode', 'Acknowledged when', 'A killed process loses', 'A killed machine loses']
const rows = new Document('docs/guarantees.md').table('## Durability', columns)
const modes = rows.map((row) => /^`(\w+)`|^(\w+)$/.exec(cell(row, 'Mode'))?.slice(1).join('') ?? '')

describe('the table of durability modes', () => {
  it('has every mode that opening takes, in that order', async () => {
    const unknown = { durability: 'paper' as Durability }
    const error = await open(':memory:', unknown).catch((thrown: unknown) => thrown)
    if (!isDatabaseError(error, 'InvalidArgument')) throw error
    expect(error.message).toContain(`one of ${modes.join(', ')}, not paper`)
  })

  it('says of the logged ones after what they acknowledge, as the log does', () => {
    const words = { sync: 'synced to the disk', write: 'written to the log' }
    const isLogged = (mode: string): mode is LogDurability => mode in durabilityModes
    const logged = modes.filter(isLogged)
    expect(logged).toEqual(Object.keys(durabilityModes))
    for (const mode of logged) {
      const row = rows[modes.indexOf(mode)] ?? {}
      expect(cell(row, 'Acknowledged when')).toBe(words[durabilityModes[mode].acknowledgedAfter])
      expect(cell(row, 'A killed process loses')).toBe('nothing')
    }
  })
})

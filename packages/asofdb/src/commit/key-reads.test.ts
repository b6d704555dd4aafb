import fc from 'fast-check'
import { expect, test } from 'vitest'
import { latin1ToBytes } from '../encoding/text.ts'
import { Tables } from '../versions/tables.ts'
import { KeyReads, type ReadStretch } from './key-reads.ts'

const seed = 4403
const names = 'abcdefgh'.split('').flatMap((letter) => [letter, `${letter}\0`, `${letter}x`])

/** Tables with every name in two keyspaces, one of which nobody reads. */
function namedTables(): { tables: Tables; ordinals: Map<string, number>; other: number } {
  const tables = new Tables()
  const [keyspace, unread] = [tables.symbols.intern('read'), tables.symbols.intern('unread')]
  const ordinals = new Map<string, number>()
  for (const [ordinal, name] of names.entries()) {
    tables.keyNames.define(ordinal, { keyspace, bytes: latin1ToBytes(name) })
    ordinals.set(name, ordinal)
  }
  const other = names.length
  tables.keyNames.define(other, { keyspace: unread, bytes: latin1ToBytes('a') })
  return { tables, ordinals, other }
}

const anyName = fc.constantFrom(...names)
const anyStep = fc.oneof(
  fc.record({ name: anyName }),
  fc.record({ from: anyName, to: anyName, includesTo: fc.boolean(), growsTo: anyName }),
)

test('what was read is found, and nothing else, however much there was', () => {
  const steps = fc.oneof(
    fc.array(anyStep, { maxLength: 6 }),
    fc.array(anyStep, { minLength: 100, maxLength: 300, size: 'max' }),
  )
  const property = fc.property(steps, fc.nat(3), (all, growing) => {
    const { tables, ordinals, other } = namedTables()
    const reads = new KeyReads()
    const read = new Set<string>()
    const open: { stretch: ReadStretch; growsTo: string }[] = []
    const note = ({ from, to, includesTo }: ReadStretch): void => {
      for (const name of names) {
        if (name >= from && (name < to || (includesTo && name === to))) read.add(name)
      }
    }
    for (const [index, step] of all.entries()) {
      if ('name' in step) {
        reads.addName({ keyspace: 'read', name: step.name })
        read.add(step.name)
      } else {
        const { from, to, includesTo, growsTo } = step
        if (from > to) continue
        const stretch = { from, to, includesTo, isOpen: index % 4 <= growing }
        reads.add('read', stretch)
        if (stretch.isOpen) open.push({ stretch, growsTo })
        note(stretch)
      }
    }
    for (const { stretch, growsTo } of open) {
      if (growsTo > stretch.to) stretch.to = growsTo
      note(stretch)
    }
    const isRead = reads.test(tables)
    expect([...ordinals].filter(([, ordinal]) => isRead(ordinal)).map(([name]) => name)).toEqual(
      names.filter((name) => read.has(name)),
    )
    expect(isRead(other)).toBe(false)
  })
  fc.assert(property, { seed, numRuns: 200 })
})

test('a stretch that is open counts as it is in the end, whatever came after it', () => {
  const { tables, ordinals } = namedTables()
  const reads = new KeyReads()
  const stretch = { from: 'c', to: 'c', includesTo: true, isOpen: true }
  reads.add('read', stretch)
  for (let round = 0; round < 500; round++) reads.addName({ keyspace: 'read', name: 'a' })
  stretch.to = 'd'
  const isRead = reads.test(tables)
  expect([...ordinals].filter(([, ordinal]) => isRead(ordinal)).map(([name]) => name)).toEqual([
    'a',
    'c',
    'c\0',
    'cx',
    'd',
  ])
})

test('of a keyspace that nobody has written to, no key is one', () => {
  const { tables, other } = namedTables()
  const reads = new KeyReads()
  reads.addName({ keyspace: 'none', name: 'a' })
  expect(reads.test(tables)(other)).toBe(false)
})

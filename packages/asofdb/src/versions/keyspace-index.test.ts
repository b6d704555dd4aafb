import { describe, expect, test } from 'vitest'
import { RandomStream } from '../../../../simulation/random.ts'
import { latin1ToBytes } from '../encoding/text.ts'
import { KeyNames } from './key-names.ts'
import { KeyspaceIndex } from './keyspace-index.ts'

const random = new RandomStream('keyspace')

/** So many keys, some names of which come twice. */
function fill(names: KeyNames, indexes: readonly KeyspaceIndex[], count: number): void {
  for (let made = 0; made < count; made++) {
    const ordinal = names.column.count
    const text = `key ${random.below(1_000_000)}`
    names.define(ordinal, { keyspace: 1, bytes: latin1ToBytes(text) })
    for (const index of indexes) index.addStored(ordinal)
  }
}

function entriesOf(index: KeyspaceIndex): string[] {
  const entries: string[] = []
  const cursor = index.settled().cursor()
  for (let isOn = cursor.seekAtOrAfter(''); isOn; isOn = cursor.next()) {
    entries.push(`${cursor.key} ${String(cursor.value).padStart(7, '0')}`)
  }
  return entries
}

function settle(index: KeyspaceIndex, betweenSteps = (): void => undefined): number {
  let steps = 0
  for (const _step of index.settleInSteps()) {
    steps++
    betweenSteps()
  }
  return steps
}

describe('the keys of a keyspace', () => {
  test.each([
    [10, 20],
    [2100, 100],
    [5000, 3],
    [100, 20_000],
    [3000, 1000],
  ])('are in order after %s and %s more, all at once or in steps', (first, more) => {
    const names = new KeyNames()
    const atOnce = new KeyspaceIndex(names)
    const inSteps = new KeyspaceIndex(names)
    for (const count of [first, more]) {
      fill(names, [atOnce, inSteps], count)
      inSteps.addStored(0)
      atOnce.addStored(0)
      const steps = settle(inSteps)
      expect(inSteps.isWaiting).toBe(false)
      expect(steps > 3).toBe(count > 256)
      const entries = entriesOf(atOnce)
      expect(entriesOf(inSteps)).toEqual(entries)
      expect(entries.slice(1).filter((entry, at) => entry < (entries[at] ?? ''))).toEqual([])
      expect(entries).toHaveLength(names.column.count)
    }
  })

  test('wait on where more come amid the steps, or somebody asks for the order', () => {
    const names = new KeyNames()
    const index = new KeyspaceIndex(names)
    fill(names, [index], 20_000)
    let isFirst = true
    settle(index, () => {
      if (isFirst) fill(names, [index], 1)
      isFirst = false
    })
    expect(index.isWaiting).toBe(true)
    settle(index, () => void index.settled())
    expect(index.isWaiting).toBe(false)
    expect(entriesOf(index)).toHaveLength(20_001)
  })
})

import { describe, expect, test } from 'vitest'
import { RandomStream } from '../../../../simulation/random.ts'
import type { OrderedCursor } from './ordered-cursor.ts'
import { type OrderedEntry, OrderedIndex } from './ordered-index.ts'

const keyMax = 900
const valueMax = 3

function name(number: number): string {
  return String(number).padStart(4, '0')
}

function compare(a: OrderedEntry, b: OrderedEntry): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : a.value - b.value
}

/** A sorted array that answers what a cursor answers, by looking at every entry. */
class NaiveIndex {
  readonly entries: OrderedEntry[] = []
  at: OrderedEntry | undefined

  add(entry: OrderedEntry): void {
    if (this.entries.some((one) => compare(one, entry) === 0)) return
    this.entries.push(entry)
    this.entries.sort(compare)
  }

  after(key: string, value: number): OrderedEntry | undefined {
    return this.entries.find((one) => compare(one, { key, value }) >= 0)
  }

  before(key: string, value: number): OrderedEntry | undefined {
    return this.entries.findLast((one) => compare(one, { key, value }) < 0)
  }
}

const steps = ['next', 'previous', 'seekAtOrAfter', 'seekBefore', 'seekToLast'] as const

/** Does one thing with both; whether they stand on the same entry afterwards. */
function stepBoth(cursor: OrderedCursor, naive: NaiveIndex, random: RandomStream): boolean {
  const step = steps[random.below(20) < 16 ? random.below(2) : random.below(steps.length)] ?? 'next'
  const at = naive.at
  const key = name(random.below(keyMax))
  const value = [-1, Infinity, 0, 1, 2][random.below(5)] ?? -1
  let wanted: OrderedEntry | undefined
  let isOn = false
  if (step === 'next') {
    wanted = at === undefined ? undefined : naive.after(at.key, at.value + 0.5)
    isOn = cursor.next()
  } else if (step === 'previous') {
    wanted = at === undefined ? undefined : naive.before(at.key, at.value)
    isOn = cursor.previous()
  } else if (step === 'seekToLast') {
    wanted = naive.entries.at(-1)
    isOn = cursor.seekToLast()
  } else {
    wanted = step === 'seekBefore' ? naive.before(key, value) : naive.after(key, value)
    isOn = step === 'seekBefore' ? cursor.seekBefore(key, value) : cursor.seekAtOrAfter(key, value)
  }
  naive.at = wanted
  if (isOn !== (wanted !== undefined) || cursor.isOnEntry !== isOn) return false
  return wanted === undefined || compare(cursor, wanted) === 0
}

describe('a cursor', () => {
  test.each([0, 1, 150, 3000])('stands where a sorted array says, from %s entries on', (count) => {
    const random = new RandomStream(`cursor ${count}`)
    const index = new OrderedIndex()
    const naive = new NaiveIndex()
    const add = (): void => {
      const entry = { key: name(random.below(keyMax)), value: random.below(valueMax) }
      index.add(entry.key, entry.value)
      naive.add(entry)
    }
    for (let made = 0; made < count; made++) add()
    const cursors = [0, 1].map(() => ({ cursor: index.cursor(), at: naive.at }))
    for (let turn = 0; turn < 3000; turn++) {
      const one = cursors[random.below(2)]
      if (one === undefined) continue
      naive.at = one.at
      const isRight = stepBoth(one.cursor, naive, random)
      one.at = naive.at
      expect(isRight, `turn ${turn}`).toBe(true)
      if (random.below(20) === 0) add()
    }
  })

  test('stands nowhere before it has looked, and beyond either end', () => {
    const index = new OrderedIndex()
    const cursor = index.cursor()
    expect(cursor.seekAtOrAfter('')).toBe(false)
    expect(cursor.seekToLast()).toBe(false)
    index.add('a', 1)
    expect([cursor.next(), cursor.previous(), cursor.isOnEntry]).toEqual([false, false, false])
    expect(cursor.seekAtOrAfter('')).toBe(true)
    expect(cursor.next()).toBe(false)
    expect([cursor.previous(), cursor.isOnEntry]).toEqual([false, false])
    expect(cursor.seekToLast()).toBe(true)
    expect(cursor.previous()).toBe(false)
    expect(cursor.next()).toBe(false)
  })
})

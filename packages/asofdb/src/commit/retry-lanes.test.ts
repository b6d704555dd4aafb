import { describe, expect, test } from 'vitest'
import type { Host } from '../host/host.ts'
import { DatabaseError } from '../rules/errors.ts'
import { Lane, RetryLanes, type Turn } from './retry-lanes.ts'

/** Timers that come up when a test says so. */
class HandTimers implements Pick<Host, 'timers' | 'random'> {
  readonly random = { bytes: (length: number) => new Uint8Array(length), fraction: () => 0.5 }
  #nowMs = 0
  readonly #set = new Set<{ readonly atMs: number; readonly task: () => void }>()
  readonly kept: boolean[] = []

  get pending(): number {
    return this.#set.size
  }

  readonly timers: Host['timers'] = {
    after: (delayMs, task, options) => {
      const timer = { atMs: this.#nowMs + delayMs, task }
      this.#set.add(timer)
      this.kept.push(options?.keepsProcess === true)
      return () => void this.#set.delete(timer)
    },
    yieldTurn: () => Promise.resolve(),
  }

  async pass(delayMs: number): Promise<void> {
    this.#nowMs += delayMs
    for (const timer of this.#set) {
      if (timer.atMs > this.#nowMs || !this.#set.delete(timer)) continue
      timer.task()
    }
    await settled()
  }
}

/** Lets promises that are resolved call who waits for them. */
async function settled(): Promise<void> {
  for (let step = 0; step < 10; step++) await Promise.resolve()
}

/** Enters and takes down whose turn has come. */
class Visitors {
  readonly came: string[] = []
  readonly turns = new Map<string, Turn>()

  enter(name: string, waiting: Promise<Turn>): void {
    void waiting.then((turn) => {
      this.came.push(name)
      this.turns.set(name, turn)
    })
  }

  async end(name: string): Promise<void> {
    this.turns.get(name)?.end()
    await settled()
  }
}

describe('a lane', () => {
  test('has one turn after another, in the order in which they came', async () => {
    const host = new HandTimers()
    const lane = new Lane(host.timers)
    const visitors = new Visitors()
    expect(lane.isBusy).toBe(false)
    for (const name of ['a', 'b', 'c']) visitors.enter(name, lane.enter(10))
    await settled()
    expect(visitors.came).toEqual(['a'])
    await visitors.end('a')
    expect(visitors.came).toEqual(['a', 'b'])
    await visitors.end('b')
    expect(visitors.came).toEqual(['a', 'b', 'c'])
    expect(lane.isBusy).toBe(true)
    await visitors.end('c')
    expect(lane.isBusy).toBe(false)
    expect(host.pending).toBe(0)
    visitors.enter('d', lane.enter(10))
    await settled()
    expect(visitors.came).toEqual(['a', 'b', 'c', 'd'])
  })

  test('does not wait for a turn that lasts longer than the patience of who is first', async () => {
    const host = new HandTimers()
    const lane = new Lane(host.timers)
    const visitors = new Visitors()
    for (const name of ['a', 'b', 'c', 'd']) visitors.enter(name, lane.enter(10))
    await host.pass(9)
    expect(visitors.came).toEqual(['a'])
    await host.pass(1)
    expect(visitors.came).toEqual(['a', 'b'])
    // The end of a turn that was overtaken is nobody's beginning.
    await visitors.end('a')
    expect(visitors.came).toEqual(['a', 'b'])
    await host.pass(9)
    await visitors.end('b')
    expect(visitors.came).toEqual(['a', 'b', 'c'])
    // The patience of the next one begins with the turn that it waits for.
    await host.pass(9)
    expect(visitors.came).toEqual(['a', 'b', 'c'])
    await host.pass(1)
    expect(visitors.came).toEqual(['a', 'b', 'c', 'd'])
    expect(host.kept).toEqual(host.kept.map(() => true))
  })

  test('is passed when it is empty, or after a while', async () => {
    const host = new HandTimers()
    const lane = new Lane(host.timers)
    const visitors = new Visitors()
    await lane.pass()
    visitors.enter('a', lane.enter(10))
    visitors.enter('b', lane.enter(100))
    const passed: number[] = []
    for (const name of [1, 2]) void lane.pass().then(() => passed.push(name))
    await host.pass(9)
    await visitors.end('a')
    expect(visitors.came).toEqual(['a', 'b'])
    expect(passed).toEqual([])
    await visitors.end('b')
    expect(passed).toEqual([1, 2])
    expect(host.pending).toBe(0)
    expect(host.kept).toEqual(host.kept.map(() => true))
  })

  test('is passed once by who waits as long as the other would have, and then by all', async () => {
    const host = new HandTimers()
    const lane = new Lane(host.timers)
    const visitors = new Visitors()
    visitors.enter('a', lane.enter(100))
    const passed: number[] = []
    void lane.pass().then(() => passed.push(1))
    await host.pass(99)
    void lane.pass().then(() => passed.push(2))
    expect(passed).toEqual([])
    await host.pass(1)
    expect(passed).toEqual([1, 2])
    expect(lane.isBusy).toBe(false)
    await visitors.end('a')
    expect([lane.isBusy, host.pending]).toEqual([false, 0])
  })

  test('lets everybody go on when it is disbanded', async () => {
    const host = new HandTimers()
    const lane = new Lane(host.timers)
    const visitors = new Visitors()
    for (const name of ['a', 'b', 'c']) visitors.enter(name, lane.enter(10))
    let hasPassed = false
    void lane.pass().then(() => (hasPassed = true))
    lane.disband()
    await settled()
    expect(visitors.came).toEqual(['a', 'b', 'c'])
    expect(hasPassed).toBe(true)
    expect(host.pending).toBe(0)
    for (const name of ['a', 'b', 'c']) await visitors.end(name)
    expect(lane.isBusy).toBe(false)
  })
})

function lossOver(id: number): DatabaseError {
  return new DatabaseError('Conflict', 'lost', { details: { id } })
}

describe('those that lost', () => {
  test('wait for those that lost over the same entity, and for no others', async () => {
    const host = new HandTimers()
    const lanes = new RetryLanes(host)
    const visitors = new Visitors()
    for (const name of ['a', 'b']) visitors.enter(name, lanes.turn(lossOver(1), 1))
    visitors.enter('other', lanes.turn(lossOver(5), 1))
    await settled()
    expect(visitors.came).toEqual(['a', 'other'])
    await visitors.end('a')
    expect(visitors.came).toEqual(['a', 'other', 'b'])
    await visitors.end('b')
    visitors.enter('c', lanes.turn(lossOver(1), 1))
    await settled()
    expect(visitors.came.at(-1)).toBe('c')
    expect(lanes.isPriorityTaken).toBe(false)
    await visitors.end('other')
    expect(lanes.isIdle).toBe(false)
    await visitors.end('c')
    expect(lanes.isIdle).toBe(true)
  })

  test('again and again get priority, and hold back who lost less', async () => {
    const host = new HandTimers()
    const lanes = new RetryLanes(host)
    const visitors = new Visitors()
    visitors.enter('a', lanes.turn(lossOver(1), 3))
    visitors.enter('b', lanes.turn(lossOver(5), 4))
    visitors.enter('c', lanes.turn(lossOver(9), 2))
    await settled()
    expect(lanes.isPriorityTaken).toBe(true)
    expect(visitors.came).toEqual(['a'])
    await visitors.end('a')
    expect(visitors.came).toEqual(['a', 'b'])
    await visitors.end('b')
    expect(visitors.came).toEqual(['a', 'b', 'c'])
    expect(lanes.isPriorityTaken).toBe(false)
  })

  test('with priority keep it when they lose again, so that nobody begins beside', async () => {
    const host = new HandTimers()
    const lanes = new RetryLanes(host)
    const visitors = new Visitors()
    const turn = await lanes.turn(lossOver(1), 3)
    let hasPassed = false
    void lanes.pass().then(() => (hasPassed = true))
    expect(await lanes.turn(lossOver(2), 4, turn)).toBe(turn)
    await settled()
    expect(hasPassed).toBe(false)
    turn.end()
    await settled()
    expect(hasPassed).toBe(true)
    // Who was overtaken meanwhile queues up again.
    const overtaken = await lanes.turn(lossOver(1), 3)
    void lanes.pass()
    await host.pass(400)
    visitors.enter('other', lanes.turn(lossOver(5), 3))
    visitors.enter('overtaken', lanes.turn(lossOver(1), 4, overtaken))
    await settled()
    expect(visitors.came).toEqual(['other'])
    await visitors.end('other')
    expect(visitors.came).toEqual(['other', 'overtaken'])
  })

  test('without priority let the next one go on', async () => {
    const lanes = new RetryLanes(new HandTimers())
    const visitors = new Visitors()
    const first = await lanes.turn(lossOver(1), 1)
    visitors.enter('next', lanes.turn(lossOver(1), 1))
    visitors.enter('first again', lanes.turn(lossOver(1), 2, first))
    await settled()
    expect(visitors.came).toEqual(['next'])
    await visitors.end('next')
    expect(visitors.came).toEqual(['next', 'first again'])
  })

  test('wait longer after each loss, but never for ever', async () => {
    for (const [losses, patienceMs] of [
      [1, 100],
      [2, 200],
      [3, 400],
      [30, 25_600],
    ] as const) {
      const host = new HandTimers()
      const lanes = new RetryLanes(host)
      const visitors = new Visitors()
      for (const name of ['a', 'b']) visitors.enter(name, lanes.turn(lossOver(1), losses))
      await host.pass(patienceMs - 1)
      expect(visitors.came).toEqual(['a'])
      await host.pass(1)
      expect(visitors.came).toEqual(['a', 'b'])
    }
  })
})

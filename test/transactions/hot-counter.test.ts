import { describe, expect, it } from 'vitest'
import { type Database, open, type Transaction } from '../../packages/asofdb/src/index.ts'
import { nodeHost } from '../../packages/asofdb/src/host/node-host.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'

const closures = 1000

interface Counting {
  readonly total: unknown
  readonly runs: number
}

/** Has closures count one up, each with its own delay between its read and its write. */
async function count(
  db: Database,
  pause: (closure: number) => Promise<void>,
  more: (tx: Transaction) => Promise<unknown> = () => Promise.resolve(),
): Promise<Counting> {
  let runs = 0
  const increment = async (tx: Transaction, closure: number): Promise<void> => {
    runs++
    const counters = tx.keys('counters')
    const before = Number(counters.get('hot') ?? 0)
    await pause(closure)
    await more(tx)
    counters.put('hot', before + 1)
  }
  await Promise.all(
    Array.from({ length: closures }, (_, closure) => db.write((tx) => increment(tx, closure))),
  )
  return { total: db.keys('counters').get('hot'), runs }
}

/** Up to six turns of the event loop, or a timer. */
async function turns(closure: number): Promise<void> {
  if (closure % 50 === 0) return new Promise((resolve) => void setTimeout(resolve, closure % 3))
  for (let turn = 0; turn < closure % 7; turn++) {
    await new Promise((resolve) => void setImmediate(resolve))
  }
}

function expectExact({ total, runs }: Counting): void {
  expect(total).toBe(closures)
  expect(runs, `${runs} runs for ${closures} closures`).toBeLessThan(closures * 4)
}

describe('1,000 closures that count one up at the same time', () => {
  it('count exactly, each in a few runs', async () => {
    const db = await open(':memory:')
    expectExact(await count(db, turns))
    expect(db.sequence).toBe(closures)
    await db.close()
  })

  it('do so where each has another write inside', async () => {
    const db = await open(':memory:')
    let inside = 0
    const counted = await count(db, turns, () =>
      db.write(async (tx) => {
        const own = tx.keys('inside').get('n')
        await new Promise((resolve) => void setImmediate(resolve))
        tx.keys('inside').put('n', Number(own ?? 0) + 1)
        inside++
      }),
    )
    expectExact(counted)
    expect(db.keys('inside').get('n')).toBeGreaterThanOrEqual(counted.runs)
    expect(inside).toBeGreaterThanOrEqual(counted.runs)
    await db.close()
  })

  it('do so on a simulated machine, and go on where it was opened again', async () => {
    const host = new SimulatedHost({ seed: 'hot counter' })
    const pause = async (closure: number): Promise<void> => {
      if (closure % 50 === 0) {
        await new Promise<void>((resolve) => void host.timers.after(closure % 3, resolve))
      }
      for (let turn = 0; turn < closure % 3; turn++) await host.timers.yieldTurn()
    }
    const counted = await host.run(async () => count(await open('/db', { host }), pause))
    expectExact(counted)
    const next = host.kill()
    const total = await next.run(async () => {
      const db = await open('/db', { host: next })
      return db.keys('counters').get('hot')
    })
    expect(total).toBe(closures)
  })
})

it('closures that take longer than others wait for them all get through in the end', async () => {
  const slow = 100
  const host = new SimulatedHost({ seed: 'slow' })
  const { total, runs } = await host.run(async () => {
    const db = await open('/db', { host })
    let runs = 0
    const increment = async (tx: Transaction): Promise<void> => {
      runs++
      const before = Number(tx.keys('counters').get('hot') ?? 0)
      await new Promise<void>((resolve) => void host.timers.after(1000, resolve))
      tx.keys('counters').put('hot', before + 1)
    }
    await Promise.all(Array.from({ length: slow }, () => db.write(increment)))
    return { total: db.keys('counters').get('hot'), runs }
  })
  expect(total).toBe(slow)
  expect(runs, `${runs} runs for ${slow} closures`).toBeLessThan(slow * 7)
})

describe('a closure', () => {
  it('is not starved by others that are quicker and never end', async () => {
    const db = await open(':memory:')
    let isDone = false
    let quick = 0
    const count = (tx: Transaction): void => {
      tx.keys('counters').put('hot', Number(tx.keys('counters').get('hot') ?? 0) + 1)
    }
    const others = Array.from({ length: 4 }, async () => {
      while (!isDone) {
        await db.write(count)
        quick++
        await new Promise((resolve) => void setImmediate(resolve))
      }
    })
    await db.write(async (tx) => {
      const before = Number(tx.keys('counters').get('hot') ?? 0)
      for (let turn = 0; turn < 20; turn++) {
        await new Promise((resolve) => void setImmediate(resolve))
      }
      tx.keys('counters').put('hot', before + 1)
    })
    isDone = true
    await Promise.all(others)
    expect(db.keys('counters').get('hot')).toBe(quick + 1)
    await db.close()
  })

  it.each([1, 3])(
    'that waits for one that waits behind it gets through, and so does that one: %i losses',
    async (losses) => {
      const host = new SimulatedHost({ seed: losses })
      const outcome = await host.run(async () => {
        const db = await open('/db', { host })
        const keys = (tx: Transaction) => tx.keys('k')
        const bump = (tx: Transaction): void => {
          keys(tx).put('hot', Number(keys(tx).get('hot') ?? 0) + 1)
        }
        const runs = { outer: 0, inner: 0 }
        await db.write(async (outer) => {
          if (++runs.outer <= losses) {
            keys(outer).get('hot')
            await db.write(bump)
          } else {
            // It has its turn, over the entity that the one inside is going to lose over.
            await db.write(async (inner) => {
              const before = Number(keys(inner).get('hot'))
              if (++runs.inner <= losses) await db.write(bump)
              keys(inner).put('hot', before + 1)
            })
          }
          keys(outer).put('outer', runs.outer)
        })
        const values = ['hot', 'outer'].map((key) => db.keys('k').get(key))
        await db.close()
        return { runs, values }
      })
      expect(outcome).toEqual({
        runs: { outer: losses + 1, inner: losses + 1 },
        values: [2 * losses + 1, losses + 1],
      })
    },
  )

  it('runs as often as it may, and then throws the loss', async () => {
    const host = new SimulatedHost({ seed: 'retries' })
    await host.run(async () => {
      const db = await open('/db', { host })
      for (const retries of [0, 1, 4]) {
        let runs = 0
        const lost = db.write(
          async (tx) => {
            runs++
            tx.keys('k').get('contended')
            await db.write((rival) => rival.keys('k').put('contended', runs))
            tx.keys('k').put('own', 1)
          },
          { retries },
        )
        await expect(lost).rejects.toMatchObject({ kind: 'retry' })
        expect(runs).toBe(retries + 1)
      }
      await db.close()
    })
    const db = await open(':memory:')
    for (const retries of [-1, 1.5, Number.NaN]) {
      const refused = db.write(() => {}, { retries })
      await expect(refused).rejects.toMatchObject({ code: 'InvalidArgument' })
    }
    await db.close()
  })

  it('that waits to run again learns that the database is closed', async () => {
    const { timers } = nodeHost()
    const withoutTimers = { after: () => () => {}, yieldTurn: () => timers.yieldTurn() }
    const host = { ...nodeHost(), timers: withoutTimers }
    const db = await open(':memory:', { host })
    let release: () => void = () => {}
    const released = new Promise<void>((resolve) => (release = resolve))
    let runs = 0
    const outcomes = Array.from({ length: 5 }, () =>
      db
        .write(async (tx) => {
          const isAgain = ++runs > 5
          const before = Number(tx.keys('k').get('n') ?? 0)
          if (isAgain) await released
          tx.keys('k').put('n', before + 1)
        })
        .then(
          () => 'committed',
          (error: unknown) => error,
        ),
    )
    while (runs < 6) await new Promise((resolve) => void setImmediate(resolve))
    const closed = db.close()
    const closedError = expect.objectContaining({ code: 'Closed' })
    // Those behind the one that runs don't wait for it.
    expect(await Promise.all(outcomes.slice(2))).toEqual([closedError, closedError, closedError])
    release()
    expect(await Promise.all(outcomes)).toEqual(['committed', ...Array(4).fill(closedError)])
    expect(runs).toBe(6)
    await closed
  })
})

import { describe, expect, it } from 'vitest'
import { InFlight } from './in-flight.ts'

/** A promise that is settled from outside. */
function pending(): { promise: Promise<void>; end: () => void; fail: (error: Error) => void } {
  let end = (): void => {}
  let fail = (_error: Error): void => {}
  const promise = new Promise<void>((resolve, reject) => {
    end = resolve
    fail = reject
  })
  return { promise, end: () => end(), fail: (error) => fail(error) }
}

describe('InFlight', () => {
  it('takes more only when there is room', async () => {
    const inFlight = new InFlight(2)
    const [one, other] = [pending(), pending()]
    await inFlight.add(one.promise)
    let isThrough = false
    const waiting = inFlight.add(other.promise).then(() => {
      isThrough = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(isThrough).toBe(false)
    one.end()
    await waiting
    expect(isThrough).toBe(true)
    other.end()
    await inFlight.settle()
  })

  it('throws the first failure at the next call, and leaves none unhandled', async () => {
    const inFlight = new InFlight(10)
    const [one, other] = [pending(), pending()]
    await inFlight.add(one.promise)
    await inFlight.add(other.promise)
    one.fail(new Error('first'))
    other.fail(new Error('second'))
    await expect(inFlight.settle()).rejects.toThrow('first')
    await expect(inFlight.add(Promise.resolve())).rejects.toThrow('first')
  })
})

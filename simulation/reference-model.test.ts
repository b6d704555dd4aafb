import { describe, expect, it } from 'vitest'
import { ModelAsStore } from '../test/properties/model-as-store.ts'
import { runScript } from '../test/properties/script-runner.ts'
import { generateScript } from './operations.ts'
import { RandomStream } from './random.ts'
import { attempt } from './reference-failures.ts'
import { payloadText, provenanceOf, stateAt, timelineOf } from './reference-history.ts'
import { ReferenceModel } from './reference-model.ts'
import { BEGINNING, contains, FOREVER } from './reference-periods.ts'
import type { ReferenceTransaction } from './reference-transaction.ts'

/** The model after a random script. */
async function randomModel(random: RandomStream): Promise<ReferenceModel> {
  let store: ModelAsStore | undefined
  await runScript(generateScript(random, 200), (options) => {
    store = new ModelAsStore(options)
    return Promise.resolve(store)
  })
  return store?.model ?? new ReferenceModel()
}

function write(model: ReferenceModel, wall: bigint, body: (tx: ReferenceTransaction) => void) {
  return attempt(() => {
    const transaction = model.begin({ wall })
    body(transaction)
    const result = model.commit(transaction, wall)
    return 'failure' in result ? result.failure.code : result.value?.system
  })
}

describe('the reference model', () => {
  it('has timelines and provenance that agree with states at random points', async () => {
    for (let number = 0; number < 8; number += 1) {
      const random = new RandomStream(`points/${number}`)
      const model = await randomModel(random)
      for (const { name } of model.viewAt(model.sequence, 0n).entities()) {
        const all = model.viewAt(model.sequence, 0n).events(name)
        const rectangles = provenanceOf(all)
        for (let point = 0; point < 60; point += 1) {
          const valid = BigInt(890 + random.below(400))
          const sequence = random.below(model.sequence + 1)
          const system = model.commits[sequence - 1]?.system ?? BEGINNING
          const known = model.viewAt(sequence, 0n).events(name)
          const state = stateAt(known, valid)
          const part = timelineOf(known).find(({ period }) => contains(period, valid))
          const believed = rectangles.filter(
            (row) =>
              contains(row.valid, valid) &&
              contains({ from: row.systemFrom, to: row.systemTo ?? FOREVER }, system),
          )
          const text = state === undefined ? [] : [payloadText(state)]
          expect(part === undefined ? [] : [payloadText(part.payload)]).toEqual(text)
          expect(believed.map(({ payload }) => payloadText(payload))).toEqual(text)
        }
      }
    }
  })

  it('never has an edge where an end is absent, at any system time', async () => {
    for (let number = 0; number < 8; number += 1) {
      const model = await randomModel(new RandomStream(`edges/${number}`))
      for (let sequence = 0; sequence <= model.sequence; sequence += 1) {
        const view = model.viewAt(sequence, 0n)
        for (const { name, edge } of view.entities()) {
          for (const part of edge === undefined ? [] : timelineOf(view.events(name))) {
            for (const end of [edge?.source ?? '', edge?.target ?? '']) {
              const ends = timelineOf(view.events(end), part.period)
              expect(ends[0]?.period.from).toBe(part.period.from)
              expect(ends.at(-1)?.period.to).toBe(part.period.to)
              const isGapless = (at: number) => ends[at + 1]?.period.from === ends[at]?.period.to
              expect(ends.slice(1).map((_, at) => isGapless(at))).not.toContain(false)
            }
          }
        }
      }
    }
  })

  it('gives strictly increasing system times whatever the clock does, above what was read', () => {
    const model = new ReferenceModel()
    const key = { keyspace: 'k', key: 1 }
    const put = (tx: ReferenceTransaction) => tx.putKey('k/1', key, { value: 1 })
    expect(write(model, 1000n, put)).toEqual({ value: 1000n })
    expect(write(model, 400n, put)).toEqual({ value: 1001n })
    model.view({ wall: 1500n, system: 1400n })
    expect(write(model, 1100n, put)).toEqual({ value: 1401n })
    expect(attempt(() => model.view({ wall: 1100n, system: 1402n }))).toMatchObject({
      failure: { code: 'TimeInFuture' },
    })
  })

  it('lets the first committer win', () => {
    const model = new ReferenceModel()
    write(model, 10n, (tx) => tx.createNode('n', { labels: [], properties: {} }))
    const [first, second] = [model.begin({ wall: 20n }), model.begin({ wall: 20n })]
    first.put('n', { a: 1 })
    second.put('n', { a: 2 })
    expect(model.commit(second, 21n)).toMatchObject({ value: { sequence: 2, system: 21n } })
    expect(model.commit(first, 22n)).toMatchObject({ failure: { code: 'Conflict' } })
    expect(attempt(() => first.put('n', {}))).toMatchObject({
      failure: { code: 'TransactionFinished' },
    })
  })

  it('never lets a key be held again by another when unique over all time', () => {
    const model = new ReferenceModel()
    const unique = { label: 'P', properties: ['e'], isOverAllTime: true }
    const holder = (name: string, from: bigint, to: bigint) =>
      write(model, 1n, (tx) =>
        tx.createNode(name, { labels: ['P'], properties: { e: 'x' } }, { from, to }),
      )
    write(model, 1n, (tx) => tx.declare({ declare: 'unique', unique }))
    expect(holder('a', 0n, 5n)).toEqual({ value: 2n })
    expect(holder('b', 50n, 55n)).toEqual({ value: 'UniqueViolation' })
  })

  it('refuses an import that is not later than the last commit, or later than now', () => {
    const model = new ReferenceModel()
    write(model, 10n, (tx) => tx.createNode('n', { labels: [], properties: {} }))
    expect(attempt(() => model.begin({ wall: 20n, system: 10n }))).toMatchObject({
      failure: { code: 'NotMonotonic' },
    })
    expect(attempt(() => model.begin({ wall: 20n, system: 21n }))).toMatchObject({
      failure: { code: 'TimeInFuture' },
    })
    const transaction = model.begin({ wall: 20n, system: 15n })
    transaction.put('n', {})
    expect(model.commit(transaction, 20n)).toMatchObject({ value: { system: 15n } })
  })
})

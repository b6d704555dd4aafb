import { expect, it } from 'vitest'
import { open, type Transaction } from 'asofdb'
import { expectError } from './caught.ts'

it('answers nothing once closed, whatever is called', async () => {
  const database = await open(':memory:')
  const [node, edge] = await database.write((tx) => {
    const { id } = tx.createNode('P', {}, { valid: 'always' })
    return [id, tx.createEdge(id, 'K', id).id]
  })
  const view = database.snapshot()
  const transaction = database.begin()
  await database.close()
  const calls: readonly (() => unknown)[] = [
    () => database.write(() => 1),
    () => database.import(() => 1, { system: '2020-01-01' }),
    () => database.begin(),
    () => database.node(node ?? 0),
    () => database.edge(edge ?? 0),
    () => [...database.nodes('P')],
    () => [...database.edges()],
    () => database.out(node ?? 0),
    () => database.in(node ?? 0),
    () => database.targets(node ?? 0),
    () => database.sources(node ?? 0),
    () => database.timeline(node ?? 0),
    () => database.provenance(node ?? 0),
    () => [...database.match([{ node: 'a' }])],
    () => database.keys('words').get('a'),
    () => database.asOf({}),
    () => database.rewind(0n),
    () => database.snapshot(),
    () => [...database.diff(view, view)],
    () => [...database.netDiff({ from: {}, to: {} })],
    () => [...database.changes()],
    () => database.commit(1),
    () => database.checkpoint(),
    () => database.verify(),
    () => database.stats(),
    () => view.node(node ?? 0),
    () => view.keys('words').get('a'),
    () => transaction.commit(),
  ]
  for (const call of calls) {
    const refusal = { code: 'Closed', kind: 'closed', says: /:memory:.*closed.*open it again/ }
    await expectError(call, { ...refusal, code: 'Closed', kind: 'closed' }).catch(
      (error: unknown) => {
        throw new Error(String(call), { cause: error })
      },
    )
  }
  await database.close()
})

it('takes nothing into a transaction that is over, however it ended', async () => {
  await using database = await open(':memory:')
  const committed = database.begin()
  committed.createNode('A', {})
  await committed.commit()
  const cancelled = database.begin()
  cancelled.createNode('B', {})
  cancelled.cancel()
  let kept: Transaction | undefined
  await database.write((tx) => {
    kept = tx
  })
  const failed = database.write((tx) => {
    kept = tx
    throw new RangeError('the closure failed')
  })
  await expect(failed).rejects.toThrow(RangeError)
  for (const finished of [committed, cancelled, kept]) {
    await expectError(() => finished?.createNode('C', {}), {
      code: 'TransactionFinished',
      kind: 'closed',
      says: /this transaction was (?:committed|cancelled); start another/,
    })
  }
  expect([...database.nodes()].map(({ labels }) => labels)).toEqual([['A']])
})

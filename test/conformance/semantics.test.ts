import { existsSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { ModelStore } from './model-store.ts'
import { expandOperations, Interpreter } from './notation.ts'
import { semanticsTable } from './semantics-table.ts'
import type { Store } from './store.ts'

const enginePath = new URL('../../packages/asofdb/src/index.ts', import.meta.url)

async function openEngine(): Promise<Store> {
  const { openEngineInMemory } = await import('./engine-adapter.ts')
  return openEngineInMemory()
}

const subjects = [
  { name: 'model', isThere: true, open: () => Promise.resolve<Store>(new ModelStore()) },
  { name: 'engine', isThere: existsSync(enginePath), open: openEngine },
]

function operationsOf(number: number): string {
  const found = semanticsTable.find((row) => row.row === number)
  if (found === undefined) throw new Error(`the table has no row ${number}`)
  return found.operations
}

it('has every row of the table, in order', () => {
  const rows = Array.from({ length: 52 }, (_, at) => at + 1)
  expect(semanticsTable.map(({ row }) => row)).toEqual(rows)
})

describe.each(subjects)('conformance table, $name', ({ isThere, open }) => {
  let store: Store | undefined

  afterEach(async () => {
    await store?.close()
    store = undefined
  })

  it.skipIf(!isThere).each(semanticsTable)('row $row: $operations', async (row) => {
    const { operations, expected } = row
    store = await open()
    const interpreter = new Interpreter(store)
    for (const statement of expandOperations(operations, operationsOf)) {
      await interpreter.run(statement)
    }
    const answers = Object.keys(expected).map((query) => [query, interpreter.ask(query)])
    expect(Object.fromEntries(answers)).toEqual(expected)
  })
})

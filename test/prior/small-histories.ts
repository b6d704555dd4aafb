import type { Database } from 'asofdb'
import { World } from './world.ts'

/** An account that is Ada's from January on, and Grace's from June on. */
export async function createdInJanuaryUpdatedInJune(): Promise<Database> {
  const db = await new World().open()
  await db.write((tx) => tx.createNode('Account', { owner: 'Ada' }, { validFrom: '2024-01-01' }))
  await db.write((tx) => tx.patch(1, { owner: 'Grace' }, { validFrom: '2024-06-01' }))
  return db
}

export function ownerAt(db: Database, valid: string, sequence = db.sequence): unknown {
  return db.asOf({ valid, sequence }).node(1)?.get('owner')
}

/** Makes a number of commits of one put each, one after another. */
export async function putMany(db: Database, count: number, first = 0): Promise<void> {
  for (let number = first; number < first + count; number++) {
    await db.write((tx) => tx.keys('numbers').put(number, { number }))
  }
}

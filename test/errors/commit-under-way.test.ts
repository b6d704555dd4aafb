import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'asofdb'
import { expect, it } from 'vitest'
import { expectError } from './caught.ts'

it('a system time whose commit is on its way to the disk cannot be read at', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'asof-errors-'))
  try {
    const db = await open(join(folder, 'db'))
    await db.import((tx) => tx.createNode('Early'), { system: '2020-01-01' })
    const answers = () => [db.asOf({ system: '2020-01-31' }).sequence, db.asOf({}).sequence]
    const system = '2020-02-02'
    const late = db.import((tx) => tx.createNode('Late'), { system })
    // Asked in the same turn, before the disk can have answered.
    expect(db.stats().appliedSequence).toBe(2)
    const notYet = { code: 'TimeInFuture', kind: 'invalid', says: /not durable yet/ } as const
    const refused = [
      expectError(() => db.asOf({ system }), notYet),
      expectError(() => db.rewind('2021-01-01'), notYet),
    ]
    expect(answers()).toEqual([1, 1])
    await late
    await Promise.all(refused)
    expect(db.asOf({ system }).sequence).toBe(2)
    expect(answers()).toEqual([1, 2])
    await db.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
})

import { describe, expect, it } from 'vitest'
import { SimulatedHost } from '../../../../simulation/simulated-host.ts'
import { SampleCommits } from '../../../../test/recovery/sample-commits.ts'
import type { Tables } from '../versions/tables.ts'
import { verify } from './verify.ts'

/** What a verification says after the tables of some commits were tampered with. */
async function problemsAfter(tamper: (tables: Tables) => void): Promise<string[]> {
  const host = new SimulatedHost({ seed: 'verify' })
  const sample = new SampleCommits('verify')
  const { tables } = sample
  sample.commits(20)
  tamper(tables)
  const report = await host.run(() => verify({ host, tables, derived: [] }))
  expect(report.isSound).toBe(report.problems.length === 0)
  return report.problems.map(({ where, what }) => `${where}: ${what}`)
}

describe('the verification of tables', () => {
  it('finds nothing in tables that commits made', async () => {
    expect(await problemsAfter(() => undefined)).toEqual([])
  })

  it('finds rows that are linked wrongly', async () => {
    const problems = await problemsAfter(({ node }) => node.rows.set(5, 1, 1))
    expect(problems).toContain('node row 5: it is not linked to the version before')
  })

  it('finds periods that do not exist, or are empty', async () => {
    const [missing] = await problemsAfter(({ edge }) => edge.rows.set(2, 2, 9999))
    expect(missing).toBe('edge row 2: its period does not exist')
    const problems = await problemsAfter(({ key }) => {
      key.periods.column.set(0, 0, 0x7fffffff)
      key.periods.column.set(0, 1, -1)
    })
    expect(problems).toContain('key row 0: its period is empty')
  })

  it('finds payloads outside the arena', async () => {
    const [problem] = await problemsAfter(({ edge }) => edge.rows.set(3, 3, 99_999))
    expect(problem).toBe('edge row 3: its payload lies outside the arena')
  })

  it('finds ends, types and keyspaces that do not exist', async () => {
    const ends = await problemsAfter(({ edgeEnds }) => edgeEnds.column.set(4, 2, 500))
    expect(ends).toEqual(['edge 4: a node at its end is missing'])
    const types = await problemsAfter(({ edgeEnds }) => edgeEnds.column.set(4, 0, 500))
    expect(types).toEqual(['edge 4: its type has no name'])
    const keyspaces = await problemsAfter(({ keyNames }) => keyNames.column.set(4, 0, 500))
    expect(keyspaces).toEqual(['key 4: its keyspace has no name'])
  })

  it('finds commits out of order', async () => {
    const problems = await problemsAfter(({ commits }) => commits.rows.set(7, 0, -1))
    expect(problems).toContain(
      'commit 8: its system time is not later than that of the commit before',
    )
  })

  it('asks indexes to compare themselves', async () => {
    const host = new SimulatedHost({ seed: 'verify' })
    const { tables } = new SampleCommits('verify')
    const derived = [{ name: 'labels', check: () => ['node 1 is missing'] }]
    const report = await host.run(() => verify({ host, tables, derived }))
    expect(report).toMatchObject({
      isSound: false,
      problems: [{ where: 'index labels', what: 'node 1 is missing' }],
      indexesCompared: 1,
    })
  })
})

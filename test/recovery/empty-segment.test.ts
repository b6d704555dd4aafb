import { open } from 'asofdb'
import { expect, it } from 'vitest'
import { SimulatedHost } from '../../simulation/simulated-host.ts'

const directory = '/database'
const options = { segmentBytesMax: 5120, checkpointLogBytes: Infinity }

/** Found by real kills: the directory was refused, as if its manifest had been put back. */
it('opens where a segment has a close and no commit, and the next begins there too', async () => {
  const host = new SimulatedHost({ seed: 'empty segment' })
  const put = async (key: number, on: SimulatedHost): Promise<void> => {
    const database = await open(directory, { host: on, ...options })
    await database.write((tx) => tx.keys('texts').put(key, 'x'.repeat(3000)))
  }
  await host.run(async () => (await open(directory, { host, ...options })).close())
  await host.run(() => put(1, host))
  const killed = host.kill()
  await killed.run(() => put(2, killed))
  const again = killed.kill()
  const found = await again.run(async () => {
    const database = await open(directory, { host: again, ...options })
    const keys = [...database.keys('texts').range()].map(({ key }) => key)
    await database.close()
    return keys
  })
  expect(found).toEqual([1, 2])
})

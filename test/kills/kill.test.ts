import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { RandomStream } from '../../simulation/random.ts'
import { canSuspend, killWriters } from './kill-campaign.ts'
import { modeNamed, modes } from './modes.ts'
import { writeWriter } from './plain-modules.ts'

/** `npm run kills -- --times 200` is the long run of the same. */
const times = 6
const seed = process.env['ASOF_SEED'] ?? 'kill'
const wholeRunMs = 300_000

let folder: string
let module: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'asof-kill-'))
  module = writeWriter(join(folder, 'engine'))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

it.each(modes)(
  `a writer killed with SIGKILL, suspended and not, keeps what mode $name promises, seed ${seed}`,
  async (mode) => {
    const random = new RandomStream(`${seed}/${mode.name}`)
    const counts = await killWriters({ mode, times, random, module, folder: join(folder, 'all') })
    const { running, suspended, resumed, refused, acknowledged, recovered } = counts
    expect(running).toBe(times)
    expect(suspended + resumed).toBe(canSuspend ? times : 0)
    // One opening may be suspended before it has taken the directory, and one closing after.
    expect(refused).toBeGreaterThanOrEqual(canSuspend ? times - 2 : 0)
    expect(acknowledged).toBeGreaterThan(times)
    expect(recovered).toBeGreaterThan(times)
  },
  wholeRunMs,
)

it('a promise that a mode does not make is found broken', async () => {
  const mode = { ...modeNamed('checkpoint'), isKept: true }
  const random = new RandomStream(`${seed}/broken`)
  const lying = { mode, times: 30, random, module, folder: join(folder, 'lying'), failures: folder }
  await expect(killWriters(lying)).rejects.toThrow(/was promised to be kept; there are/)
})

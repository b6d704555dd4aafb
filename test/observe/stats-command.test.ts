import { open } from 'asofdb'
import { beforeAll, describe, expect, it } from 'vitest'
import { runProgram } from '../../packages/asof/src/program.ts'
import { nodeHost } from '../../packages/asofdb/src/host/node-host.ts'
import { temporaryFolder } from '../import/temporary-folder.ts'
import { commit } from './watched-database.ts'

const place = temporaryFolder()
let history = ''

interface Ran {
  readonly code: number
  readonly pieces: readonly string[]
  readonly notes: string
}

/** Runs `asof stats` and interrupts it when it has written so many pieces. */
async function runStats(args: readonly string[], interruptAfter: number = 1): Promise<Ran> {
  const stop = new AbortController()
  const pieces: string[] = []
  let notes = ''
  const code = await runProgram(['stats', ...args], {
    signal: stop.signal,
    terminal: {
      write: (text) => {
        pieces.push(String(text))
        if (pieces.length === interruptAfter) stop.abort()
      },
      note: (text) => void (notes += text),
      columns: 120,
      hasColor: false,
      isInteractive: false,
    },
  })
  return { code, pieces, notes }
}

beforeAll(async () => {
  history = place('history')
  await using database = await open(history)
  await commit(database)
  await commit(database)
})

describe('asof stats', () => {
  it('shows the health and the figures once', async () => {
    const { code, pieces } = await runStats([history])
    const text = pieces.join('')
    expect(code).toBe(0)
    expect(text).toMatch(/^ {2}log +\d.*1 segment.* since the last checkpoint, 0 B not synced$/m)
    expect(text).toMatch(/^ {2}checkpoint .*up to commit 2$/m)
    expect(text).toMatch(/^ {2}health +ok +0 open transactions$/m)
    const [json] = (await runStats([history, '--json'])).pieces
    expect(JSON.parse(json ?? '')).toMatchObject({
      durableSequence: 2,
      health: { status: 'ok', reasons: [] },
      log: { syncs: { count: 0 } },
      recovered: { sequence: 2 },
    })
  })

  it('--watch prints again and again until it is interrupted', async () => {
    const { code, pieces } = await runStats([history, '--watch', '0.1'], 3)
    expect(code).toBe(130)
    expect(pieces).toHaveLength(3)
    for (const piece of pieces) expect(piece).toMatch(/^.*history {2}\d{4}-.*Z\n {2}commits +2\n/)
    // Interrupted while it waits, it waits no longer.
    expect((await runStats([history, '--watch', '86400'])).code).toBe(130)
  })

  it('--watch --json prints an object a line', async () => {
    const { pieces } = await runStats([history, '--watch', '0.1', '--json'], 2)
    const lines = pieces.join('').split('\n')
    expect(lines).toHaveLength(3)
    for (const line of lines.slice(0, 2)) {
      expect(JSON.parse(line)).toMatchObject({
        at: expect.stringMatching(/^\d{4}-.*Z$/),
        sequence: 2,
        health: { status: 'ok' },
      })
    }
  })

  it('tells of a clock that is wrong', async () => {
    const ahead = place('ahead')
    const host = nodeHost()
    const wallMicros = (): number => host.clock.wallMicros() + 7_200_000_000
    const database = await open(ahead, {
      host: { ...host, clock: { ...host.clock, wallMicros } },
    })
    await commit(database)
    await database.close()
    const { pieces } = await runStats([ahead])
    expect(pieces.join('')).toMatch(/health +degraded/)
    expect(pieces.join('')).toMatch(/ClockAhead since .*later than the wall clock/)
  })

  it('says who owns the database, as other commands do', async () => {
    await using _owner = await open(history)
    const { code, notes, pieces } = await runStats([history, '--watch'])
    expect(code).toBe(1)
    expect(pieces).toEqual([])
    expect(notes).toMatch(/^asof: Locked: .*is owned by process \d+/)
  })

  it.each([
    [['--watch', 'soon'], /takes a number of seconds from 0.1 to 86400, not 'soon'\n {2}usage/],
    [['--watch', '0'], /not '0'/],
    [['--watch', '1', '2'], /'2' is one argument too many/],
    [['5'], /'5' is one argument too many/],
    [['--watch', '--system', '#1'], /--system has no place beside it/],
  ] as const)('refuses %j', async (args, says) => {
    const { code, notes } = await runStats([history, ...args])
    expect(code).toBe(2)
    expect(notes).toMatch(says)
  })
})

/** The whole test suite of abstract-level, unmodified, in processes of its own. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { repository } from '../docs/document.ts'

interface Result {
  readonly exitCode: number
  readonly passed: number
  readonly failed: readonly string[]
  readonly skipped: readonly string[]
  /** How many assertions tape says that there were. */
  readonly planned: number
  readonly titles: ReadonlySet<string>
}

const script = fileURLToPath(new URL('./run-suite.mjs', import.meta.url))

async function runSuite(place: string): Promise<Result> {
  interface Run {
    readonly exitCode: number
    readonly output: string
  }
  const { exitCode, output } = await new Promise<Run>((resolve) => {
    const child = execFile(
      process.execPath,
      ['--import', './scripts/typescript-loader.mjs', script, place],
      { cwd: repository, maxBuffer: 64 * 1024 * 1024 },
      (_, out, errors) => resolve({ exitCode: child.exitCode ?? -1, output: `${out}\n${errors}` }),
    )
  })
  const lines = output.split('\n')
  return {
    exitCode,
    passed: lines.filter((line) => /^ok \d/.test(line)).length,
    failed: lines.filter((line) => /^not ok \d/.test(line)),
    skipped: lines.filter((line) => /# (?:skip|todo)/i.test(line)),
    planned: Number(/^1\.\.(\d+)$/m.exec(output)?.[1]),
    titles: new Set(lines.filter((line) => line.startsWith('# ')).map((line) => line.slice(2))),
  }
}

/** Tests that the suite has only for Levels that claim to support what they are about. */
const optional = [
  'get() changed entry from snapshot',
  'getSync() on non-existent key',
  'hasMany() on open db',
  'iterator().nextv() with signal yields error when aborted',
  'put() as view, iterate as view',
  'snapshot is closed along with iterator',
  'values().seek() respects snapshot (reverse: true, deferred: true)',
]
const optionalForOwn = [
  'for await...of keys() (deferred)',
  'open() with createIfMissing: false via constructor',
  'open() with errorIfExists: true',
]

describe.concurrent('the test suite of abstract-level', () => {
  it.each([
    ['directory', [...optional, ...optionalForOwn]],
    ['memory', [...optional, ...optionalForOwn.slice(1)]],
    ['shared', optional],
  ])('passes on %s', { timeout: 1_200_000 }, async (place, titlesExpected) => {
    const { exitCode, failed, skipped, passed, planned, titles } = await runSuite(place)
    expect({ exitCode, failed, skipped }).toEqual({ exitCode: 0, failed: [], skipped: [] })
    expect(passed).toBe(planned)
    expect(passed).toBeGreaterThan(5150)
    for (const title of titlesExpected) expect(titles).toContain(title)
  })
})

/**
 * Writes a directory for each way to compress checkpoints into test/formats/compressed:
 *
 *     node --import ./scripts/typescript-loader.mjs test/formats/write-compressed.ts
 *
 * Once a release is out they never change: whatever comes later must open them.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'asofdb'
import { commits, compressed, segmentBytesMax, systemTimeOf } from './fixture.ts'

const work = mkdtempSync(join(tmpdir(), 'asof-formats-'))
rmSync(compressed, { recursive: true, force: true })
mkdirSync(compressed, { recursive: true })
for (const checkpointCompression of ['lz4', 'deflate'] as const) {
  const path = join(work, checkpointCompression)
  const database = await open(path, { segmentBytesMax, checkpointCompression })
  for (const [at, commit] of commits.entries()) {
    const meta = at % 2 === 0 ? { who: 'a writer', why: `commit ${at + 1}`, source: 'fixture' } : {}
    await database.import(commit, { system: systemTimeOf(at + 1), meta })
    if (at === 4) await database.checkpoint()
  }
  await database.close()
  const target = join(compressed, checkpointCompression)
  cpSync(path, target, { recursive: true })
  for (const entry of readdirSync(target)) {
    if (entry.startsWith('LOCK')) rmSync(join(target, entry))
  }
}
rmSync(work, { recursive: true })

/**
 * Writes a directory for each way to compress checkpoints into test/formats/compressed:
 *
 *     node --import ./scripts/typescript-loader.mjs test/formats/write-compressed.ts
 *
 * Once a release is out they never change: whatever comes later must open them.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'asofdb'
import { compressed, importCommits, segmentBytesMax } from './fixture.ts'

const work = mkdtempSync(join(tmpdir(), 'asof-formats-'))
rmSync(compressed, { recursive: true, force: true })
mkdirSync(compressed, { recursive: true })
for (const checkpointCompression of ['lz4', 'deflate'] as const) {
  const path = join(work, checkpointCompression)
  const database = await open(path, { segmentBytesMax, checkpointCompression })
  await importCommits(database, [5])
  await database.close()
  cpSync(path, join(compressed, checkpointCompression), { recursive: true })
}
rmSync(work, { recursive: true })

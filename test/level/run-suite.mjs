/**
 * Runs the test suite of abstract-level, as it comes from the registry, on AsOfLevel. Prints TAP.
 *
 *     node --import ./scripts/typescript-loader.mjs test/level/run-suite.mjs PLACE
 *
 * PLACE is `directory`, `memory` or `shared`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'asofdb'
import { AsOfLevel } from '../../packages/asofdb/src/level/index.ts'

const require = createRequire(import.meta.url)
const test = require('tape')
const suite = require('abstract-level/test')

const folder = mkdtempSync(join(tmpdir(), 'asof-level-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const shared = await open(':memory:')
let count = 0

/** @type {Record<string, (options?: object) => AsOfLevel>} */
const factories = {
  directory: (options) => new AsOfLevel(join(folder, String(count++)), options),
  memory: (options) => new AsOfLevel(':memory:', options),
  shared: (options) =>
    new AsOfLevel({ ...options, database: shared, keyspace: `level ${count++}` }),
}

const [, , place = 'directory'] = process.argv
suite({ test, factory: factories[place] })

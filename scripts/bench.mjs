/**
 * `npm run bench -- NAME [--json]`: runs bench/run.ts against the stores AsOf is measured against.
 * They are installed into bench/node_modules on first use; one of them has no prebuilt binary for
 * every platform and may compile for some minutes. Progress goes to standard error.
 */
import { join } from 'node:path'
import {
  becomeTypeScript,
  build,
  install,
  repository,
  requireNode,
  say,
  whyStale,
} from './setup.mjs'

requireNode()
install(repository)
build()

const bench = join(repository, 'bench')
if (whyStale(bench) !== undefined) {
  say('First benchmark on this machine: installing the peers, which may compile for minutes.')
  install(bench)
}
becomeTypeScript('bench/run.ts', ['--expose-gc'])

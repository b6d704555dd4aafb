/**
 * `npm run simulate -- --seed N`: runs simulation/simulate.ts, which explains its options with
 * `--help`. The exit code is 0 only when the run passed.
 */
import { becomeTypeScript, install, repository, requireNode } from './setup.mjs'

requireNode()
install(repository)
becomeTypeScript('simulation/simulate.ts')

/**
 * `npm test`: installs what is missing, then runs every check (see check.ts) on a bare clone too.
 * Arguments go to the check: `npm test -- ladder tidy`.
 */
import { becomeTypeScript, install, repository, requireNode } from './setup.mjs'

requireNode()
install(repository)
becomeTypeScript('scripts/check.ts')

/**
 * `npm test`: installs what is missing, then runs every check (see check.ts) on a bare clone too.
 * Arguments go to the check: `npm test -- ladder tidy`.
 */
import { become, install, repository, requireNode } from './setup.mjs'

requireNode()
install(repository)
const loader = new URL('./typescript-loader.mjs', import.meta.url).href
become(process.execPath, ['--import', loader, 'scripts/check.ts', ...process.argv.slice(2)])

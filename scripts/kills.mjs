/**
 * `npm run kills -- --times N`: runs test/kills/kills.ts, which explains its options with `--help`.
 * The exit code is 0 only when the run passed.
 */
import { become, install, repository, requireNode } from './setup.mjs'

requireNode()
install(repository)
const loader = new URL('./typescript-loader.mjs', import.meta.url).href
become(process.execPath, ['--import', loader, 'test/kills/kills.ts', ...process.argv.slice(2)])

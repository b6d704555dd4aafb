/**
 * Lets Node run the TypeScript of this repository as it is: `node --import
 * ./scripts/typescript-loader.mjs FILE.ts`. Types are erased file by file (`erasableSyntaxOnly`
 * guarantees that nothing else is needed) and 'asofdb' means the source of the engine, so a tool
 * and the engine modules it imports by path are one copy. Checking types is `npm run check --
 * types`. Processes and threads started with the same `execArgv` get the loader too.
 */
import * as nodeModule from 'node:module'
import * as hooks from './typescript-hooks.mjs'

// Newer versions of Node have hooks on the main thread; Node 20 runs them on a thread of their own.
const registerHooks = Reflect.get(nodeModule, 'registerHooks')
if (registerHooks instanceof Function) {
  registerHooks(hooks)
} else {
  nodeModule.register('./typescript-hooks.mjs', import.meta.url)
}
process.setSourceMapsEnabled(true)

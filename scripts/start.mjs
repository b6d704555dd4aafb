/**
 * `npm start [-- PATH_OF_A_REPOSITORY [OPTIONS]]`: from a bare clone to a database that holds the
 * history of a git repository, and the questions only such a database can answer. The default
 * repository is this clone. Arguments go to `asof demo`.
 */
import { join, resolve } from 'node:path'
import { become, build, install, repository, requireNode } from './setup.mjs'

requireNode()
install(repository)
build()

const [first, ...rest] = process.argv.slice(2)
// npm runs scripts in the root of the repository; a path is relative to where the user typed it.
const typedIn = process.env['INIT_CWD'] ?? process.cwd()
const hasPath = first !== undefined && !first.startsWith('-')
const isAddress = hasPath && /^[a-z+]+:\/\/|^[^/]+@[^/]+:/i.test(first)
const source = !hasPath ? repository : isAddress ? first : resolve(typedIn, first)
const options = hasPath ? rest : process.argv.slice(2)

const command = join(repository, 'packages', 'asof', 'dist', 'main.js')
become(process.execPath, [command, 'demo', source, ...options])

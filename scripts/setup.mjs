/**
 * What `npm start`, `npm test` and `npm run bench` need before they can begin: a Node that is new
 * enough, the packages of the lock file, a build. Plain JavaScript without imports from packages,
 * because it runs on a bare clone.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const repository = fileURLToPath(new URL('..', import.meta.url))

/** The oldest Node that runs AsOf, as in `engines` of package.json. */
const nodeOldest = [20, 19]

/** True when `version` (as `20.19.0`) is at least the oldest Node that is supported.
 * @param {string} version */
export function isNodeNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = nodeOldest
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)
}

/** Ends the process with a message when Node is too old. */
export function requireNode() {
  if (isNodeNewEnough(process.versions.node)) return
  fail(
    `AsOf needs Node ${nodeOldest.join('.')} or newer; this is ${process.versions.node}.\n` +
      'Install a newer one from https://nodejs.org and run the same command again.',
  )
}

/** Prints `message` to standard error and ends the process with exit code 1.
 * @param {string} message
 * @returns {never} */
export function fail(message) {
  process.stderr.write(`\n${message}\n`)
  process.exit(1)
}

/** Progress, on standard error, so that standard output stays that of the command.
 * @param {string} message */
export function say(message) {
  process.stderr.write(`${message}\n`)
}

/**
 * Why the packages installed in `directory` are not those of its lock file, or undefined when they
 * are. Compares the lock file with the one npm leaves inside node_modules.
 * @param {string} directory
 * @returns {string | undefined}
 */
export function whyStale(directory) {
  const installedPath = join(directory, 'node_modules', '.package-lock.json')
  if (!existsSync(installedPath)) return 'nothing is installed yet'
  const wanted = JSON.parse(readFileSync(join(directory, 'package-lock.json'), 'utf8')).packages
  const installed = JSON.parse(readFileSync(installedPath, 'utf8')).packages
  for (const [path, entry] of Object.entries(wanted)) {
    if (!path.includes('node_modules/') || entry.optional || entry.devOptional) continue
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const there = installed[path]
    if (!there || !existsSync(join(directory, path))) return `${name} is missing`
    if (there.version !== entry.version) {
      return `${name} is ${there.version}, the lock file says ${entry.version}`
    }
  }
  return undefined
}

/** Installs the packages of the lock file of `directory` unless they are there.
 * @param {string} directory */
export function install(directory) {
  const reason = whyStale(directory)
  if (reason === undefined) return
  say(`Installing packages (${reason}) ...`)
  const began = process.hrtime.bigint()
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--include=dev'], {
    cwd: directory,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (npm.error || npm.status !== 0) {
    fail(
      `npm ci failed in ${directory}${npm.error ? ` (${npm.error.message})` : ''}.\n` +
        'The lines above say why. Most often the package registry cannot be reached: check the\n' +
        'network and the proxy settings of npm, then run the same command again.',
    )
  }
  const seconds = Number(process.hrtime.bigint() - began) / 1e9
  say(`Installed in ${seconds.toFixed(1)} s.`)
}

/** Compiles both packages into their dist folders; quick when nothing changed. */
export function build() {
  say('Building ...')
  const compiler = join(repository, 'node_modules', 'typescript', 'bin', 'tsc')
  const built = spawnSync(process.execPath, [compiler, '-b', 'packages/asof'], {
    cwd: repository,
    stdio: ['ignore', 2, 2],
  })
  if (built.status !== 0) fail('The build failed; the lines above name file and line.')
}

/**
 * Runs a command in the foreground and ends this process with its exit code. Ctrl-C reaches the
 * command; this process waits for it to finish its work.
 * @param {string} command
 * @param {string[]} args
 * @param {string} [directory]
 */
export function become(command, args, directory = repository) {
  const child = spawn(command, args, { cwd: directory, stdio: 'inherit' })
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('error', (error) => fail(`${command} did not start: ${error.message}`))
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
}

/**
 * Ends as a TypeScript file of this repository does that is given the arguments of this process.
 * @param {string} file
 * @param {string[]} [nodeOptions]
 */
export function becomeTypeScript(file, nodeOptions = []) {
  const loader = new URL('./typescript-loader.mjs', import.meta.url).href
  const given = process.argv.slice(2)
  become(process.execPath, [...nodeOptions, '--import', loader, file, ...given])
}

import type { Finding } from './finding.ts'
import { listFiles, readText } from './source-files.ts'

const installScripts = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish']
const dependencyFields = ['dependencies', 'optionalDependencies', 'peerDependencies']

/** What each package may need at run time. */
const dependenciesAllowed: Readonly<Record<string, readonly string[]>> = {
  'packages/asofdb/package.json': [],
  'packages/asof/package.json': ['asofdb'],
}

/** What a package can make use of where somebody has it; it must be marked as optional. */
const peersAllowed: Readonly<Record<string, readonly string[]>> = {
  'packages/asofdb/package.json': ['@opentelemetry/api', 'abstract-level'],
}

/** The promises of the package files: nothing runs at installation, nothing else comes along. */
export function checkPackages(root: string): Finding[] {
  const paths = listFiles(root).filter((path) => /^(?:packages\/[^/]+\/)?package\.json$/.test(path))
  return paths.flatMap((file) => {
    const manifest: unknown = JSON.parse(readText(root, file).text)
    const messages = [...judgeScripts(manifest), ...judgeDependencies(file, manifest)]
    return messages.map((message) => ({ file, line: 0, message }))
  })
}

function judgeScripts(manifest: unknown): string[] {
  return installScripts
    .filter((name) => field(field(manifest, 'scripts'), name) !== undefined)
    .map((name) => `the script '${name}' runs at installation: users install without scripts`)
}

function judgeDependencies(file: string, manifest: unknown): string[] {
  const allowed = dependenciesAllowed[file]
  if (allowed === undefined) return []
  return dependencyFields.flatMap((kind) => {
    const names = Object.keys(Object(field(manifest, kind) ?? {}))
    const isPeer = (name: string): boolean =>
      kind === 'peerDependencies' &&
      peersAllowed[file]?.includes(name) === true &&
      field(field(field(manifest, 'peerDependenciesMeta'), name), 'optional') === true
    return names
      .filter((name) => !allowed.includes(name) && !isPeer(name))
      .map((name) => `${kind} names '${name}': this package needs nothing but what is listed`)
  })
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

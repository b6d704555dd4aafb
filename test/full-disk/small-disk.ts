import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** A file system of a few megabytes that a process gets for itself. */
export interface SmallDisk {
  readonly name: string
  /** Mounts it at `$1`, with `$2` for what it needs beside, and becomes the rest. */
  readonly script: string
}

const becomeRest = 'shift 2; exec "$@"'

export const memoryDisk: SmallDisk = {
  name: 'tmpfs of 2 MiB',
  script: `mount -t tmpfs -o size=2m tmpfs "$1" && { ${becomeRest}; }`,
}

export const fewEntriesDisk: SmallDisk = {
  name: 'tmpfs with room for 60 files',
  script: `mount -t tmpfs -o size=2m,nr_inodes=61 tmpfs "$1" && { ${becomeRest}; }`,
}

export const journalDisk: SmallDisk = {
  name: 'ext4 of 6 MiB',
  script:
    'truncate -s 6M "$2/image" && mkfs.ext4 -q -b 1024 -m 0 "$2/image" && ' +
    `mount -o loop "$2/image" "$1" && { ${becomeRest}; }`,
}

/**
 * The mount is made in a name space of its own, so that nobody else sees it, and the kernel takes
 * it away with the last process in there, however that ends.
 */
const privately = [
  ['unshare', '--mount', '--propagation', 'private'],
  ['unshare', '--user', '--map-root-user', '--mount', '--propagation', 'private'],
] as const

export type Mounting = { readonly command: readonly string[] } | { readonly whyNot: string }

/** How this machine lets such a disk be mounted, or why it doesn't. */
export function mountingOf(disk: SmallDisk, folder: string): Mounting {
  if (process.platform !== 'linux') return { whyNot: `no mount name spaces on ${process.platform}` }
  let whyNot = ''
  for (const command of privately) {
    const { status, stderr, error } = spawnSync(
      command[0],
      [...command.slice(1), ...mountArguments(disk, join(folder, 'probe')), 'true'],
      { encoding: 'utf8', timeout: 20_000 },
    )
    if (status === 0) return { command }
    whyNot = error?.message ?? stderr.trim()
  }
  return { whyNot }
}

/** Starts a process of Node with the disk mounted at the path that is returned. */
export function startOn(
  disk: SmallDisk,
  command: readonly string[],
  { folder, module, args }: { folder: string; module: string; args: readonly string[] },
): ChildProcess {
  const [program = '', ...options] = command
  const mounting = mountArguments(disk, folder)
  const script = `import(${JSON.stringify(module)})`
  const run = [
    process.execPath,
    '--input-type=module',
    '-e',
    script,
    '--',
    diskPath(folder),
    ...args,
  ]
  return spawn(program, [...options, ...mounting, ...run], { stdio: ['pipe', 'pipe', 'pipe'] })
}

function diskPath(folder: string): string {
  return join(folder, 'disk')
}

function mountArguments(disk: SmallDisk, folder: string): string[] {
  mkdirSync(diskPath(folder), { recursive: true })
  return ['sh', '-c', disk.script, 'sh', diskPath(folder), folder]
}

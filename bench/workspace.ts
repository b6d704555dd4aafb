import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** File systems that live in memory, by the number `statfs` gives: a sync costs nothing there. */
const memoryFileSystems = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
])

const diskFileSystems = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x794c7630, 'overlayfs'],
  [0x2fc12fc1, 'zfs'],
  [0x1a, 'apfs'],
])

/** A folder for the data of one run, on a disk if there is one, removed at the end. */
export interface Workspace {
  /** The file system that durable figures are taken on. */
  readonly fileSystem: string
  /** The path of an empty folder of its own. */
  folder(name: string): string
  remove(): void
}

/**
 * Durable figures mean nothing in memory: when the temporary directory is there, the data goes
 * beside the sources, into a folder that tells git to ignore it.
 */
export function makeWorkspace(): Workspace {
  const beside = fileURLToPath(new URL('../.bench', import.meta.url))
  let parent = tmpdir()
  if (memoryFileSystems.has(fileSystemOf(parent))) {
    mkdirSync(beside, { recursive: true })
    writeFileSync(join(beside, '.gitignore'), '*\n')
    parent = beside
  }
  const root = mkdtempSync(join(parent, 'asof-bench-'))
  const type = fileSystemOf(root)
  const name = memoryFileSystems.get(type) ?? diskFileSystems.get(type)
  let folders = 0
  return {
    fileSystem: name ?? `file system 0x${type.toString(16)}`,
    folder(purpose) {
      const path = join(root, `${folders++}-${purpose}`)
      mkdirSync(path)
      return path
    },
    remove() {
      rmSync(root, { recursive: true, force: true })
    },
  }
}

function fileSystemOf(path: string): number {
  return statfsSync(path).type
}


/** The disks that a crash at one moment may leave, each of them once. */
import { crc32 } from 'node:zlib'
import { RandomStream } from './random.ts'
import {
  afterPowerLoss,
  afterProcessDeath,
  type CrashSpec,
  standardCrashes,
} from './simulated-crash.ts'
import type { DirectoryNode, SimulatedDisk } from './simulated-disk.ts'
import type { WatchedPoint } from './simulated-files.ts'

/** Death of the process, or of the machine with a choice of what it had not synced. */
export type CrashKind = CrashSpec | { readonly mode: 'killed'; readonly seed: string }

export interface CrashWorld {
  readonly crash: CrashKind
  readonly disk: SimulatedDisk
  /** Equal for disks on which a database finds the same. */
  readonly fingerprint: string
}

/**
 * The worlds after a crash at a point: with nothing kept that was not synced, with all of it, after
 * a kill, and `count` of the other standard crashes, drawn anew for each point.
 */
export function* crashWorlds(
  { left, operation, outcome }: WatchedPoint,
  options: { seed: string; count: number },
): Generator<CrashWorld> {
  const seed = `${options.seed}/${operation}/${outcome}`
  const random = new RandomStream(seed)
  const [none, all, ...others] = standardCrashes(left, { seed, randomCount: 4 })
  const chosen = [none, all]
  for (let index = 0; index < options.count && others.length > 0; index += 1) {
    chosen.push(...others.splice(random.below(others.length), 1))
  }
  for (const crash of chosen) {
    if (crash === undefined) continue
    const disk = afterPowerLoss(left, crash)
    yield { crash, disk, fingerprint: fingerprintOf(disk) }
  }
  const disk = afterProcessDeath(left, seed)
  yield { crash: { mode: 'killed', seed }, disk, fingerprint: fingerprintOf(disk) }
}

/** One crash at a point, any of the standard ones. */
export function drawWorld(point: WatchedPoint, seed: string): CrashWorld {
  const random = new RandomStream(`${seed}/${point.operation}/${point.outcome}`)
  const crash = random.pick(standardCrashes(point.left, { seed: random.seed, randomCount: 4 }))
  const disk = afterPowerLoss(point.left, crash)
  return { crash, disk, fingerprint: fingerprintOf(disk) }
}

export function fingerprintOf(disk: SimulatedDisk): string {
  const parts: string[] = []
  addNames(disk.root, '', parts)
  return parts.join('\n')
}

function addNames(directory: DirectoryNode, path: string, parts: string[]): void {
  for (const name of [...directory.names.keys()].sort()) {
    const node = directory.names.get(name)
    if (node?.type === 'directory') {
      parts.push(`${path}/${name}/`)
      addNames(node, `${path}/${name}`, parts)
    } else if (node !== undefined) {
      const bytes = new Uint8Array(node.size)
      node.cache.read(bytes, 0)
      parts.push(`${path}/${name} ${node.size} ${crc32(bytes)}`)
    }
  }
}

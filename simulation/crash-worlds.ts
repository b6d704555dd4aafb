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

export function* crashWorlds(
  { left, operation, outcome }: WatchedPoint,
  options: { seed: string; count: number },
): Generator<CrashWorld> {
  const seed = `${options.seed}/${operation}/${outcome}`
  for (const crash of standardCrashes(left, { seed, randomCount: options.count })) {
    const disk = afterPowerLoss(left, crash)
    yield { crash, disk, fingerprint: fingerprintOf(disk) }
  }
  const disk = afterProcessDeath(left, seed)
  yield { crash: { mode: 'killed', seed }, disk, fingerprint: `killed ${fingerprintOf(disk)}` }
}

/** Which of the crashes of a point to take, when not all are wanted. */
export function* sampleWorlds(
  point: WatchedPoint,
  options: { seed: string; count: number },
): Generator<CrashWorld> {
  const random = new RandomStream(`${options.seed}/${point.operation}/${point.outcome}`)
  const specs = standardCrashes(point.left, { seed: options.seed, randomCount: options.count })
  for (let index = 0; index < options.count; index += 1) {
    const crash = random.pick(specs)
    const disk = afterPowerLoss(point.left, crash)
    yield { crash, disk, fingerprint: fingerprintOf(disk) }
  }
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

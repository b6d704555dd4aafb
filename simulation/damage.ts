/** Damage at rest: bytes and files of a disk that is not in use become others. */
import { FileNode, type DirectoryNode, type SimulatedDisk } from './simulated-disk.ts'
import { sectorBytes } from './simulated-pages.ts'
import { RandomStream } from './random.ts'
import type { DamagePlan } from './swarm-plan.ts'

interface FilePlace {
  readonly path: string
  readonly name: string
  readonly directory: DirectoryNode
  readonly node: FileNode
}

/**
 * A copy of the disk with the damage, and what it was in words; undefined when there is nothing to
 * damage in this way. `older` is the same disk some time before.
 */
export function damageDisk(
  disk: SimulatedDisk,
  { plan, older, root }: { plan: DamagePlan; older: SimulatedDisk; root: string },
): { disk: SimulatedDisk; file: string; what: string } | undefined {
  const damaged = disk.fork()
  const places = filesBelow(damaged, root)
  const place = places[Math.floor(plan.file * places.length)]
  if (place === undefined) return undefined
  const before = bytesOf(place.node)
  const random = new RandomStream(`damage/${plan.kind}/${plan.file}/${plan.place}`)
  const change = drawChange(before, { plan, random, older, place, places })
  if (change === undefined || isSame(change.bytes, before)) return undefined
  if (change.bytes === undefined) {
    place.directory.names.delete(place.name)
    place.directory.durable.delete(place.name)
  } else {
    const node = newFile(change.bytes)
    place.directory.names.set(place.name, node)
    place.directory.durable.set(place.name, node)
  }
  damaged.usedBytes += (change.bytes?.length ?? 0) - before.length
  const file = place.path.slice(root.length + 1)
  return { disk: damaged, file, what: `${place.path}: ${change.what}` }
}

/** Undefined bytes: the file is gone. */
interface Change {
  readonly bytes: Uint8Array | undefined
  readonly what: string
}

function drawChange(
  before: Uint8Array,
  of: {
    plan: DamagePlan
    random: RandomStream
    older: SimulatedDisk
    place: FilePlace
    places: readonly FilePlace[]
  },
): Change | undefined {
  const { plan, random, older, place, places } = of
  const { kind } = plan
  const at = Math.floor(plan.place * before.length)
  const sector = at - (at % sectorBytes)
  switch (kind) {
    case 'flip':
      return changed(before, at, [(before[at] ?? 0) ^ (1 << random.below(8))], kind)
    case 'zero-sector':
      return changed(before, sector, new Uint8Array(sectorBytes), kind)
    case 'garbage-sector':
      return changed(before, sector, random.bytes(sectorBytes), kind)
    case 'foreign-sector': {
      const other = bytesOf(random.pick(places).node)
      const from = random.below(Math.ceil(other.length / sectorBytes)) * sectorBytes
      return changed(before, sector, other.subarray(from, from + sectorBytes), kind)
    }
    case 'truncate':
      return { bytes: before.slice(0, at), what: `cut at ${at} of ${before.length}` }
    case 'grow': {
      const bytes = new Uint8Array(before.length + 1 + random.below(2 * sectorBytes))
      bytes.fill(random.pick([0, 0xa5, 0xff]))
      bytes.set(before)
      return { bytes, what: `grown to ${bytes.length}` }
    }
    case 'remove':
      return { bytes: undefined, what: 'removed' }
    case 'old-file': {
      const found = filesBelow(older, '/').find(({ path }) => path === place.path)
      if (found === undefined) return undefined
      const bytes = bytesOf(found.node)
      return { bytes, what: `put back to its older ${bytes.length} bytes` }
    }
  }
}

function changed(
  before: Uint8Array,
  at: number,
  bytes: Uint8Array | readonly number[],
  what: string,
): Change | undefined {
  if (before.length === 0) return undefined
  const result = before.slice()
  result.set(bytes.slice(0, Math.max(0, before.length - at)), at)
  return { bytes: result, what: `${what} at ${at} of ${before.length}` }
}

/** Every file that means something: not the lock, and not what a repair put aside. */
function filesBelow(disk: SimulatedDisk, root: string): FilePlace[] {
  const places: FilePlace[] = []
  const visit = (directory: DirectoryNode, path: string): void => {
    for (const name of [...directory.names.keys()].sort()) {
      const node = directory.names.get(name)
      const inside = `${path}/${name}`
      if (node?.type === 'directory') {
        if (name !== 'quarantine') visit(node, inside)
      } else if (node !== undefined && !name.startsWith('LOCK') && inside.startsWith(root)) {
        places.push({ path: inside, name, directory, node })
      }
    }
  }
  visit(disk.root, '')
  return places
}

function bytesOf(node: FileNode): Uint8Array {
  const bytes = new Uint8Array(node.size)
  node.cache.read(bytes, 0)
  return bytes
}

function newFile(bytes: Uint8Array): FileNode {
  const node = new FileNode()
  node.cache.write(bytes, 0)
  node.durable = node.cache.copy()
  node.size = bytes.length
  node.durableSize = bytes.length
  return node
}

function isSame(left: Uint8Array | undefined, right: Uint8Array): boolean {
  return left !== undefined && Buffer.compare(left, right) === 0
}

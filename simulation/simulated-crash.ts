import { RandomStream } from './random.ts'
import {
  applyBytes,
  applyNames,
  DirectoryNode,
  type DiskNode,
  type Effect,
  FileNode,
  moveEffect,
  type PendingBytes,
  type PendingNames,
  SimulatedDisk,
} from './simulated-disk.ts'
import { forEachPart, pageBytes, sectorBytes } from './simulated-pages.ts'

/**
 * What a power loss leaves of the changes no sync has covered. Changes are counted from 0 in the
 * order in which they were made, over all files and directories; calls that were under way count
 * as the last ones.
 */
export type CrashSpec =
  | { readonly mode: 'none-kept' | 'all-kept' }
  /** Names without bytes and sizes; bytes and sizes without names. */
  | { readonly mode: 'names-only' | 'bytes-only' }
  /** Names and sizes came through, and the space shows zeros or garbage. */
  | { readonly mode: 'size-only'; readonly fill: 'zeros' | 'garbage' }
  | { readonly mode: 'prefix'; readonly count: number }
  | { readonly mode: 'only' | 'all-but'; readonly index: number }
  /**
   * All but a part of the last write: its first sectors came through, its last sectors did, or it
   * was cut at a byte. `fraction` of its length is where the part begins or ends.
   */
  | {
      readonly mode: 'last-torn'
      readonly kept: 'head' | 'tail' | 'cut'
      readonly fraction: number
    }
  | { readonly mode: 'random'; readonly seed: string | number }

type Pending = PendingBytes | PendingNames

/** The decisions of one crash, asked once for each thing there is to decide. */
interface Decisions {
  keepsNames(change: PendingNames): boolean
  keepsSize(change: PendingBytes): boolean
  keepsSector(change: PendingBytes, sector: number): boolean
  /** The last change to a file, which may have been cut at a byte. */
  tear(change: PendingBytes): PendingBytes
  /** What allocated but unwritten space shows; undefined for zeros. */
  garbage(): Uint8Array | undefined
}

/** A disk together with the calls that were under way when the machine stopped. */
export interface StoppedDisk {
  readonly disk: SimulatedDisk
  readonly interrupted: readonly Effect[]
}

/** All changes that a power loss may take, in order. */
export function pendingChanges({ disk, interrupted }: StoppedDisk): Pending[] {
  const seen = new Set<DiskNode>()
  const changes: Pending[] = interrupted.map((effect) => effect.change)
  const visit = (node: DiskNode): void => {
    if (seen.has(node)) return
    seen.add(node)
    changes.push(...node.pending)
    if (node.type === 'file') return
    for (const child of node.durable.values()) visit(child)
    for (const change of node.pending) if (change.added) visit(change.added.node)
  }
  visit(disk.root)
  for (const { node, change } of interrupted) {
    visit(node)
    if (change.kind === 'names' && change.added) visit(change.added.node)
  }
  return changes.sort((left, right) => left.order - right.order)
}

/**
 * The crashes worth trying at every point: the extremes, each prefix, each single change lost and
 * each kept alone (sampled when there are many), the last write torn in several ways, sizes without
 * bytes, and `randomCount` random ones.
 */
export function standardCrashes(
  stopped: StoppedDisk,
  { seed, randomCount }: { seed: string | number; randomCount: number },
): CrashSpec[] {
  const count = new Set(pendingChanges(stopped).map((change) => change.order)).size
  const specs: CrashSpec[] = [{ mode: 'none-kept' }]
  if (count === 0) return specs
  specs.push(
    { mode: 'all-kept' },
    { mode: 'names-only' },
    { mode: 'bytes-only' },
    { mode: 'size-only', fill: 'zeros' },
    { mode: 'size-only', fill: 'garbage' },
  )
  const step = Math.ceil(count / 16)
  for (let index = 0; index < count; index += step) {
    if (index > 0) specs.push({ mode: 'prefix', count: index })
    if (count > 1) specs.push({ mode: 'only', index }, { mode: 'all-but', index })
  }
  for (const kept of ['head', 'tail', 'cut'] as const) {
    for (const fraction of [0.1, 0.5, 0.9]) specs.push({ mode: 'last-torn', kept, fraction })
  }
  for (let index = 0; index < randomCount; index++) {
    specs.push({ mode: 'random', seed: `${seed}/${index}` })
  }
  return specs
}

/** The disk as the next start of the machine finds it. The stopped one is left as it is. */
export function afterPowerLoss(stopped: StoppedDisk, spec: CrashSpec): SimulatedDisk {
  const { disk } = stopped
  const changes = pendingChanges(stopped)
  const decisions = decide(spec, { changes, isOrdered: disk.profile === 'ordered' })
  const build: Build = {
    decisions,
    keptNames: chooseNames(changes, decisions, disk),
    isOrdered: disk.profile === 'ordered',
    interrupted: stopped.interrupted,
    copies: new Map(),
  }
  const root = directoryAfter(disk.root, build)
  const next = new SimulatedDisk(disk.profile, root)
  next.capacityBytes = disk.capacityBytes
  for (const copy of build.copies.values()) {
    if (copy.type === 'directory') next.directories.add(copy)
    else next.usedBytes += copy.size
  }
  return next
}

/** The disk after a kill: the cache lives on, and calls under way may have got through. */
export function afterProcessDeath(stopped: StoppedDisk, seed: string | number): SimulatedDisk {
  const random = new RandomStream(seed)
  const copies = new Map<DiskNode, DiskNode>()
  const next = stopped.disk.fork(copies)
  for (const effect of stopped.interrupted.flatMap((one) => moveEffect(one, copies))) {
    if (random.chance(1 / 3)) continue
    if (effect.kind === 'names') {
      next.apply(effect)
    } else {
      const { node } = effect
      const change = random.chance(0.5) ? effect.change : cutWrite(effect.change, random.fraction())
      if (change.kind === 'truncate') next.apply(next.planTruncate(node, change.sizeAfter))
      else if (change.bytes.length > 0) {
        next.apply(next.planWrite(node, change.bytes, change.position))
      }
    }
  }
  return next
}

interface Build {
  readonly decisions: Decisions
  readonly keptNames: ReadonlySet<PendingNames>
  readonly isOrdered: boolean
  readonly interrupted: readonly Effect[]
  readonly copies: Map<DiskNode, DiskNode>
}

function chooseNames(
  changes: readonly Pending[],
  decisions: Decisions,
  disk: SimulatedDisk,
): Set<PendingNames> {
  const kept = new Set<PendingNames>()
  for (const change of changes) {
    if (change.kind !== 'names') continue
    if (decisions.keepsNames(change)) kept.add(change)
    // With ordered names nothing comes after the first that was lost.
    else if (disk.profile === 'ordered') break
  }
  return kept
}

function directoryAfter(directory: DirectoryNode, build: Build): DirectoryNode {
  const copy = new DirectoryNode()
  build.copies.set(directory, copy)
  const names = new Map(directory.durable)
  const underWay = build.interrupted.flatMap((effect) =>
    effect.kind === 'names' && effect.node === directory ? [effect.change] : [],
  )
  for (const change of [...directory.pending, ...underWay]) {
    if (build.keptNames.has(change)) applyNames(names, change)
  }
  for (const [name, node] of names) copy.durable.set(name, nodeAfter(node, build))
  copy.names = new Map(copy.durable)
  return copy
}

function nodeAfter(node: DiskNode, build: Build): DiskNode {
  const known = build.copies.get(node)
  if (known) return known
  if (node.type === 'directory') return directoryAfter(node, build)
  const copy = fileAfter(node, build)
  build.copies.set(node, copy)
  return copy
}

function fileAfter(file: FileNode, build: Build): FileNode {
  const copy = new FileNode()
  copy.durable = file.durable.copy()
  copy.durableSize = file.durableSize
  const underWay = build.interrupted.flatMap((effect) =>
    effect.kind === 'bytes' && effect.node === file ? [effect.change] : [],
  )
  if (file.pending.length + underWay.length > 0) {
    const changes = [...file.pending, ...underWay]
    // Only the end: what came later was laid over the whole write.
    const last = changes.pop()
    if (last) changes.push(build.decisions.tear(last))
    loseBytes(copy, changes, build)
  }
  copy.size = copy.durableSize
  copy.cache = copy.durable.copy()
  return copy
}

/** Turns the durable state in `copy` into one that a power loss could leave after the changes. */
function loseBytes(copy: FileNode, changes: readonly PendingBytes[], build: Build): void {
  const { decisions } = build
  const sizeIndex = changes.findLastIndex((change) => decisions.keepsSize(change))
  const size = changes[sizeIndex]?.sizeAfter ?? copy.durableSize
  // The version of a sector is the number of the last change to it that came through.
  const versions = new Map<number, number>()
  const touched = new Set<number>()
  for (const [index, change] of [...changes.entries()].reverse()) {
    for (const sector of sectorsOf(change)) {
      touched.add(sector)
      if (versions.has(sector)) continue
      const uncovers = change.sizeAfter > change.sizeBefore
      const isForced = build.isOrdered && uncovers && index <= sizeIndex
      if (isForced || decisions.keepsSector(change, sector)) versions.set(sector, index)
    }
  }
  for (const [index, change] of changes.entries()) {
    applySectors(copy, change, (sector) => (versions.get(sector) ?? -1) >= index)
  }
  for (const sector of touched) {
    const isUnwritten = sector * sectorBytes >= copy.durableSize && !versions.has(sector)
    const garbage = isUnwritten && !build.isOrdered ? decisions.garbage() : undefined
    if (garbage) copy.durable.write(garbage, sector * sectorBytes)
  }
  copy.durable.clear(size, Infinity)
  copy.durableSize = size
}

function applySectors(
  copy: FileNode,
  change: PendingBytes,
  isKept: (sector: number) => boolean,
): void {
  if (change.kind === 'write') {
    const { bytes, position } = change
    forEachPart({ position, length: bytes.length, step: sectorBytes }, (sector, at, length) => {
      if (!isKept(sector)) return
      copy.durable.write(bytes.subarray(at - position, at - position + length), at)
    })
    return
  }
  const sectors = sectorsOf(change)
  if (sectors.length > 0 && sectors.every(isKept)) return applyBytes(copy.durable, change)
  for (const sector of sectors.filter(isKept)) {
    const start = Math.max(change.sizeAfter, sector * sectorBytes)
    copy.durable.clear(start, (sector + 1) * sectorBytes)
  }
}

function sectorsOf(change: PendingBytes): number[] {
  const sectors: number[] = []
  if (change.kind === 'write') {
    const { bytes, position } = change
    const range = { position, length: bytes.length, step: sectorBytes }
    forEachPart(range, (sector) => sectors.push(sector))
    return sectors
  }
  for (const page of change.pages) {
    const position = page * pageBytes
    forEachPart({ position, length: pageBytes, step: sectorBytes }, (sector) => {
      if ((sector + 1) * sectorBytes > change.sizeAfter) sectors.push(sector)
    })
  }
  return sectors
}

function cutWrite(change: PendingBytes, fraction: number): PendingBytes {
  if (change.kind === 'truncate') return change
  const bytes = change.bytes.subarray(0, Math.floor(change.bytes.length * fraction))
  const end = bytes.length === 0 ? 0 : change.position + bytes.length
  return { ...change, bytes, sizeAfter: Math.max(change.sizeBefore, end) }
}

interface Situation {
  readonly changes: readonly Pending[]
  readonly isOrdered: boolean
}

function decide(spec: CrashSpec, situation: Situation): Decisions {
  const orders = [...new Set(situation.changes.map((change) => change.order))]
  switch (spec.mode) {
    case 'none-kept':
      return keepWhere(() => false)
    case 'all-kept':
      return keepWhere(() => true)
    case 'names-only':
      return keepWhere((change) => change.kind === 'names')
    case 'bytes-only':
      return keepWhere((change) => change.kind !== 'names')
    case 'prefix': {
      const end = orders[spec.count] ?? Infinity
      return keepWhere((change) => change.order < end)
    }
    case 'only':
      return keepWhere((change) => change.order === orders[spec.index])
    case 'all-but':
      return keepWhere((change) => change.order !== orders[spec.index])
    case 'size-only': {
      const random = new RandomStream('garbage')
      return {
        ...keepWhere(() => true),
        keepsSector: () => false,
        garbage: () => (spec.fill === 'garbage' ? random.bytes(sectorBytes) : undefined),
      }
    }
    case 'last-torn':
      return tearLast(spec, situation.changes)
    case 'random':
      return decideRandomly(new RandomStream(spec.seed), situation, orders)
  }
}

function keepWhere(isKept: (change: Pending) => boolean): Decisions {
  return {
    keepsNames: isKept,
    keepsSize: isKept,
    keepsSector: isKept,
    tear: (change) => change,
    garbage: () => undefined,
  }
}

function tearLast(
  { kept, fraction }: Extract<CrashSpec, { mode: 'last-torn' }>,
  changes: readonly Pending[],
): Decisions {
  const last = changes.findLast((change) => change.kind === 'write')
  const all = keepWhere(() => true)
  if (last?.kind !== 'write') return all
  if (kept === 'cut') {
    return { ...all, tear: (change) => (change === last ? cutWrite(last, fraction) : change) }
  }
  const border = Math.floor((last.position + last.bytes.length * fraction) / sectorBytes)
  const isKept = (sector: number) => (kept === 'head' ? sector < border : sector >= border)
  return { ...all, keepsSector: (change, sector) => change !== last || isKept(sector) }
}

/**
 * Draws how much comes through before it draws what: a coin per sector alone would never show the
 * worlds in which nearly all or nearly nothing did. Some files keep a prefix of their changes.
 */
function decideRandomly(
  random: RandomStream,
  { isOrdered }: Situation,
  orders: readonly number[],
): Decisions {
  const share = random.pick([0.05, 0.5, 0.5, 0.95])
  const nameShare = random.pick([0.1, 0.5, 0.9])
  const isPrefix = random.chance(0.3)
  const end = orders[random.below(orders.length + 1)] ?? Infinity
  const isWhole = random.chance(0.5)
  const wholes = new Map<PendingBytes, boolean>()
  const isWholeKept = (change: PendingBytes) => {
    const known = wholes.get(change) ?? random.chance(share)
    wholes.set(change, known)
    return known
  }
  const isTorn = random.chance(0.3)
  const hasGarbage = random.chance(0.5)
  return {
    keepsNames: (change) =>
      isOrdered || isPrefix ? change.order < end : random.chance(nameShare),
    keepsSize: (change) => {
      if (isPrefix) return change.order < end
      return isWhole && random.chance(0.7) ? isWholeKept(change) : random.chance(share)
    },
    keepsSector: (change) => {
      if (isPrefix) return change.order < end
      return isWhole ? isWholeKept(change) : random.chance(share)
    },
    tear: (change) => (isTorn ? cutWrite(change, random.fraction()) : change),
    garbage: () => (hasGarbage ? random.bytes(sectorBytes) : undefined),
  }
}

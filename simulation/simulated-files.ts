import type {
  DirectoryLock,
  FileStatus,
  FileSystem,
  HostFile,
  LockHolder,
  OpenMode,
  ProcessIdentity,
} from '../packages/asofdb/src/host/host.ts'
import { LockHeldError } from '../packages/asofdb/src/host/host.ts'
import {
  type CrashPoint,
  type FaultCode,
  type FaultInjector,
  isBrokenAt,
  isMutating,
  type OperationKind,
} from './fault-plan.ts'
import type { RandomStream } from './random.ts'
import { type SimulatedClock, SimulatedCrash } from './simulated-clock.ts'
import type { StoppedDisk } from './simulated-crash.ts'
import {
  type DiskNode,
  type Effect,
  type FileNode,
  moveEffect,
  type SimulatedDisk,
} from './simulated-disk.ts'
import { SimulatedFile } from './simulated-file.ts'
import { failure, SimulatedNames } from './simulated-names.ts'
import type { SimulatedTrace } from './simulated-trace.ts'

/** One call: what it does, and what a crash in the middle of it may leave. */
export interface Operation<T> {
  readonly kind: OperationKind
  readonly path: string
  /** Particulars for the trace. */
  readonly subject?: string
  /** The changes it would make now; throws what the call would throw. */
  readonly plan?: () => Effect[]
  /** Gets the planned changes after they were applied. */
  readonly perform: (effects: Effect[]) => T
  readonly onFault?: (code: FaultCode) => void
}

/** One outcome of a mutating call under way, and what a crash right there would leave. */
export interface WatchedPoint extends CrashPoint {
  readonly kind: OperationKind
  readonly path: string
  readonly left: StoppedDisk
}

/**
 * Sees each mutating call three times: not done, partly done and done. So one run shows what as
 * many runs with `crashAt` would, while it goes on. Called within the turn of the call.
 */
export type WatchMutations = (point: WatchedPoint) => void

/** Whether a moment is to be watched: to copy a disk for each of them costs the most. */
export type ChooseMutations = (point: CrashPoint) => boolean

export interface SimulatedFilesOptions {
  readonly disk: SimulatedDisk
  readonly clock: SimulatedClock
  readonly random: RandomStream
  readonly faults: FaultInjector
  readonly trace: SimulatedTrace
  readonly process: ProcessIdentity
  readonly crashRejects: boolean
  readonly watch?: WatchMutations | undefined
  /** Which moments `watch` sees; all of them when absent. */
  readonly isWatched?: ChooseMutations | undefined
}

interface Flight {
  readonly interrupt: () => Effect[]
  readonly reject: (error: Error) => void
}

/** Least and greatest usual duration of a call, in microseconds. */
const latencyByKind: Partial<Record<OperationKind, readonly [number, number]>> = {
  sync: [100, 2000],
  syncDirectory: [100, 2000],
  write: [5, 100],
}

/**
 * The files of one run of the simulated machine. Calls take effect when they complete, in the order
 * the clock draws. Once the machine has stopped every call of this world fails with
 * `SimulatedCrash`, and `stopped` is what the next world is made from, as often as wanted.
 */
export class SimulatedFiles implements FileSystem {
  readonly disk: SimulatedDisk
  readonly faults: FaultInjector
  readonly #options: SimulatedFilesOptions
  readonly #names: SimulatedNames
  readonly #flights = new Set<Flight>()
  readonly #locks = new Map<string, LockHolder>()
  /** Some disks are quick enough to be waited for in the caller's turn, others are not. */
  readonly #slowness: number
  #death: SimulatedCrash | undefined
  #interrupted: Effect[] = []

  constructor(options: SimulatedFilesOptions) {
    this.#options = options
    this.#slowness = options.random.chance(0.5) ? 0.5 : 16
    this.disk = options.disk
    this.faults = options.faults
    this.#names = new SimulatedNames(options.disk)
    const { capacityBytes } = options.faults.plan
    if (capacityBytes !== undefined) this.disk.capacityBytes = capacityBytes
  }

  get isStopped(): boolean {
    return this.#death !== undefined
  }

  /** What the machine leaves behind. Stops it if it still runs. */
  get stopped(): StoppedDisk {
    this.stop('the harness stopped the machine')
    return { disk: this.disk, interrupted: this.#interrupted }
  }

  open(path: string, mode: OpenMode): Promise<HostFile> {
    if (mode === 'create') {
      return this.submit({
        kind: 'create',
        path,
        plan: () => this.#names.planCreateFile(path),
        perform: () => this.#handle(path, mode),
      })
    }
    return this.submit({ kind: 'open', path, perform: () => this.#handle(path, mode) })
  }

  rename(from: string, to: string): Promise<void> {
    return this.submit({
      kind: 'rename',
      path: from,
      subject: to,
      plan: () => this.#names.planRename(from, to),
      perform: () => undefined,
    })
  }

  remove(path: string): Promise<void> {
    return this.submit({
      kind: 'remove',
      path,
      plan: () => this.#names.planRemove(path),
      perform: () => undefined,
    })
  }

  makeDirectory(path: string): Promise<void> {
    return this.submit({
      kind: 'makeDirectory',
      path,
      plan: () => this.#names.planMakeDirectory(path),
      perform: () => undefined,
    })
  }

  list(path: string): Promise<string[]> {
    return this.submit({
      kind: 'list',
      path,
      perform: () => [...this.#names.mustFindDirectory(path).names.keys()].sort(),
    })
  }

  stat(path: string): Promise<FileStatus | undefined> {
    return this.submit({
      kind: 'stat',
      path,
      perform: () => {
        const node = this.#names.find(path)
        return node && { type: node.type, size: node.type === 'file' ? node.size : 0 }
      },
    })
  }

  syncDirectory(path: string): Promise<void> {
    const mark = this.disk.order
    return this.submit({
      kind: 'syncDirectory',
      path,
      perform: () => {
        const directory = this.#names.mustFindDirectory(path)
        const { brokenDirectorySync } = this.faults.plan
        if (!isBrokenAt(brokenDirectorySync, path)) this.disk.syncDirectory(directory, mark)
      },
    })
  }

  lock(directory: string): Promise<DirectoryLock> {
    return this.submit({
      kind: 'open',
      path: directory,
      subject: 'lock',
      perform: () => {
        this.#names.mustFindDirectory(directory)
        const held = this.#locks.get(directory)
        if (held) throw new LockHeldError(directory, held)
        const sinceMs = this.#options.clock.wallMicros() / 1000
        const holder = { ...this.#options.process, sinceMs }
        this.#locks.set(directory, holder)
        return {
          release: async () => {
            if (this.#locks.get(directory) === holder) this.#locks.delete(directory)
          },
        }
      },
    })
  }

  /** Lets a call happen when the clock says so. */
  submit<T>(operation: Operation<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#death) return reject(this.#death)
      const flight: Flight = { interrupt: () => operation.plan?.() ?? [], reject }
      this.#flights.add(flight)
      this.#options.clock.operation(this.#latency(operation.kind), () => {
        this.#flights.delete(flight)
        this.#complete(operation, { resolve, reject })
      })
    })
  }

  /** Lets a call that does not leave the caller's turn happen; nothing else happens meanwhile. */
  executeNow<T>(operation: Operation<T>): T {
    if (!this.#death) this.#options.clock.passMicros(this.#latency(operation.kind))
    let result: T
    try {
      result = this.#execute(operation)
    } catch (error) {
      throw this.#death ?? error
    }
    if (this.#death) throw this.#death
    return result
  }

  #complete<T>(
    operation: Operation<T>,
    { resolve, reject }: { resolve: (result: T) => void; reject: (error: unknown) => void },
  ): void {
    let settle: () => void
    try {
      const result = this.#execute(operation)
      settle = () => resolve(result)
    } catch (error) {
      settle = () => reject(error)
    }
    if (!this.#death) settle()
    else if (this.#options.crashRejects) reject(this.#death)
  }

  #execute<T>(operation: Operation<T>): T {
    if (this.#death) throw this.#death
    const { kind, path } = operation
    const verdict = this.faults.judge(kind, path)
    if (verdict.crash === 'partly-done') this.#interrupt(() => operation.plan?.() ?? [])
    if (verdict.crash && verdict.crash !== 'done') {
      throw this.stop(`crash point in ${kind} ${path}`)
    }
    this.#show('not-done', operation)
    this.#show('partly-done', operation)
    try {
      if (verdict.error) {
        operation.onFault?.(verdict.error)
        throw failure(verdict.error, path)
      }
      const effects = operation.plan?.() ?? []
      for (const effect of effects) this.#apply(effect)
      const result = operation.perform(effects)
      this.#trace(operation, describe(result))
      return result
    } catch (error) {
      this.#trace(operation, String(error))
      throw error
    } finally {
      this.#show('done', operation)
      // Done, whether well or badly, and nobody hears of it.
      if (verdict.crash) this.stop(`crash point after ${kind} ${path}`)
    }
  }

  /** Stops the machine. Calls under way become part of what a crash decides about. */
  stop(reason: string): SimulatedCrash {
    if (this.#death) return this.#death
    const death = new SimulatedCrash(`the simulated machine is off: ${reason}`)
    this.#death = death
    this.#options.trace.add(`${this.#options.clock.nowMicros} stop ${reason}`)
    for (const flight of this.#flights) {
      this.#interrupt(flight.interrupt)
      if (this.#options.crashRejects) flight.reject(death)
    }
    this.#flights.clear()
    this.#options.clock.stop(death)
    return death
  }

  #show(outcome: CrashPoint['outcome'], { kind, path, plan }: Operation<unknown>): void {
    const { watch, isWatched } = this.#options
    if (watch === undefined || !isMutating(kind)) return
    if (isWatched?.({ operation: this.faults.mutations, outcome }) === false) return
    const own = outcome === 'partly-done' && plan !== undefined ? [plan] : []
    const plans = [...own, ...[...this.#flights].map((flight) => flight.interrupt)]
    const left = this.#copyStopped(plans)
    watch({ operation: this.faults.mutations, outcome, kind, path, left })
  }

  #copyStopped(plans: readonly (() => Effect[])[]): StoppedDisk {
    const copies = new Map<DiskNode, DiskNode>()
    const effects: Effect[] = []
    for (const plan of plans) planned(plan, effects)
    // After the plans, so that the copy counts on from their changes.
    const disk = this.disk.fork(copies)
    return { disk, interrupted: effects.flatMap((effect) => moveEffect(effect, copies)) }
  }

  /** How many bytes a read or write of `length` handles this time. */
  shortLength(kind: 'read' | 'write', length: number): number {
    const { shortReadChance = 0, shortWriteChance = 0 } = this.faults.plan
    const chance = kind === 'read' ? shortReadChance : shortWriteChance
    if (chance === 0 || length < 2 || !this.#options.random.chance(chance)) return length
    return this.#options.random.between(1, length)
  }

  #handle(path: string, mode: OpenMode): HostFile {
    const node = this.#names.mustFind(path)
    if (node.type === 'directory') throw failure('EISDIR', path)
    return new SimulatedFile({ files: this, node, path, mode })
  }

  #apply(effect: Effect): void {
    if (effect.kind === 'names') {
      // A name that goes for good frees its bytes; one that moves has another change adding it.
      const { removed, added } = effect.change
      const gone = added ? effect.node.names.get(added.name) : effect.node.names.get(removed ?? '')
      if (gone?.type === 'file' && !this.#isNamedElsewhere(gone, effect)) {
        this.disk.usedBytes -= gone.size
      }
    }
    this.disk.apply(effect)
  }

  #isNamedElsewhere(node: FileNode, effect: Extract<Effect, { kind: 'names' }>): boolean {
    for (const directory of this.disk.directories) {
      for (const named of directory.names.values()) {
        if (named === node && directory !== effect.node) return true
      }
    }
    return false
  }

  #interrupt(plan: () => Effect[]): void {
    planned(plan, this.#interrupted)
  }

  #latency(kind: OperationKind): number {
    const [least, greatest] = latencyByKind[kind] ?? [5, 200]
    const micros = this.#options.random.between(least, greatest) * this.#slowness
    return this.#options.random.chance(0.02) ? micros * 30 : micros
  }

  #trace(operation: Operation<unknown>, result: string): void {
    const { kind, path, subject = '' } = operation
    this.#options.trace.add(
      `${this.#options.clock.nowMicros} ${kind} ${path} ${subject} = ${result}`,
    )
  }
}

/** Adds what a call would do now to `effects`. */
function planned(plan: () => Effect[], effects: Effect[]): void {
  try {
    effects.push(...plan())
  } catch {
    // The call would have failed, so there is nothing of it to find.
  }
}

function describe(result: unknown): string {
  if (result === undefined) return 'ok'
  if (typeof result === 'number') return String(result)
  if (Array.isArray(result)) return result.join(' ')
  if (typeof result === 'object' && result !== null && 'size' in result) {
    return typeof result.size === 'number' ? `size ${result.size}` : 'handle'
  }
  return 'ok'
}

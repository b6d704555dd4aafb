import type { Host, ProcessIdentity, Random } from '../packages/asofdb/src/host/host.ts'
import { FaultInjector, type FaultPlan } from './fault-plan.ts'
import { RandomStream } from './random.ts'
import { SimulatedClock } from './simulated-clock.ts'
import {
  afterPowerLoss,
  afterProcessDeath,
  type CrashSpec,
  pendingChanges,
  standardCrashes,
} from './simulated-crash.ts'
import { type DiskProfile, SimulatedDisk } from './simulated-disk.ts'
import { type ChooseMutations, SimulatedFiles, type WatchMutations } from './simulated-files.ts'
import { SimulatedTrace } from './simulated-trace.ts'

export interface SimulatedHostOptions {
  readonly seed: string | number
  /** The disk to start with; an empty one when absent. */
  readonly disk?: SimulatedDisk
  /** For an empty disk; `posix`, the weakest, when absent. */
  readonly profile?: DiskProfile
  readonly faults?: FaultPlan
  /** Microseconds since 1970. */
  readonly startWallMicros?: number
  readonly process?: ProcessIdentity
  /**
   * Whether calls that were under way when the machine stopped reject with `SimulatedCrash`, or,
   * as in a dead process, never settle. Calls made afterwards reject either way.
   */
  readonly crashRejects?: boolean
  /** Sees every mutating call, so that one run shows all crashes there could have been. */
  readonly watch?: WatchMutations
  /** Which of them; all when absent. */
  readonly isWatched?: ChooseMutations
}

/** 2024-01-01T00:00:00Z. */
export const usualStartWallMicros = 1_704_067_200_000_000

/** How long the machine is off between a crash and the next start. */
export const downtimeMicros = 5_000_000

/**
 * A whole machine that is a function of its seed: disk, clock, timers and randomness.
 *
 * ```ts
 * const host = new SimulatedHost({ seed, faults: { crashAt: { operation: 7, outcome: 'done' } } })
 * await host.run(async () => workload(host)).catch(ignoreSimulatedCrash)
 * for (const spec of host.crashes({ randomCount: 8 })) {
 *   const next = host.crash(spec)
 *   await next.run(async () => openAndCompare(next))
 * }
 * ```
 */
export class SimulatedHost implements Host {
  readonly seed: string
  readonly clock: SimulatedClock
  readonly timers: SimulatedClock
  readonly random: Random
  readonly files: SimulatedFiles
  readonly process: ProcessIdentity
  readonly trace = new SimulatedTrace()

  constructor(options: SimulatedHostOptions) {
    const random = new RandomStream(options.seed)
    const drawn = random.stream('host')
    this.seed = random.seed
    this.clock = new SimulatedClock({
      random: random.stream('clock'),
      startWallMicros: options.startWallMicros ?? usualStartWallMicros,
    })
    this.timers = this.clock
    this.random = {
      bytes: (length) => drawn.bytes(length),
      fraction: () => drawn.fraction(),
    }
    this.process = options.process ?? { pid: 1, hostName: 'simulated' }
    this.files = new SimulatedFiles({
      disk: options.disk ?? new SimulatedDisk(options.profile),
      clock: this.clock,
      random: random.stream('files'),
      faults: new FaultInjector(options.faults ?? {}),
      trace: this.trace,
      process: this.process,
      crashRejects: options.crashRejects ?? false,
      watch: options.watch,
      isWatched: options.isWatched,
    })
  }

  /** The outcome of `work`; virtual time advances by itself until it is there. */
  run<T>(work: Promise<T> | (() => Promise<T>)): Promise<T> {
    return this.clock.run(work)
  }

  get isStopped(): boolean {
    return this.files.isStopped
  }

  /** How many unsynced changes a power loss would decide about. Stops the machine. */
  get pendingCount(): number {
    return new Set(pendingChanges(this.files.stopped).map((change) => change.order)).size
  }

  /** The crashes worth trying now. Stops the machine. */
  crashes({ randomCount }: { randomCount: number }): CrashSpec[] {
    return standardCrashes(this.files.stopped, { seed: this.seed, randomCount })
  }

  /**
   * Power loss: stops the machine and starts another with what the disk kept. May be called any
   * number of times for different outcomes of one crash.
   */
  crash(spec: CrashSpec, options: Partial<SimulatedHostOptions> = {}): SimulatedHost {
    return this.#restart(afterPowerLoss(this.files.stopped, spec), options)
  }

  /**
   * Death of the process: as `crash`, but the page cache lives on, unsynced as it was, and each
   * call that was under way took effect, in part, or not at all, as `seed` draws.
   */
  kill(options: Partial<SimulatedHostOptions> = {}): SimulatedHost {
    const { stopped } = this.files
    return this.#restart(afterProcessDeath(stopped, options.seed ?? this.seed), options)
  }

  /**
   * Another machine with a copy of the disk as it is now, cache included. This one goes on.
   */
  fork(options: Partial<SimulatedHostOptions> = {}): SimulatedHost {
    return this.#restart(this.files.disk.fork(), options)
  }

  #restart(disk: SimulatedDisk, options: Partial<SimulatedHostOptions>): SimulatedHost {
    return new SimulatedHost({
      seed: `${this.seed}+`,
      startWallMicros: this.clock.wallMicros() + downtimeMicros,
      process: { ...this.process, pid: this.process.pid + 1 },
      ...options,
      disk,
    })
  }
}

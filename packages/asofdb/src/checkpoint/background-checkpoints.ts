import type { Host } from '../host/host.ts'
import type { CheckpointMeter } from '../observe/checkpoint-meter.ts'
import { DatabaseError, messageOf } from '../rules/errors.ts'
import type { LiveTables } from '../versions/live-tables.ts'
import { admission, checkpointDelayMs, type CheckpointTriggers } from './checkpoint-policy.ts'
import type { CheckpointReport } from './checkpoint-writer.ts'
import { type KindCounts, stateKinds, UnsavedState } from './unsaved-state.ts'

export interface BackgroundCheckpointsOptions {
  readonly host: Host
  readonly live: LiveTables
  readonly triggers: CheckpointTriggers
  /** The newest commit that a checkpoint has, and the bytes of those after it. */
  readonly sequence: number
  readonly logBytes: number
  /** How many symbols that checkpoint has. */
  readonly symbols: number
  /** Told how each attempt went. */
  readonly meter?: CheckpointMeter | undefined
  /** Makes one of everything that is applied at the call. */
  make(): Promise<CheckpointReport>
}

/**
 * Counts what no checkpoint has yet and makes one when the policy says so: after a commit, or when
 * time has come. While there is nothing to write there is no timer either. A failed attempt is made
 * again later, without anybody asking; meanwhile writes go on up to the limit.
 */
export class BackgroundCheckpoints {
  readonly #options: BackgroundCheckpointsOptions
  /** Bytes of all batches ever counted, and of those that a checkpoint has. */
  #bytes: number
  #bytesDone = 0
  #sequenceDone: number
  readonly #unsaved: UnsavedState
  /** Since when there has been something that no checkpoint has; undefined when there is not. */
  #oldestMs: number | undefined
  #running = 0
  #ended: (() => void)[] = []
  #failures = 0
  #lastFailureMs = 0
  #lastFailure: unknown
  #cancelTimer: (() => void) | undefined
  #isStopped = false

  constructor(options: BackgroundCheckpointsOptions) {
    this.#options = options
    this.#bytes = options.logBytes
    this.#sequenceDone = options.sequence
    this.#unsaved = new UnsavedState(options)
  }

  /** Why the last attempt failed; undefined when it did not. */
  get lastFailure(): unknown {
    return this.#lastFailure
  }

  /** Attempts in a row that failed. */
  get failures(): number {
    return this.#failures
  }

  /** Bytes of the commits that no checkpoint has. */
  get logBytes(): number {
    return this.#bytes - this.#bytesDone
  }

  /** How much of each kind of state no checkpoint has. */
  get unsaved(): KindCounts {
    return this.#unsaved.counts(this.#options.live.current)
  }

  /** The newest commit that a checkpoint has. */
  get sequence(): number {
    return this.#sequenceDone
  }

  /** Whether writes wait for the checkpoint under way. */
  get isBehind(): boolean {
    return !this.#isStopped && this.#admission === 'wait'
  }

  /** Resolves when the checkpoint under way has ended, one way or the other. */
  async room(): Promise<void> {
    this.consider()
    if (this.#running === 0) return
    await new Promise<void>((resolve) => this.#ended.push(resolve))
  }

  /** Throws `LogFull`. */
  mustHaveRoom(): void {
    if (this.#admission !== 'refuse') return
    const why = this.#lastFailure
    throw new DatabaseError(
      'LogFull',
      `${this.logBytes} bytes of commits are in no checkpoint, which is the limit (logBytesMax ` +
        `${this.#options.triggers.logBytesMax}), because checkpoints fail ` +
        `(${messageOf(why)}); mend that: checkpoints are tried ` +
        'again and writes taken when one succeeds, or call checkpoint()',
      { cause: why, details: { logBytes: this.logBytes, failures: this.#failures } },
    )
  }

  /** A batch was taken. */
  noteBatch(bytes: number): void {
    this.#bytes += bytes
  }

  /** Makes a checkpoint if one is due, or sees to it that it will be. Cheap where none is. */
  consider(): void {
    if (this.#isStopped || this.#running > 0) return
    if (this.#options.live.current.commits.sequence === this.#sequenceDone) return
    const delayMs = this.#delayMs()
    // A failure is kept, and told by whoever is asked.
    if (delayMs === 0) this.make().catch(() => undefined)
    else if (delayMs !== Infinity) this.#considerAfter(delayMs)
  }

  /** On demand or when due. Rejects with what failed. */
  async make(): Promise<CheckpointReport> {
    const { host, meter } = this.#options
    const startMs = host.clock.monotonicMs()
    const bytes = this.#bytes
    const symbols = this.#options.live.current.symbols.count
    this.#forgetTimer()
    this.#running++
    try {
      const report = await this.#options.make()
      this.#sequenceDone = Math.max(this.#sequenceDone, report.sequence)
      // Whatever is there beyond it has come since it began.
      const { current } = this.#options.live
      const hasMore = current.commits.sequence > this.#sequenceDone
      this.#unsaved.noteSaved({ sequence: this.#sequenceDone, symbols, startMs }, current)
      this.#oldestMs = hasMore ? startMs : undefined
      this.#bytesDone = hasMore ? Math.max(this.#bytesDone, bytes) : this.#bytes
      this.#failures = 0
      this.#lastFailure = undefined
      meter?.noteFinished(report)
      return report
    } catch (error) {
      this.#failures++
      this.#lastFailureMs = host.clock.monotonicMs()
      this.#lastFailure = error
      const retryMs = this.#isStopped ? Infinity : this.#delayMs()
      meter?.noteFailed(error, { tries: this.#failures, retryMs })
      throw error
    } finally {
      this.#running--
      this.#wake()
      this.consider()
    }
  }

  /** Nothing is made any more but on demand. */
  stop(): void {
    this.#isStopped = true
    this.#forgetTimer()
    this.#wake()
  }

  get #admission(): 'open' | 'wait' | 'refuse' {
    const need = { logBytes: this.logBytes, failures: this.#failures }
    return admission(need, this.#options.triggers)
  }

  /** Until one should be made; Infinity when only further commits can make one due. */
  #delayMs(): number {
    const { host, triggers } = this.#options
    const isTimed = this.#isTimed || this.#failures > 0
    const nowMs = isTimed ? host.clock.monotonicMs() : 0
    this.#oldestMs ??= nowMs
    return checkpointDelayMs(
      {
        logBytes: this.logBytes,
        mutations: this.#mutations(),
        sinceOldestMs: nowMs - this.#oldestMs,
        failures: this.#failures,
        sinceFailureMs: nowMs - this.#lastFailureMs,
        kinds: triggers.kinds && this.#unsaved.needs(this.#options.live.current, nowMs),
      },
      triggers,
    )
  }

  get #isTimed(): boolean {
    const { everyMs, kinds } = this.#options.triggers
    if (everyMs !== Infinity) return true
    return kinds !== undefined && stateKinds.some((kind) => kinds[kind].everyMs !== Infinity)
  }

  /** Versions that no checkpoint has. */
  #mutations(): number {
    if (this.#options.triggers.mutations === Infinity) return 0
    const { graph, keys } = this.unsaved
    return graph + keys
  }

  #considerAfter(delayMs: number): void {
    // Whole milliseconds: a remainder too small for the clock would come up again and again.
    this.#cancelTimer ??= this.#options.host.timers.after(Math.ceil(delayMs), () => {
      this.#cancelTimer = undefined
      this.consider()
    })
  }

  #forgetTimer(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #wake(): void {
    const ended = this.#ended
    if (ended.length > 0) this.#ended = []
    for (const resolve of ended) resolve()
  }
}

import { type Instant, microsToInstant } from '../encoding/instant.ts'
import type { Clock, Host } from '../host/host.ts'
import { type DatabaseError, messageOf } from '../rules/errors.ts'
import { CheckpointMeter } from './checkpoint-meter.ts'
import { ClockWatch } from './clock-watch.ts'
import { EventHub } from './event-hub.ts'
import type { EventName, Listener, RecoveringEvent, WrittenEvent } from './events.ts'
import { type Health, type HealthCode, type HealthReason, weigh } from './health.ts'
import { LogMeter } from './log-meter.ts'

const clockAheadMicrosMax = 3_600_000_000n

/** What health is judged from besides what the observer was told. */
export interface ObservedState {
  readonly unsynced: { readonly commits: number; readonly bytes: number }
  readonly checkpointSequence: number
  /** Bytes of log since that checkpoint. */
  readonly logBytes: number
  /** System time of the newest applied commit, microseconds. */
  readonly lastSystemTime: bigint
  /** What a write would be refused with. */
  readonly refusal: DatabaseError | undefined
}

/**
 * What there is to know of a running database: parts tell it what happened, and it tells those who
 * listen or ask. It decides nothing, sets no timer, and touches no file.
 */
export class Observer {
  readonly events: EventHub
  readonly log: LogMeter
  readonly checkpoints: CheckpointMeter
  readonly clock: ClockWatch
  readonly #clock: Clock
  readonly #path: string
  /** By their codes; those that pass are taken out again. */
  readonly #reasons = new Map<HealthCode, HealthReason>()
  /** The newest commit that was acknowledged, and told of if anybody listened. */
  #toldSequence = 0
  #listenerFailures = 0

  constructor({ clock, publisher }: Host, path: string) {
    this.#clock = clock
    this.#path = path
    const onListenerFailure = (error: unknown): void => this.#noteListenerFailure(error)
    this.events = new EventHub({ path, publisher, onListenerFailure })
    this.log = new LogMeter(this.events)
    this.checkpoints = new CheckpointMeter(clock, this.events)
    this.clock = new ClockWatch(clock, this.events)
  }

  /** See `Database.on`. */
  on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void {
    if (name === 'clockSet') this.clock.restart()
    return this.events.on(name, listener)
  }

  /** Opening is done. */
  noteRecovered(report: {
    readonly outcome: string
    readonly row: string
    readonly recoveredSequence: number
    readonly replayed: { readonly records: number; readonly bytes: number }
    readonly durationMs: number
  }): void {
    const { outcome, row, recoveredSequence: sequence, durationMs } = report
    const { records, bytes } = report.replayed
    this.#toldSequence = sequence
    this.events.emit('recovered', { outcome, row, sequence, records, bytes, durationMs })
  }

  /** All commits up to `sequence` are acknowledged. */
  noteAcknowledged(sequence: number): void {
    const { events } = this
    const told = this.#toldSequence
    if (sequence <= told) return
    this.#toldSequence = sequence
    if (events.isQuiet) return
    if (events.isListened('clockSet')) this.clock.check()
    if (!events.isListened('commit')) return
    for (let next = told + 1; next <= sequence; next++) events.emit('commit', { sequence: next })
  }

  /** Runs a call that writes; where somebody listens, tells how long it took and how it ended. */
  watchWrite<T>(operation: WrittenEvent['operation'], work: () => Promise<T>): Promise<T> {
    if (!this.events.isListened('written')) return work()
    const startMs = this.#clock.monotonicMs()
    const tell = (error: unknown): void => {
      const durationMs = this.#clock.monotonicMs() - startMs
      this.events.emit('written', { operation, durationMs, error })
    }
    return work().then(
      (result) => {
        tell(undefined)
        return result
      },
      (error: unknown) => {
        tell(error)
        throw error
      },
    )
  }

  /** Opening has read so much of what it has to read. */
  noteRecovering(progress: RecoveringEvent): void {
    this.events.emit('recovering', progress)
  }

  /** Once: later failures follow from the first. */
  notePoisoned(error: DatabaseError): void {
    if (this.#reasons.has('Poisoned')) return
    this.#reasons.set('Poisoned', this.#reason('Poisoned', error.message))
    this.events.emit('poisoned', { error })
  }

  /** Memory fell behind the log, which nothing mends but opening again. */
  noteBehindLog(error: DatabaseError): void {
    if (this.#reasons.has('BehindLog')) return
    this.#reasons.set('BehindLog', this.#reason('BehindLog', error.message))
    this.events.emit('poisoned', { error })
  }

  /** Compaction that nobody waits for has failed, or, without an error, succeeded. */
  noteCompaction(error: unknown): void {
    if (error === undefined) return void this.#reasons.delete('CompactionFailing')
    const message =
      'what was pruned or erased could not be removed from memory and files ' +
      `(${messageOf(error)}); mend that and call compact(), or open the database again`
    const { since } = this.#reasons.get('CompactionFailing') ?? { since: this.#now() }
    this.#reasons.set('CompactionFailing', { code: 'CompactionFailing', message, since })
  }

  noteClosing(): void {
    const message = `the database ${this.#path} is closed; open it again`
    this.#reasons.set('Closed', this.#reason('Closed', message))
  }

  noteClosed(error: unknown): void {
    this.events.emit('closed', { error })
  }

  health(state: ObservedState): Health {
    this.#noteClock(state.lastSystemTime)
    const { failure, made } = this.checkpoints
    this.#noteRefusal(state.refusal)
    const reasons = [...this.#reasons.values()]
    if (failure !== null) {
      const { since, tries, error, nextTryAt } = failure
      const next =
        nextTryAt === null
          ? 'no other is made unless asked for'
          : `the next one is made at ${nextTryAt.toString()}`
      const why = messageOf(error)
      const message = `attempts at a checkpoint fail, ${tries} so far (${why}); ${next}`
      reasons.push({ code: 'CheckpointFailing', message, since })
    }
    return {
      ...weigh(reasons),
      unsynced: state.unsynced,
      checkpoint: {
        sequence: state.checkpointSequence,
        ageMs: made?.ageMs ?? null,
        logBytes: state.logBytes,
        failure,
      },
      listenerFailures: this.#listenerFailures,
    }
  }

  /** Looks how far system time is ahead of the wall clock. */
  #noteClock(lastSystemTime: bigint): void {
    const ahead = lastSystemTime - BigInt(this.#clock.wallMicros())
    if (ahead <= clockAheadMicrosMax) {
      this.#reasons.delete('ClockAhead')
      return
    }
    const message =
      `the last commit has the system time ${microsToInstant(lastSystemTime).toString()}, ` +
      `${ahead / 60_000_000n} minutes later than the wall clock: set the clock right; until it ` +
      'has caught up, each commit is a microsecond later than the one before'
    const { since } = this.#reasons.get('ClockAhead') ?? { since: this.#now() }
    this.#reasons.set('ClockAhead', { code: 'ClockAhead', message, since })
  }

  /** Why writes are refused, where nobody has told; such a reason may pass. */
  #noteRefusal(refusal: DatabaseError | undefined): void {
    const code = refusal?.code === 'LogFull' ? 'LogFull' : 'ReadOnly'
    const isTold = this.#reasons.has('Poisoned') || this.#reasons.has('BehindLog')
    const known = this.#reasons.get(code)
    this.#reasons.delete('LogFull')
    this.#reasons.delete('ReadOnly')
    if (refusal === undefined || isTold) return
    const since = known?.since ?? this.#now()
    this.#reasons.set(code, { code, message: refusal.message, since })
  }

  #noteListenerFailure(error: unknown): void {
    this.#listenerFailures += 1
    const { since } = this.#reasons.get('ListenerFailing') ?? { since: this.#now() }
    const message =
      `listeners to events have thrown ${this.#listenerFailures} times, last: ` +
      `${messageOf(error)}; mend them`
    this.#reasons.set('ListenerFailing', { code: 'ListenerFailing', message, since })
  }

  #reason(code: HealthCode, message: string): HealthReason {
    return { code, message, since: this.#now() }
  }

  #now(): Instant {
    return microsToInstant(BigInt(this.#clock.wallMicros()))
  }
}

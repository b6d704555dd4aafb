import { invariant } from '../rules/invariant.ts'
import type { TurnPace } from './turn-pace.ts'

/** One commit on its way into the log. */
export interface LogEntry {
  readonly sequence: number
  /** Microseconds since 1970. */
  readonly systemTime: bigint
  readonly payload: Uint8Array
}

/** Makes frozen groups of entries as durable as was asked for. */
export interface GroupSink {
  /** How many entries from the front of the queue, at least one, make the next group. */
  groupLength(queue: readonly LogEntry[]): number
  /**
   * Commits the group without leaving the turn when that is the quicker way; false when it did
   * nothing.
   */
  commitNow(group: readonly LogEntry[]): boolean
  commit(group: readonly LogEntry[]): Promise<void>
  /** Called when a commit failed; must halt the group commit. */
  fail(group: readonly LogEntry[], error: unknown): Promise<unknown>
  /** Everything up to `sequence` is as durable as was asked for. Comes before any promise. */
  acknowledge(sequence: number): void
}

/** Why nothing goes on: for the entries of a group, and for all others. */
export interface Halt {
  readonly error: Error
  readonly group: readonly LogEntry[]
  readonly groupError: Error
}

interface Waiter {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

const settled = Promise.resolve()

/**
 * Many waiting commits, one sync. An entry goes through these states and no others: queued, then
 * frozen into a group, then written, then synced (where the mode asks for it), then acknowledged.
 *
 * A group is frozen before its write begins. Whatever arrives while a write or a sync runs belongs
 * to a later group, because a sync covers only what had returned before it was entered. There is
 * one group under way at a time and one place that acknowledges, so acknowledgements come in the
 * order of the sequences.
 *
 * When to freeze decides the speed. A caller that is alone is served within its own turn, in a
 * microtask, so that several commits of one turn share a sync. Where several wait, those whom an
 * acknowledgement resumes have their next commits ready a few microtasks later; so one turn of the
 * event loop passes before the next group is frozen, and they all land in it. A turn passes, too,
 * when a caller that is alone has had the event loop for long, and always where nobody waits.
 */
export class GroupCommit {
  readonly #turns: TurnPace
  readonly #isAwaited: boolean
  readonly #sink: GroupSink
  readonly #waiters = new Map<number, Waiter>()
  #queue: LogEntry[] = []
  #idleCalls: (() => void)[] = []
  #acknowledgedSequence: number
  #lastSequence: number
  #isScheduled = false
  #isBusy = false
  #isCrowded = false
  #halted: Error | undefined

  constructor(parts: {
    turns: TurnPace
    sink: GroupSink
    lastSequence: number
    /** Whether those who append wait for the log. */
    isAwaited: boolean
  }) {
    this.#turns = parts.turns
    this.#isAwaited = parts.isAwaited
    this.#sink = parts.sink
    this.#lastSequence = parts.lastSequence
    this.#acknowledgedSequence = parts.lastSequence
  }

  get acknowledgedSequence(): number {
    return this.#acknowledgedSequence
  }

  /** The newest entry that was enqueued. */
  get lastSequence(): number {
    return this.#lastSequence
  }

  /** Nothing is queued or under way. */
  get isIdle(): boolean {
    return !this.#isBusy && this.#queue.length === 0
  }

  enqueue(entry: LogEntry): void {
    invariant(this.#halted === undefined, 'nothing is enqueued after a failure')
    invariant(entry.sequence === this.#lastSequence + 1, 'sequences in the log are dense')
    this.#lastSequence = entry.sequence
    this.#queue.push(entry)
    this.#schedule()
  }

  /** Settles with the entry: resolves acknowledged or rejects, in the order of the sequences. */
  acknowledged(sequence: number): Promise<void> {
    if (sequence <= this.#acknowledgedSequence) return settled
    invariant(sequence <= this.#lastSequence, 'only what was appended can be waited for')
    if (this.#halted) return Promise.reject(this.#halted)
    const known = this.#waiters.get(sequence)
    if (known) return known.promise
    const waiter = makeWaiter()
    this.#waiters.set(sequence, waiter)
    return waiter.promise
  }

  /** Resolves when no group is under way; others may be queued. */
  idle(): Promise<void> {
    if (!this.#isBusy) return settled
    return new Promise((resolve) => this.#idleCalls.push(resolve))
  }

  /** Runs `task` while no group is under way. */
  async exclusively(task: () => Promise<void>): Promise<void> {
    while (this.#isBusy) await this.idle()
    this.#isBusy = true
    try {
      await task()
    } finally {
      this.#leave()
    }
  }

  /**
   * Rejects everything that is not acknowledged, now and for ever: the entries of `group` with
   * `groupError`, all others with `error`.
   */
  halt({ error, group, groupError }: Halt): void {
    invariant(this.#halted === undefined, 'a failure is final')
    this.#halted = error
    this.#queue = []
    const failed = new Set(group.map((entry) => entry.sequence))
    const waiting = [...this.#waiters].sort(([left], [right]) => left - right)
    this.#waiters.clear()
    for (const [sequence, waiter] of waiting) {
      waiter.reject(failed.has(sequence) ? groupError : error)
    }
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isBusy) return
    this.#isScheduled = true
    if (this.#isCrowded || !this.#isAwaited || this.#turns.isLong) {
      void this.#turns.yieldTurn().then(() => this.#start())
    } else {
      queueMicrotask(() => this.#start())
    }
  }

  #start(): void {
    this.#isScheduled = false
    if (this.#isBusy || this.#queue.length === 0) return
    this.#isBusy = true
    void this.#run()
  }

  /** Never rejects: a failure halts. */
  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#freeze()
      try {
        if (!this.#sink.commitNow(group)) await this.#sink.commit(group)
        this.#acknowledge(group)
      } catch (error) {
        await this.#sink.fail(group, error)
        invariant(this.#halted !== undefined, 'a failure halts')
      }
      // Those resumed just now, and those that came meanwhile, share the next group.
      if (this.#isCrowded && this.#queue.length > 0) await this.#turns.yieldTurn()
    }
    this.#leave()
  }

  #leave(): void {
    invariant(this.#isBusy, 'what ends was under way')
    this.#isBusy = false
    const calls = this.#idleCalls
    if (calls.length > 0) this.#idleCalls = []
    for (const resolve of calls) resolve()
    if (this.#queue.length > 0) this.#schedule()
  }

  #freeze(): readonly LogEntry[] {
    const queue = this.#queue
    const length = this.#sink.groupLength(queue)
    invariant(length >= 1 && length <= queue.length, 'a group is a part of the queue')
    if (length < queue.length) return queue.splice(0, length)
    this.#queue = []
    return queue
  }

  /** The only place that acknowledges. */
  #acknowledge(group: readonly LogEntry[]): void {
    // Poisoned meanwhile, by a sync of the timer: what is rejected stays rejected.
    if (this.#halted) return
    this.#isCrowded = group.length + this.#queue.length > 1
    const last = this.#acknowledgedSequence + group.length
    invariant(group[0]?.sequence === this.#acknowledgedSequence + 1, 'acknowledged in order')
    this.#acknowledgedSequence = last
    this.#sink.acknowledge(last)
    if (this.#waiters.size === 0) return
    invariant(group.at(-1)?.sequence === last, 'a group has no gaps')
    for (const { sequence } of group) {
      const waiter = this.#waiters.get(sequence)
      if (waiter === undefined) continue
      this.#waiters.delete(sequence)
      waiter.resolve()
    }
  }
}

function makeWaiter(): Waiter {
  let resolve = () => {}
  let reject = (_error: Error) => {}
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}

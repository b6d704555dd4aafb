import type { Clock, Timers } from '../packages/asofdb/src/host/host.ts'
import type { RandomStream } from './random.ts'

/** The simulated machine is off: by power loss, by a kill, or by a crash point of the plan. */
export class SimulatedCrash extends Error {
  override readonly name = 'SimulatedCrash'
}

interface ScheduledEvent {
  readonly atMicros: number
  readonly order: number
  readonly isTimer: boolean
  readonly happen: () => void
}

export interface SimulatedClockOptions {
  readonly random: RandomStream
  readonly startWallMicros: number
}

/** Turns of the real event loop are let in this often, so that a test runner stays responsive. */
const stepsPerRealTurn = 4096

/**
 * Virtual time and the queue of everything that is to happen in it. No real timer is ever set.
 *
 * Whatever the program does in answer to an event is done when the microtasks have run dry, so the
 * next event waits for that: `process.nextTick` from a microtask runs exactly then. Events come in
 * the order of their times, which are drawn from the seed; so does the order in which file
 * operations complete. Operations complete on their own; timers fire as their time passes, and
 * time jumps to the next timer only while `run` waits for something.
 */
export class SimulatedClock implements Clock, Timers {
  readonly #random: RandomStream
  #wallOffsetMicros: number
  #nowMicros = 0
  #order = 0
  #steps = 0
  #operations = 0
  #isTurnSet = false
  #stopped: SimulatedCrash | undefined
  readonly #events: ScheduledEvent[] = []
  readonly #runs = new Set<(error: Error) => void>()

  constructor({ random, startWallMicros }: SimulatedClockOptions) {
    this.#random = random
    this.#wallOffsetMicros = startWallMicros
  }

  wallMicros(): number {
    return Math.floor(this.#wallOffsetMicros + this.#nowMicros)
  }

  monotonicMs(): number {
    return this.#nowMicros / 1000
  }

  /** Moves the wall clock, either way; the monotonic clock does not notice. */
  jumpWall(byMicros: number): void {
    this.#wallOffsetMicros += byMicros
  }

  /** Passes time without letting anything happen, as a long computation does. */
  passMicros(micros: number): void {
    this.#nowMicros += micros
  }

  after(delayMs: number, task: () => void): () => void {
    const event = this.#add(Math.max(0, delayMs) * 1000, { isTimer: true, happen: task })
    return () => this.#remove(event)
  }

  yieldTurn(): Promise<void> {
    return new Promise((resolve) => this.operation(this.#random.below(20), resolve))
  }

  /** Lets `happen` run once `latencyMicros` have passed; until then there is work under way. */
  operation(latencyMicros: number, happen: () => void): void {
    this.#operations += 1
    this.#add(latencyMicros, { isTimer: false, happen })
  }

  /**
   * The outcome of `work`, with time advancing by itself until it is there. Rejects with
   * `SimulatedCrash` when the machine stops, and with an error when nothing is left to happen.
   */
  run<T>(work: Promise<T> | (() => Promise<T>)): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) return reject(this.#stopped)
      this.#runs.add(reject)
      const leave = () => this.#runs.delete(reject)
      const outcome = typeof work === 'function' ? (async () => work())() : work
      outcome.finally(leave).then(resolve, reject)
      this.#setTurn()
    })
  }

  /** Nothing happens any more: no timer, no completion. What `run` waits for rejects. */
  stop(reason: SimulatedCrash): void {
    this.#stopped ??= reason
    this.#events.length = 0
    this.#operations = 0
    for (const reject of this.#runs) reject(this.#stopped)
    this.#runs.clear()
  }

  /** Microseconds since the start of this machine. */
  get nowMicros(): number {
    return Math.floor(this.#nowMicros)
  }

  #add(delayMicros: number, event: Pick<ScheduledEvent, 'isTimer' | 'happen'>): ScheduledEvent {
    this.#order += 1
    const added = { ...event, atMicros: this.#nowMicros + delayMicros, order: this.#order }
    if (this.#stopped) return added
    this.#events.push(added)
    this.#setTurn()
    return added
  }

  #remove(event: ScheduledEvent): void {
    const index = this.#events.indexOf(event)
    if (index >= 0) this.#events.splice(index, 1)
  }

  #setTurn(): void {
    if (this.#isTurnSet || this.#stopped) return
    if (this.#operations === 0 && this.#runs.size === 0) return
    this.#isTurnSet = true
    this.#steps += 1
    const turn = () => this.#turn()
    const isIdle = this.#events.length === 0
    if (isIdle || this.#steps % stepsPerRealTurn === 0) setImmediate(turn)
    // A turn set outside a microtask would come before the microtasks without the detour.
    else queueMicrotask(() => process.nextTick(turn))
  }

  #turn(): void {
    this.#isTurnSet = false
    if (this.#stopped) return
    const event = this.#takeNext()
    if (!event) {
      for (const reject of this.#runs) reject(new Error('simulation: waits for nothing, for ever'))
      this.#runs.clear()
      return
    }
    this.#nowMicros = Math.max(this.#nowMicros, event.atMicros)
    if (!event.isTimer) this.#operations -= 1
    try {
      event.happen()
    } finally {
      // A timer task that throws is an uncaught exception, and does not stop the machine.
      this.#setTurn()
    }
  }

  #takeNext(): ScheduledEvent | undefined {
    let best: ScheduledEvent | undefined
    for (const event of this.#events) {
      if (!best || event.atMicros < best.atMicros) best = event
      else if (event.atMicros === best.atMicros && event.order < best.order) best = event
    }
    if (best) this.#remove(best)
    return best
  }
}

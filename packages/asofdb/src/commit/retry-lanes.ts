import type { Host } from '../host/host.ts'
import type { DatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'

/** From so many losses on a transaction runs alone, and others begin after it. */
const lossesBeforePriority = 3
/** How long one waits for another that runs, at the first loss; longer after each. */
const patienceMs = 100
const patienceDoublingsMax = 8

/** One's turn in a lane: the next one's comes at its end. */
export interface Turn {
  end(): void
}

interface Waiter {
  readonly patienceMs: number
  readonly proceed: (turn: Turn) => void
}

const noTurn: Turn = { end: () => {} }

/**
 * A queue of those that run one after another, in the order in which they came. It trusts nobody to
 * end: who stands first goes on when the turn before has lasted longer than its patience. So one
 * whose turn it is may wait for something behind it in the queue and both get through.
 */
export class Lane {
  readonly #timers: Host['timers']
  #current: Turn | undefined
  /** How long whose turn it is would have waited for it. */
  #currentMs = 0
  readonly #waiting: Waiter[] = []
  readonly #passing = new Set<() => void>()
  #cancelTimer: (() => void) | undefined

  constructor(timers: Host['timers']) {
    this.#timers = timers
  }

  /** Whether it is somebody's turn. */
  get isBusy(): boolean {
    return this.#current !== undefined
  }

  /** Whether this turn is not over. */
  isTurn(turn: Turn): boolean {
    return this.#current === turn
  }

  /** Resolves when one's turn has come; at the latest so long after one stands first. */
  enter(waitMs: number): Promise<Turn> {
    if (this.#current === undefined) return Promise.resolve(this.#begin(waitMs))
    return new Promise((proceed) => {
      this.#waiting.push({ patienceMs: waitMs, proceed })
      if (this.#waiting.length === 1) this.#watch(waitMs)
    })
  }

  /**
   * Resolves when nobody's turn is left, or after as long as the one whose turn it is would have
   * waited; that one's turn is over then, so that nobody is held up by it again.
   */
  pass(): Promise<void> {
    const held = this.#current
    if (held === undefined) return Promise.resolve()
    return new Promise((resolve) => {
      const goOn = (): void => {
        cancel()
        this.#passing.delete(goOn)
        resolve()
      }
      const overtake = (): void => {
        goOn()
        this.#end(held)
      }
      const cancel = this.#timers.after(this.#currentMs, overtake, { keepsProcess: true })
      this.#passing.add(goOn)
    })
  }

  /** Lets everybody go on at once. */
  disband(): void {
    this.#cancelTimer?.()
    this.#current = undefined
    for (const { proceed } of this.#waiting.splice(0)) proceed(noTurn)
    for (const goOn of this.#passing) goOn()
  }

  #begin(waitMs: number): Turn {
    invariant(this.#current === undefined, 'a turn begins when the one before is over')
    const turn = { end: () => this.#end(turn) }
    this.#current = turn
    this.#currentMs = waitMs
    return turn
  }

  /** Who was overtaken has no turn any more that could end. */
  #end(turn: Turn): void {
    if (this.#current === turn) this.#next()
  }

  #next(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#current = undefined
    const first = this.#waiting.shift()
    first?.proceed(this.#begin(first.patienceMs))
    const [second] = this.#waiting
    if (second !== undefined) this.#watch(second.patienceMs)
    if (first === undefined) for (const goOn of this.#passing) goOn()
  }

  #watch(waitMs: number): void {
    this.#cancelTimer = this.#timers.after(waitMs, () => this.#next(), { keepsProcess: true })
  }
}

/**
 * How transactions that lost a race run again. Together they would meet again, and all but one lose
 * again; so those that lost over the same entity queue up in a lane. Who has lost repeatedly, to
 * others that came anew or in other lanes, gets priority: it runs alone, and who would begin waits.
 * Every wait ends after a while, with jitter; what is not waited for is only less likely to win.
 */
export class RetryLanes {
  readonly #host: Pick<Host, 'timers' | 'random'>
  readonly #lanes = new Map<unknown, Lane>()
  readonly #priority: Lane

  constructor(host: Pick<Host, 'timers' | 'random'>) {
    this.#host = host
    this.#priority = new Lane(host.timers)
  }

  /** Whether nobody runs again or waits to. */
  get isIdle(): boolean {
    return this.#lanes.size === 0 && !this.#priority.isBusy
  }

  /** Whether who begins now should `pass` first. */
  get isPriorityTaken(): boolean {
    return this.#priority.isBusy
  }

  /** Waits for those that have priority. */
  pass(): Promise<void> {
    return this.#priority.pass()
  }

  /**
   * Resolves when a transaction that has lost so often, the last time by `loss`, may run again.
   * `before` is the turn in which it lost, not ended yet: one with priority goes on, because those
   * that it holds back would else begin beside it, and win again.
   */
  async turn(loss: DatabaseError, losses: number, before?: Turn): Promise<Turn> {
    invariant(losses > 0, 'who has not lost just begins')
    if (before !== undefined) {
      if (this.#priority.isTurn(before)) return before
      before.end()
    }
    if (losses >= lossesBeforePriority) return this.#priority.enter(this.#patience(losses))
    const over = loss.details['id']
    let lane = this.#lanes.get(over)
    if (lane === undefined) {
      lane = new Lane(this.#host.timers)
      this.#lanes.set(over, lane)
    }
    const turn = await lane.enter(this.#patience(losses))
    if (this.isPriorityTaken) await this.pass()
    return {
      end: () => {
        turn.end()
        if (lane.isBusy || this.#lanes.get(over) !== lane) return
        this.#lanes.delete(over)
      },
    }
  }

  /** Lets everybody go on at once: nothing will run any more. */
  disband(): void {
    for (const lane of [...this.#lanes.values(), this.#priority]) lane.disband()
    this.#lanes.clear()
  }

  #patience(losses: number): number {
    const doublings = Math.min(losses - 1, patienceDoublingsMax)
    return patienceMs * 2 ** doublings * (0.5 + this.#host.random.fraction())
  }
}

import type { Publisher } from '../host/host.ts'
import { DatabaseError } from '../rules/errors.ts'
import {
  type DatabaseEvents,
  type EventName,
  eventNames,
  type Listener,
  type Listeners,
} from './events.ts'

/** An own object for each call of `on`, so that one function may listen twice. */
interface Subscription<Name extends EventName> {
  readonly listener: Listener<Name>
}

type Subscriptions = { readonly [Name in EventName]: Set<Subscription<Name>> }

export interface EventHubParts {
  /** As given to `open`; part of what is published. */
  readonly path: string
  readonly publisher: Publisher | undefined
  /** Told what a listener threw. */
  onListenerFailure(error: unknown): void
}

/**
 * Passes events on. They are delivered in the microtasks of the turn in which they happened, in
 * order and outside of every step of the database: so a listener finds it in a whole state, may
 * call it, and can't keep a step from being finished. What a listener throws is counted, and the
 * others are called all the same.
 */
export class EventHub {
  readonly #parts: EventHubParts
  readonly #subscriptions: Subscriptions = {
    commit: new Set(),
    written: new Set(),
    checkpointStarted: new Set(),
    checkpointFinished: new Set(),
    checkpointFailed: new Set(),
    logRotated: new Set(),
    logSynced: new Set(),
    poisoned: new Set(),
    clockSet: new Set(),
    recovering: new Set(),
    recovered: new Set(),
    closed: new Set(),
  }
  #subscriptionCount = 0
  #deliveries: (() => void)[] = []

  constructor(parts: EventHubParts) {
    this.#parts = parts
  }

  /** Whether nobody listens to anything: the one question that each commit asks. */
  get isQuiet(): boolean {
    return this.#subscriptionCount === 0 && this.#parts.publisher?.hasSubscribers !== true
  }

  /** Whether it is worth making an event: where it is not, nothing should be allocated for it. */
  isListened(name: EventName): boolean {
    return this.#subscriptions[name].size > 0 || this.#parts.publisher?.hasSubscribers === true
  }

  /** Throws `InvalidArgument`. Returns a function that ends the subscription. */
  on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void {
    this.#mustBeEvent(name)
    if (typeof listener !== 'function') {
      throw new DatabaseError('InvalidArgument', `the listener to ${name} is a function`)
    }
    const subscriptions: Set<Subscription<Name>> = this.#subscriptions[name]
    const subscription = { listener }
    subscriptions.add(subscription)
    this.#subscriptionCount++
    return () => {
      if (subscriptions.delete(subscription)) this.#subscriptionCount--
    }
  }

  /** Throws `InvalidArgument`. */
  addAll(listeners: Listeners): void {
    for (const name of Object.keys(listeners)) this.#mustBeEvent(name)
    for (const name of eventNames) this.#add(name, listeners)
  }

  emit<Name extends EventName>(name: Name, event: DatabaseEvents[Name]): void {
    if (!this.isListened(name)) return
    this.#deliveries.push(() => this.#deliver(name, event))
    if (this.#deliveries.length === 1) queueMicrotask(() => this.#deliverAll())
  }

  #add<Name extends EventName>(name: Name, listeners: Listeners): void {
    const listener: Listener<Name> | undefined = listeners[name]
    if (listener !== undefined) this.on(name, listener)
  }

  #mustBeEvent(name: string): void {
    if (Object.hasOwn(this.#subscriptions, name)) return
    throw new DatabaseError(
      'InvalidArgument',
      `there is no event ${String(name)}; the events are ${eventNames.join(', ')}`,
    )
  }

  #deliverAll(): void {
    const deliveries = this.#deliveries
    this.#deliveries = []
    for (const deliver of deliveries) deliver()
  }

  #deliver<Name extends EventName>(name: Name, event: DatabaseEvents[Name]): void {
    const subscriptions: Set<Subscription<Name>> = this.#subscriptions[name]
    // Those that come while it is delivered hear of the next one.
    const called = [...subscriptions]
    for (const subscription of called) {
      // One that an earlier listener has just ended hears nothing more.
      if (!subscriptions.has(subscription)) continue
      this.#attempt(() => subscription.listener(event))
    }
    const { publisher, path } = this.#parts
    if (publisher?.hasSubscribers === true) {
      this.#attempt(() => publisher.publish({ name, path, event }))
    }
  }

  #attempt(call: () => unknown): void {
    const fail = (error: unknown): void => this.#parts.onListenerFailure(error)
    try {
      const result = call()
      // An async function is no listener by its type, but easily given as one.
      if (result instanceof Promise) result.catch(fail)
    } catch (error) {
      fail(error)
    }
  }
}

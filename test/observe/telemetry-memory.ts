/** Providers of OpenTelemetry that keep what they are given, written against its API alone. */
import type {
  Attributes,
  AttributeValue,
  BatchObservableCallback,
  Context,
  Meter,
  MeterProvider,
  MetricOptions,
  Observable,
  Span,
  SpanContext,
  SpanOptions,
  SpanStatus,
  Tracer,
  TracerProvider,
} from '@opentelemetry/api'
import { createNoopMeter } from '@opentelemetry/api'

export interface Instrument {
  readonly name: string
  readonly kind: string
  readonly options: MetricOptions
}

export interface Measurement {
  readonly name: string
  readonly value: number
  readonly attributes: Attributes
}

interface Callback {
  readonly callback: BatchObservableCallback
  readonly observables: readonly Observable[]
}

export class MemoryMeterProvider implements MeterProvider {
  readonly meters: string[] = []
  readonly instruments: Instrument[] = []
  /** What synchronous instruments were given, in order. */
  readonly recorded: Measurement[] = []
  readonly #callbacks: Callback[] = []
  readonly #names = new Map<unknown, string>()

  getMeter(name: string): Meter {
    this.meters.push(name)
    const record = (instrument: string) => (value: number, attributes?: Attributes) =>
      void this.recorded.push({ name: instrument, value, attributes: attributes ?? {} })
    const observable = (kind: string) => (instrument: string, options?: MetricOptions) => {
      const made = createNoopMeter().createObservableGauge(instrument)
      const own = Object.create(made)
      this.instruments.push({ name: instrument, kind, options: options ?? {} })
      this.#names.set(own, instrument)
      return own
    }
    const synchronous = (kind: string) => (instrument: string, options?: MetricOptions) => {
      this.instruments.push({ name: instrument, kind, options: options ?? {} })
      return { record: record(instrument), add: record(instrument) }
    }
    return {
      createGauge: synchronous('gauge'),
      createHistogram: synchronous('histogram'),
      createCounter: synchronous('counter'),
      createUpDownCounter: synchronous('upDownCounter'),
      createObservableGauge: observable('observableGauge'),
      createObservableCounter: observable('observableCounter'),
      createObservableUpDownCounter: observable('observableUpDownCounter'),
      addBatchObservableCallback: (callback, observables) => {
        this.#callbacks.push({ callback, observables })
      },
      removeBatchObservableCallback: (callback) => {
        const at = this.#callbacks.findIndex((one) => one.callback === callback)
        if (at >= 0) this.#callbacks.splice(at, 1)
      },
    }
  }

  /** How many callbacks a reader would call. */
  get callbackCount(): number {
    return this.#callbacks.length
  }

  /** What a reader collects at this moment from the observable instruments. */
  collect(): Measurement[] {
    const measurements: Measurement[] = []
    for (const { callback, observables } of this.#callbacks) {
      void callback({
        observe: (observable, value, attributes) => {
          const name = this.#names.get(observable)
          if (name === undefined || !observables.includes(observable)) {
            throw new Error('only what was registered may be observed')
          }
          measurements.push({ name, value, attributes: attributes ?? {} })
        },
      })
    }
    return measurements
  }
}

export class MemorySpan implements Span {
  readonly name: string
  readonly options: SpanOptions
  readonly attributes: Attributes
  readonly exceptions: unknown[] = []
  status: SpanStatus | undefined
  isEnded = false

  constructor(name: string, options: SpanOptions) {
    this.name = name
    this.options = options
    this.attributes = { ...options.attributes }
  }

  spanContext(): SpanContext {
    return { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 }
  }

  setAttribute(key: string, value: AttributeValue): this {
    this.attributes[key] = value
    return this
  }

  setAttributes(attributes: Attributes): this {
    Object.assign(this.attributes, attributes)
    return this
  }

  addEvent(): this {
    return this
  }

  addLink(): this {
    return this
  }

  addLinks(): this {
    return this
  }

  setStatus(status: SpanStatus): this {
    this.status = status
    return this
  }

  updateName(): this {
    return this
  }

  end(): void {
    if (this.isEnded) throw new Error('a span ends once')
    this.isEnded = true
  }

  isRecording(): boolean {
    return !this.isEnded
  }

  recordException(exception: unknown): void {
    this.exceptions.push(exception)
  }
}

export class MemoryTracerProvider implements TracerProvider {
  readonly spans: MemorySpan[] = []

  getTracer(): Tracer {
    const startSpan = (name: string, options: SpanOptions = {}, _context?: Context): Span => {
      const span = new MemorySpan(name, options)
      this.spans.push(span)
      return span
    }
    const startActiveSpan: Tracer['startActiveSpan'] = () => {
      throw new Error('nothing here runs inside a span')
    }
    return { startSpan, startActiveSpan }
  }
}

import {
  type Attributes,
  type BatchObservableCallback,
  type Meter,
  type MeterProvider,
  metrics,
  type Observable,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api'
import type { Database } from './database.ts'
import type { HealthStatus } from './observe/health.ts'
import { isDatabaseError } from './rules/errors.ts'
import type { Stats } from './storage.ts'

export interface OpenTelemetryOptions {
  /** Default: the global one, which does nothing until an SDK is set up. */
  readonly meterProvider?: MeterProvider | undefined
  /** Default: the global one. */
  readonly tracerProvider?: TracerProvider | undefined
  /** The value of the attribute `db.namespace`. Default: the path given to `open`. */
  readonly namespace?: string | undefined
}

const instrumentationName = 'asofdb'

/** As the conventions for database clients have them, seconds. */
const operationBounds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]
const syncBounds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1]
const checkpointBounds = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 50, 100]

/**
 * Gives figures and durations of an open database to OpenTelemetry: metrics, and a span for each
 * checkpoint. Figures are taken when a reader collects them, so nothing runs in between. Returns a
 * function that ends it; closing the database ends it, too.
 *
 * Throws `Closed` when the database is closed.
 */
export function observeWithOpenTelemetry(
  database: Database,
  options: OpenTelemetryOptions = {},
): () => void {
  const { meterProvider = metrics, tracerProvider = trace, namespace = database.path } = options
  const of: Attributes = { 'db.system.name': 'asofdb', 'db.namespace': namespace }
  const meter = meterProvider.getMeter(instrumentationName)
  const tracer = tracerProvider.getTracer(instrumentationName)
  const stops = [
    observeFigures(database, meter, of),
    observeDurations(database, meter, of),
    traceCheckpoints(database, tracer, of),
  ]
  const stop = (): void => {
    for (const end of stops.splice(0)) end()
  }
  stops.push(database.on('closed', stop))
  return stop
}

interface Figure {
  readonly name: string
  readonly kind: 'gauge' | 'counter' | 'upDownCounter'
  readonly unit: string
  readonly description: string
  /** Values at this moment, each with the attributes that tell it from the others. */
  read(stats: Stats, status: HealthStatus): readonly (readonly [number, Attributes?])[]
}

const statuses: readonly HealthStatus[] = ['ok', 'degraded', 'readonly', 'failed']

/** A figure for each of several kinds of one thing. */
function byKind(kinds: Readonly<Record<string, number>>): [number, Attributes][] {
  return Object.entries(kinds).map(([kind, value]) => [value, { 'asofdb.kind': kind }])
}

const figures: readonly Figure[] = [
  {
    name: 'asofdb.health',
    kind: 'gauge',
    unit: '1',
    description: '0 ok, 1 degraded, 2 readonly, 3 failed',
    read: (_, status) => [[statuses.indexOf(status)]],
  },
  {
    name: 'asofdb.sequence',
    kind: 'gauge',
    unit: '{commit}',
    description: 'The newest commit that is acknowledged, applied, durable, or in a checkpoint',
    read: ({ sequence: acknowledged, appliedSequence, durableSequence, checkpoint }) =>
      byKind({
        acknowledged,
        applied: appliedSequence,
        durable: durableSequence,
        checkpoint: checkpoint.sequence,
      }),
  },
  {
    name: 'asofdb.commits',
    kind: 'counter',
    unit: '{commit}',
    description: 'Commits acknowledged since the opening',
    read: ({ sequence, recovered }) => [[sequence - recovered.sequence]],
  },
  {
    name: 'asofdb.log.size',
    kind: 'upDownCounter',
    unit: 'By',
    description: 'All segments of the log on the disk',
    read: ({ log }) => [[log.bytes]],
  },
  {
    name: 'asofdb.log.segments',
    kind: 'upDownCounter',
    unit: '{segment}',
    description: 'Segments of the log on the disk',
    read: ({ log }) => [[log.segments]],
  },
  {
    name: 'asofdb.log.unsynced.size',
    kind: 'upDownCounter',
    unit: 'By',
    description: 'Records of applied commits that a power cut could take',
    read: ({ log }) => [[log.unsyncedBytes]],
  },
  {
    name: 'asofdb.log.unsynced.commits',
    kind: 'upDownCounter',
    unit: '{commit}',
    description: 'Applied commits that a power cut could take',
    read: ({ log }) => [[log.unsyncedCommits]],
  },
  {
    name: 'asofdb.log.pending.size',
    kind: 'upDownCounter',
    unit: 'By',
    description: 'Records of the commits that no checkpoint has',
    read: ({ log }) => [[log.bytesSinceCheckpoint]],
  },
  {
    name: 'asofdb.checkpoint.size',
    kind: 'upDownCounter',
    unit: 'By',
    description: 'All checkpoint files on the disk',
    read: ({ bytes }) => [[bytes.checkpoint]],
  },
  {
    name: 'asofdb.checkpoint.age',
    kind: 'gauge',
    unit: 's',
    description: 'Since the last checkpoint of this opening was finished; absent before it',
    read: ({ checkpoint: { last } }) => (last === null ? [] : [[last.ageMs / 1000]]),
  },
  {
    name: 'asofdb.transactions.open',
    kind: 'upDownCounter',
    unit: '{transaction}',
    description: 'Begun, and neither committed nor cancelled',
    read: ({ transactions }) => [[transactions.open]],
  },
  {
    name: 'asofdb.memory.size',
    kind: 'upDownCounter',
    unit: 'By',
    description: 'Memory of tables, payloads and adjacency',
    read: ({ bytes: { tables, payloads, adjacency } }) => byKind({ tables, payloads, adjacency }),
  },
  {
    name: 'asofdb.versions',
    kind: 'upDownCounter',
    unit: '{version}',
    description: 'Versions of nodes, edges and keys',
    read: ({ versions: { nodes, edges, keys } }) => byKind({ nodes, edges, keys }),
  },
  {
    name: 'asofdb.recovery.duration',
    kind: 'gauge',
    unit: 's',
    description: 'What opening took',
    read: ({ recovered }) => [[recovered.durationMs / 1000]],
  },
]

/** Statistics and health, taken once for each collection. */
function observeFigures(database: Database, meter: Meter, of: Attributes): () => void {
  const observables = figures.map(({ name, kind, unit, description }): Observable => {
    const options = { unit, description }
    if (kind === 'gauge') return meter.createObservableGauge(name, options)
    if (kind === 'counter') return meter.createObservableCounter(name, options)
    return meter.createObservableUpDownCounter(name, options)
  })
  const observe: BatchObservableCallback = (result) => {
    const { status, reasons } = database.health()
    // While it is being closed there are no statistics; the event that ends this is on its way.
    if (reasons.some(({ code }) => code === 'Closed')) return
    const stats = database.stats()
    for (const [index, figure] of figures.entries()) {
      const observable = observables[index]
      if (observable === undefined) continue
      for (const [value, more] of figure.read(stats, status)) {
        result.observe(observable, value, { ...of, ...more })
      }
    }
  }
  meter.addBatchObservableCallback(observe, observables)
  return () => meter.removeBatchObservableCallback(observe, observables)
}

/** What takes time, and what fails, as it happens. */
function observeDurations(database: Database, meter: Meter, of: Attributes): () => void {
  const histogram = (name: string, description: string, bounds: number[]) =>
    meter.createHistogram(name, {
      unit: 's',
      description,
      advice: { explicitBucketBoundaries: bounds },
    })
  const operations = histogram(
    'db.client.operation.duration',
    'Duration of database client operations.',
    operationBounds,
  )
  const syncs = histogram('asofdb.log.sync.duration', 'Syncs of the log', syncBounds)
  const checkpoints = histogram(
    'asofdb.checkpoint.duration',
    'Checkpoints that were made',
    checkpointBounds,
  )
  const written = meter.createCounter('asofdb.checkpoint.written', {
    unit: 'By',
    description: 'Written by checkpoints',
  })
  const failures = meter.createCounter('asofdb.checkpoint.failures', {
    unit: '{checkpoint}',
    description: 'Attempts at a checkpoint that failed',
  })
  const stops = [
    database.on('written', ({ operation, durationMs, error }) => {
      const attributes = { ...of, 'db.operation.name': operation, ...attributesOf(error) }
      operations.record(durationMs / 1000, attributes)
    }),
    database.on('logSynced', ({ durationMs }) => syncs.record(durationMs / 1000, of)),
    database.on('checkpointFinished', ({ durationMs, bytesWritten }) => {
      checkpoints.record(durationMs / 1000, of)
      written.add(bytesWritten, of)
    }),
    database.on('checkpointFailed', ({ error }) => {
      failures.add(1, { ...of, ...attributesOf(error) })
    }),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

/** `error.type` is the code of a `DatabaseError`, else the name of the error's class. */
function attributesOf(error: unknown): Attributes {
  if (error === undefined) return {}
  if (isDatabaseError(error)) {
    return { 'error.type': error.code, 'db.response.status_code': error.code }
  }
  return { 'error.type': error instanceof Error ? error.name : '_OTHER' }
}

/**
 * A span for each checkpoint. It is a root: a checkpoint serves all commits before it, and none of
 * their callers. Checkpoints run one after another, so they end in the order in which they began;
 * but the next may begin before the end of the last one is told.
 */
function traceCheckpoints(database: Database, tracer: Tracer, of: Attributes): () => void {
  const attributes = { ...of, 'db.operation.name': 'checkpoint' }
  const running: Span[] = []
  const begin = (sequence: number): Span =>
    tracer.startSpan('checkpoint', {
      kind: SpanKind.INTERNAL,
      root: true,
      attributes: { ...attributes, 'asofdb.sequence': sequence },
    })
  const stops = [
    database.on('checkpointStarted', ({ sequence }) => {
      running.push(begin(sequence))
    }),
    database.on('checkpointFinished', ({ bytesWritten, files }) => {
      const span = running.shift()
      span?.setAttributes({ 'asofdb.bytes': bytesWritten, 'asofdb.files': files })
      span?.end()
    }),
    database.on('checkpointFailed', ({ error }) => {
      // It may fail before it has begun to write.
      const span = running.shift() ?? begin(database.sequence)
      if (error instanceof Error) span.recordException(error)
      span.setAttributes(attributesOf(error))
      span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    }),
  ]
  return () => {
    for (const stop of stops) stop()
    for (const span of running) span.end()
  }
}

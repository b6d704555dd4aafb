import { readFileSync } from 'node:fs'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { open } from 'asofdb'
import { describe, expect, it, vi } from 'vitest'
import {
  observeWithOpenTelemetry,
  type OpenTelemetryOptions,
} from '../../packages/asofdb/src/opentelemetry.ts'
import { repository } from '../docs/document.ts'
import { wait } from '../simulation/simulated-machine.ts'
import {
  type Measurement,
  MemoryMeterProvider,
  MemoryTracerProvider,
} from './telemetry-memory.ts'
import { commit, directory, small, type Watched, watch } from './watched-database.ts'

interface Observed extends Watched {
  readonly meters: MemoryMeterProvider
  readonly tracers: MemoryTracerProvider
  readonly stop: () => void
}

function observe(
  body: (observed: Observed) => Promise<void>,
  machine: Parameters<typeof watch>[2] = {},
  options: OpenTelemetryOptions = {},
): Promise<unknown> {
  return watch(
    async (watched) => {
      const [meters, tracers] = [new MemoryMeterProvider(), new MemoryTracerProvider()]
      const providers = { meterProvider: meters, tracerProvider: tracers }
      const stop = observeWithOpenTelemetry(watched.database, { ...providers, ...options })
      await body({ ...watched, meters, tracers, stop })
    },
    small,
    machine,
  )
}

/** Values by `name` or `name kind`. */
function valuesOf(measurements: readonly Measurement[]): Record<string, number> {
  return Object.fromEntries(
    measurements.map(({ name, value, attributes }) => {
      const kind = attributes['asofdb.kind']
      return [typeof kind === 'string' ? `${name} ${kind}` : name, value]
    }),
  )
}

const own = { 'db.system.name': 'asofdb', 'db.namespace': directory }

describe('figures', () => {
  it('are those of statistics and health at each collection', async () => {
    await observe(async ({ database, host, meters }) => {
      await commit(database)
      await database.checkpoint()
      for (let count = 0; count < 8; count++) await commit(database, 2000)
      await wait(host, 2000)
      const begun = database.begin()
      const found = valuesOf(meters.collect())
      const stats = database.stats()
      expect(found).toEqual({
        'asofdb.health': 0,
        'asofdb.sequence acknowledged': 9,
        'asofdb.sequence applied': 9,
        'asofdb.sequence durable': 9,
        'asofdb.sequence checkpoint': 1,
        'asofdb.commits': 9,
        'asofdb.log.size': stats.bytes.log,
        'asofdb.log.segments': stats.log.segments,
        'asofdb.log.unsynced.size': 0,
        'asofdb.log.unsynced.commits': 0,
        'asofdb.log.pending.size': stats.log.bytesSinceCheckpoint,
        'asofdb.checkpoint.size': stats.bytes.checkpoint,
        'asofdb.checkpoint.age': (stats.checkpoint.last?.ageMs ?? 0) / 1000,
        'asofdb.transactions.open': 1,
        'asofdb.memory.size tables': stats.bytes.tables,
        'asofdb.memory.size payloads': stats.bytes.payloads,
        'asofdb.memory.size adjacency': stats.bytes.adjacency,
        'asofdb.versions nodes': 0,
        'asofdb.versions edges': 0,
        'asofdb.versions keys': 9,
        'asofdb.recovery.duration': stats.recovered.durationMs / 1000,
      })
      expect(found['asofdb.log.segments']).toBeGreaterThan(2)
      expect(found['asofdb.checkpoint.age']).toBeGreaterThanOrEqual(2)
      begun.cancel()
      expect(valuesOf(meters.collect())['asofdb.transactions.open']).toBe(0)
      for (const { attributes } of meters.collect()) expect(attributes).toMatchObject(own)
      await database.close()
    })
  })

  it('have a unit and a description, and names in the conventions or of our own', async () => {
    await observe(async ({ database, meters }) => {
      expect(meters.meters).toEqual(['asofdb'])
      for (const { name, options } of meters.instruments) {
        expect(name).toMatch(/^(?:asofdb\.[a-z.]+|db\.client\.operation\.duration)$/)
        expect(options.unit).toMatch(/^(?:s|By|1|\{[a-z]+\})$/)
        expect(options.description).not.toBe('')
      }
      const operation = meters.instruments.find(({ name }) => name.startsWith('db.'))
      expect(operation).toMatchObject({ kind: 'histogram', options: { unit: 's' } })
      const bounds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]
      expect(operation?.options.advice?.explicitBucketBoundaries).toEqual(bounds)
      await database.close()
    })
  })

  it('tell of an unhealthy database', async () => {
    const faults = { faults: [{ kind: 'sync', nth: 2, error: 'EIO', path: '/log/' } as const] }
    await observe(
      async ({ database, meters }) => {
        await expect(commit(database)).rejects.toThrow(/open/)
        expect(valuesOf(meters.collect())['asofdb.health']).toBe(2)
        await database.close()
      },
      { faults },
    )
  })
})

describe('durations', () => {
  it('of calls that write, with their errors, in seconds', async () => {
    await observe(
      async ({ database, host, meters }) => {
        await database.write(() => wait(host, 2500))
        await commit(database)
        const rival = database.begin()
        rival.keys('texts').put('text', [rival.keys('texts').get('text') ?? null])
        await commit(database)
        await expect(rival.commit()).rejects.toMatchObject({ code: 'KeyWriteConflict' })
        const refuse = (): never => {
          throw new RangeError('mine')
        }
        await expect(database.write(refuse)).rejects.toThrow('mine')
        const name = 'db.client.operation.duration'
        const calls = meters.recorded.filter((one) => one.name === name)
        const of = { 'db.system.name': 'asofdb', 'db.namespace': 'history' }
        const code = 'KeyWriteConflict'
        const conflict = { 'error.type': code, 'db.response.status_code': code }
        expect(calls.map(({ attributes }) => attributes)).toEqual([
          { ...of, 'db.operation.name': 'write' },
          { ...of, 'db.operation.name': 'write' },
          { ...of, 'db.operation.name': 'write' },
          { ...of, 'db.operation.name': 'commit', ...conflict },
          { ...of, 'db.operation.name': 'write', 'error.type': 'RangeError' },
        ])
        expect(calls[0]?.value).toBeGreaterThanOrEqual(2.5)
        expect(calls[0]?.value).toBeLessThan(3)
        await database.close()
      },
      {},
      { namespace: 'history' },
    )
  })

  it('of syncs and of checkpoints, with what those wrote', async () => {
    await observe(async ({ database, meters }) => {
      await commit(database)
      const { bytesWritten, durationMs } = await database.checkpoint()
      const namesOf = (name: string): Measurement[] =>
        meters.recorded.filter((one) => one.name === name)
      const syncs = namesOf('asofdb.log.sync.duration')
      const { count, maxMs } = database.stats().log.syncs
      expect(syncs).toHaveLength(count)
      expect(Math.max(...syncs.map(({ value }) => value))).toBe(maxMs / 1000)
      const made = { name: 'asofdb.checkpoint.duration', value: durationMs / 1000 }
      expect(namesOf(made.name)).toEqual([{ ...made, attributes: own }])
      const written = { name: 'asofdb.checkpoint.written', value: bytesWritten }
      expect(namesOf(written.name)).toEqual([{ ...written, attributes: own }])
      await database.close()
    })
  })
})

describe('spans', () => {
  it('are there for each checkpoint, of nobody else, in order', async () => {
    await observe(async ({ database, tracers }) => {
      const made = []
      for (let count = 0; count < 3; count++) {
        await commit(database)
        made.push(database.checkpoint())
      }
      const reports = (await Promise.all(made)).filter(({ bytesWritten }) => bytesWritten > 0)
      const { spans } = tracers
      const writtenBySpan = spans.map(({ attributes }) => [
        attributes['asofdb.sequence'],
        attributes['asofdb.bytes'],
      ])
      expect(writtenBySpan).toEqual(reports.map((one) => [one.sequence, one.bytesWritten]))
      expect(spans.map(({ name }) => name)).toEqual(spans.map(() => 'checkpoint'))
      expect(spans.length).toBeGreaterThan(1)
      const sequences = spans.map(({ attributes }) => attributes['asofdb.sequence'])
      expect(sequences.at(-1)).toBe(3)
      expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => Number(a) - Number(b)))
      for (const { isEnded, options, attributes, status } of spans) {
        expect([isEnded, options.root, options.kind]).toEqual([true, true, SpanKind.INTERNAL])
        expect(attributes).toMatchObject({ ...own, 'db.operation.name': 'checkpoint' })
        expect(status).toBeUndefined()
      }
      await database.close()
    })
  })

  it('and counters tell of a checkpoint that failed', async () => {
    const failing = { kind: 'create', path: '.checkpoint', error: 'ENOSPC', nth: 1 } as const
    await observe(
      async ({ database, meters, tracers }) => {
        await commit(database)
        await expect(database.checkpoint()).rejects.toMatchObject({ code: 'DiskFull' })
        const [span] = tracers.spans
        expect(span).toMatchObject({ isEnded: true, status: { code: SpanStatusCode.ERROR } })
        expect(span?.attributes['error.type']).toBe('DiskFull')
        expect(span?.exceptions).toMatchObject([{ code: 'DiskFull' }])
        const failures = meters.recorded.filter(({ name }) => name.endsWith('.failures'))
        expect(failures).toMatchObject([{ value: 1, attributes: { 'error.type': 'DiskFull' } }])
        await database.close()
      },
      { faults: { faults: [failing] } },
    )
  })
})

describe('the end', () => {
  it.each(['stop', 'close'] as const)('by %s: nothing more is observed', async (way) => {
    await observe(async ({ database, meters, tracers, stop }) => {
      await commit(database)
      if (way === 'stop') stop()
      else await database.close()
      const [recorded, spans] = [meters.recorded.length, tracers.spans.length]
      expect(meters.callbackCount).toBe(0)
      expect(meters.collect()).toEqual([])
      if (way === 'stop') {
        await commit(database)
        await database.checkpoint()
        await database.close()
      }
      stop()
      expect([meters.recorded.length, tracers.spans.length]).toEqual([recorded, spans])
      expect(tracers.spans.every(({ isEnded }) => isEnded)).toBe(true)
    })
  })

  it('comes to the span of a checkpoint that is under way', async () => {
    await observe(async ({ database, tracers, stop }) => {
      await commit(database)
      database.on('checkpointStarted', stop)
      await database.checkpoint()
      expect(tracers.spans).toMatchObject([{ isEnded: true }])
      expect(tracers.spans[0]?.attributes['asofdb.bytes']).toBeUndefined()
      await database.close()
    })
  })

  it('a collection while the database is being closed finds nothing, harms nobody', async () => {
    await observe(async ({ database, meters }) => {
      await commit(database)
      const closed = database.close()
      expect(meters.collect()).toEqual([])
      await closed
    })
  })

  it('without an SDK everything goes nowhere', async () => {
    await using database = await open(':memory:')
    const stop = observeWithOpenTelemetry(database)
    await commit(database)
    stop()
    expect(database.health().listenerFailures).toBe(0)
  })
})

describe('the package', () => {
  it('runs without the API of OpenTelemetry, which only its own entry imports', async () => {
    vi.resetModules()
    vi.doMock('@opentelemetry/api', () => {
      throw new Error('the API was imported')
    })
    try {
      const engine = await import('../../packages/asofdb/src/index.ts')
      await using database = await engine.open(':memory:')
      await commit(database)
      const entry = import('../../packages/asofdb/src/opentelemetry.ts')
      await expect(entry).rejects.toMatchObject({
        cause: expect.objectContaining({ message: 'the API was imported' }),
      })
    } finally {
      vi.doUnmock('@opentelemetry/api')
    }
  })

  it('names it as an optional peer, and depends on nothing', () => {
    const manifest = JSON.parse(readFileSync(`${repository}packages/asofdb/package.json`, 'utf8'))
    expect(manifest.dependencies).toBeUndefined()
    expect(manifest.optionalDependencies).toBeUndefined()
    expect(manifest.peerDependencies['@opentelemetry/api']).toBe('^1.9.0')
    expect(manifest.peerDependenciesMeta['@opentelemetry/api']).toEqual({ optional: true })
  })
})

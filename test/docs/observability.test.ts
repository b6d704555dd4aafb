import { open } from 'asofdb'
import { expect, it } from 'vitest'
import { memoryHost } from '../../packages/asofdb/src/host/memory-host.ts'
import { nodeHost } from '../../packages/asofdb/src/host/node-host.ts'
import { eventNames } from '../../packages/asofdb/src/observe/events.ts'
import { statusByCode } from '../../packages/asofdb/src/observe/health.ts'
import { observeWithOpenTelemetry } from '../../packages/asofdb/src/opentelemetry.ts'
import { MemoryMeterProvider } from '../observe/telemetry-memory.ts'
import { cell, Document } from './document.ts'

const document = new Document('docs/observability.md')

function columnOf(heading: string, columns: readonly string[]): string[] {
  return document.table(heading, columns).map((row) => cell(row, columns[0] ?? ''))
}

/** `a.b` for each value that is no record of further ones. */
function pathsOf(value: object, prefix: string = ''): string[] {
  return Object.entries(value).flatMap(([name, one]: [string, unknown]) => {
    const isRecord = typeof one === 'object' && one !== null && !Array.isArray(one)
    return isRecord ? pathsOf(one, `${prefix}${name}.`) : [`${prefix}${name}`]
  })
}

it('the document has every event, and no other', () => {
  expect(columnOf('## Events', ['Event', 'When', 'Fields'])).toEqual([...eventNames])
})

it('the document has every metric of OpenTelemetry with instrument and unit', async () => {
  const kinds: Record<string, string> = {
    observableGauge: 'gauge',
    observableCounter: 'counter',
    observableUpDownCounter: 'up-down counter',
  }
  const meterProvider = new MemoryMeterProvider()
  await using database = await open(':memory:')
  observeWithOpenTelemetry(database, { meterProvider })
  const columns = ['Metric', 'Instrument', 'Unit', 'Further attributes']
  const rows = document.table('## OpenTelemetry', columns)
  const written = rows.map((row) => columns.slice(0, 3).map((column) => cell(row, column)))
  const made = meterProvider.instruments.map(({ name, kind, options }) => [
    name,
    kinds[kind] ?? kind,
    options.unit,
  ])
  expect(written).toEqual(made)
})

it('the document has every reason with its status, worst first', () => {
  const rows = document.table('## Health', ['Code', 'Status', 'When', 'Passes'])
  const written = rows.map((row) => [cell(row, 'Code'), cell(row, 'Status')])
  expect(written).toEqual(Object.entries(statusByCode))
})

it('the document has every status', () => {
  const known = ['ok', ...new Set(Object.values(statusByCode).reverse())]
  expect(columnOf('## Health', ['Status', 'Which means'])).toEqual(known)
})

it('the document has every field of statistics and health, and no other', async () => {
  await using database = await open('/database', { host: memoryHost(nodeHost()) })
  await database.write((tx) => tx.keys('k').put('a', 1))
  await database.checkpoint()
  const columns = ['Field', 'Unit', 'Meaning']
  expect(columnOf('## Statistics', columns)).toEqual(pathsOf(database.stats()))
  const health = columnOf('## Health', ['Field of health', 'Unit', 'Meaning'])
  expect(health).toEqual(pathsOf(database.health()))
})

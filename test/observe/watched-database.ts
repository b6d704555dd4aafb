import { type Database, type DatabaseEvents, type EventName, open, type OpenOptions } from 'asofdb'
import { eventNames } from '../../packages/asofdb/src/observe/events.ts'
import { SimulatedHost, type SimulatedHostOptions } from '../../simulation/simulated-host.ts'

export const directory = '/database'

/** Short segments, and no checkpoint but those that a test asks for, and that of closing. */
export const small = { segmentBytesMax: 5120, checkpointLogBytes: Number.POSITIVE_INFINITY }

export interface Watched {
  readonly database: Database
  readonly host: SimulatedHost
  /** The names of all events from the opening on, in order. */
  readonly names: () => readonly EventName[]
  readonly only: <Name extends EventName>(name: Name) => DatabaseEvents[Name][]
}

/** Opens a database on a simulated machine, listens to everything, and runs `body` in its time. */
export async function watch(
  body: (watched: Watched) => Promise<void>,
  options: OpenOptions = {},
  machine: Partial<SimulatedHostOptions> = {},
): Promise<SimulatedHost> {
  const host = new SimulatedHost({ seed: 'watched', ...machine })
  await host.run(() => watchOn(host, body, options))
  return host
}

export async function watchOn(
  host: SimulatedHost,
  body: (watched: Watched) => Promise<void>,
  options: OpenOptions = {},
): Promise<void> {
  const names: EventName[] = []
  const kept: { readonly [Name in EventName]: DatabaseEvents[Name][] } = {
    commit: [],
    written: [],
    checkpointStarted: [],
    checkpointFinished: [],
    checkpointFailed: [],
    logRotated: [],
    logSynced: [],
    poisoned: [],
    clockSet: [],
    recovering: [],
    recovered: [],
    closed: [],
  }
  const listenerTo =
    <Name extends EventName>(name: Name) =>
    (event: DatabaseEvents[Name]): void => {
      names.push(name)
      kept[name].push(event)
    }
  const on = Object.fromEntries(eventNames.map((name) => [name, listenerTo(name)]))
  const database = await open(directory, { host, on, ...options })
  await body({
    database,
    host,
    names: () => names,
    only: (name) => kept[name],
  })
}

/** One commit of about so many bytes. */
export function commit(database: Database, bytes = 100): Promise<unknown> {
  return database.write((tx) => tx.keys('texts').put('text', 'x'.repeat(bytes)))
}

/**
 * Bugs that the simulation must find: put between the engine and its machine, or between the engine
 * and its readers, so that the engine itself is as it is.
 */
import { type Database, isDatabaseError, type View } from '../packages/asofdb/src/index.ts'
import type { FileSystem, Host, HostFile } from '../packages/asofdb/src/host/host.ts'
import { replacing } from './replacing.ts'
import type { Readers } from './scene.ts'
import type { SimulatedHost } from './simulated-host.ts'
import type { Mutation } from './swarm-life.ts'

export const mutations = {
  'a sync of the log that does nothing': { brokenSync: '/log/' },
  'a sync of checkpoints that does nothing': { brokenSync: '/checkpoint/' },
  'a rename that no directory sync makes durable': { brokenDirectorySync: '/database' },
  'an acknowledgement before the sync has come back': { host: withEarlySyncs },
  'a reader that sees what is not acknowledged': { readers: withApplied },
  'a commit before the one that was asked for': { readers: (database) => withShift(database, -1) },
  'a commit after the one that was asked for': { readers: (database) => withShift(database, 1) },
  'a valid time that is off by one': { readers: withLateValid },
  'a horizon that nobody minds': { readers: withoutHorizons },
  'a segment of the log that is not removed': { host: withoutRemovals },
} as const satisfies Readonly<Record<string, Mutation>>

/** Syncs go on by themselves, and are reported done at once. */
function withEarlySyncs(simulated: SimulatedHost): Host {
  const { clock, timers, random, files, process } = simulated
  const open: FileSystem['open'] = async (path, mode) => withEarlySync(await files.open(path, mode))
  return { clock, timers, random, process, files: replacing(files, { open }) }
}

function withEarlySync(file: HostFile): HostFile {
  const start = (): void => void file.syncData().catch(() => undefined)
  return replacing(file, {
    syncData: () => {
      start()
      return Promise.resolve()
    },
    syncDataNow: start,
  })
}

/** A snapshot that holds what is applied and not durable yet, as the one of a writer does. */
function withApplied(database: Database): Readers {
  return {
    asOf: (at) => database.asOf(at),
    snapshot: () => {
      const transaction = database.begin()
      const view = database.snapshot()
      return replacing(view, {
        nodes: (...asked) => transaction.nodes(...asked),
        keys: (keyspace: string) => transaction.keys(keyspace),
      })
    },
  }
}

function withShift(database: Database, by: number): Readers {
  return {
    snapshot: () => database.snapshot(),
    asOf: (at) => {
      if (at.sequence === undefined) return database.asOf(at)
      const sequence = Math.min(database.sequence, Math.max(0, at.sequence + by))
      return database.asOf({ ...at, sequence })
    },
  }
}

/** What must be refused because it was pruned is answered from what is there now. */
function withoutHorizons(database: Database): Readers {
  return {
    snapshot: () => database.snapshot(),
    asOf: (at) => {
      const [view, now] = [database.asOf(at), database.asOf({ valid: at.valid })]
      const orNow = <T>(ask: (view: View) => T): T => {
        try {
          return ask(view)
        } catch (error) {
          if (isDatabaseError(error, 'HistoryPruned')) return ask(now)
          throw error
        }
      }
      return replacing(view, {
        nodes: (...asked) => orNow((one) => one.nodes(...asked)),
        edges: (...asked) => orNow((one) => one.edges(...asked)),
      })
    },
  }
}

function withoutRemovals(simulated: SimulatedHost): Host {
  const { clock, timers, random, files, process } = simulated
  const remove: FileSystem['remove'] = async (path) => {
    if (!path.includes('/log/')) await files.remove(path)
  }
  return { clock, timers, random, process, files: replacing(files, { remove }) }
}

function withLateValid(database: Database): Readers {
  return {
    snapshot: () => database.snapshot(),
    asOf: (at) =>
      database.asOf(typeof at.valid === 'bigint' ? { ...at, valid: at.valid + 1n } : at),
  }
}

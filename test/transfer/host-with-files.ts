import type { FileSystem, Host } from 'asofdb'
import type { SimulatedHost } from '../../simulation/simulated-host.ts'

/** The machine with some of its file operations replaced, or with another clock or timers. */
export function hostWith(
  simulated: SimulatedHost,
  replaced: Partial<Pick<Host, 'clock' | 'timers'>> & { readonly files?: Partial<FileSystem> },
): Host {
  const { clock, timers, random, process, files } = simulated
  return {
    clock: replaced.clock ?? clock,
    timers: replaced.timers ?? timers,
    random,
    process,
    files: {
      open: (path, mode) => files.open(path, mode),
      rename: (from, to) => files.rename(from, to),
      remove: (path) => files.remove(path),
      makeDirectory: (path) => files.makeDirectory(path),
      list: (path) => files.list(path),
      stat: (path) => files.stat(path),
      syncDirectory: (path) => files.syncDirectory(path),
      lock: (path) => files.lock(path),
      ...replaced.files,
    },
  }
}

import { LogWriter, type LogWriterOptions } from '../../packages/asofdb/src/log/log-writer.ts'
import { isDatabaseError } from '../../packages/asofdb/src/rules/errors.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { directory, newOwner, writerOptions } from './log-fixture.ts'

type MachineOptions = Partial<ConstructorParameters<typeof SimulatedHost>[0]>

/** A simulated machine with an empty directory for the log, whose name is durable. */
export async function machine(options: MachineOptions = {}): Promise<SimulatedHost> {
  const host = new SimulatedHost({ seed: 'log' })
  await host.files.makeDirectory(directory)
  await host.files.syncDirectory('/')
  return host.fork(options)
}

export async function startLog(host: SimulatedHost, changes: Partial<LogWriterOptions> = {}) {
  const owner = newOwner()
  const writer = await LogWriter.create(writerOptions(host, owner, changes))
  return { owner, writer }
}

export const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'resolved',
    (error: unknown) => (isDatabaseError(error) ? error.code : error),
  )

export function callCount(host: SimulatedHost, kind: 'sync' | 'write' | 'truncate'): number {
  return host.files.faults.counts.get(kind) ?? 0
}

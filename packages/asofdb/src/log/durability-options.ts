import { DatabaseError } from '../rules/errors.ts'
import type { Fsync, LogMode } from './durability.ts'

const durabilities = ['sync', 'interval', 'os', 'checkpoint', 'memory'] as const

/**
 * The usual modes by name; what an acknowledged commit survives in each.
 *
 * | name         | log, fsync         | a killed process     | a power cut               |
 * | ------------ | ------------------ | -------------------- | ------------------------- |
 * | `sync`       | sync, always       | survives             | survives                  |
 * | `interval`   | sync, { everyMs }  | survives             | loses up to `syncEveryMs` |
 * | `os`         | sync, never        | survives             | loses what was not synced |
 * | `checkpoint` | off                | back to the last one | back to the last one      |
 * | `memory`     | no files           | loses everything     | loses everything          |
 *
 * Whatever is lost is the newest; what is left is whole commits without a gap.
 */
export type Durability = (typeof durabilities)[number]

/** What a single write may ask for: to survive a power cut, or the death of the process. */
export type WriteDurability = 'sync' | 'os'

export interface DurabilityOptions {
  readonly durability?: Durability | undefined
  readonly log?: 'sync' | 'async' | 'off' | undefined
  readonly fsync?: Fsync | undefined
  readonly syncEveryMs?: number | undefined
}

/** `off`: checkpoints alone; `memory`: nothing at all. */
export type ChosenMode = LogMode | 'off' | 'memory'

const syncEveryMsDefault = 100

/** Throws `InvalidArgument` for what is none of the modes, or two at a time. */
export function chooseMode(options: DurabilityOptions): ChosenMode {
  checkOptions(options)
  const { durability, log, fsync, syncEveryMs = syncEveryMsDefault } = options
  switch (durability) {
    case undefined:
      return log === 'off' ? 'off' : { log: log ?? 'sync', fsync: fsync ?? 'always' }
    case 'sync':
      return mustAgree(options, { log: 'sync', fsync: 'always' })
    case 'interval': {
      const isTimed = typeof fsync === 'object'
      return mustAgree(options, { log: 'sync', fsync: isTimed ? fsync : { everyMs: syncEveryMs } })
    }
    case 'os':
      return mustAgree(options, { log: 'sync', fsync: 'never' })
    case 'checkpoint':
    case 'memory':
      if (log !== undefined && log !== 'off') throw contradiction(options)
      return durability === 'memory' ? 'memory' : 'off'
  }
}

function mustAgree(options: DurabilityOptions, mode: LogMode): LogMode {
  const { log = mode.log, fsync = mode.fsync } = options
  if (log === mode.log && fsync === mode.fsync) return mode
  throw contradiction(options)
}

function contradiction({ durability, log, fsync }: DurabilityOptions): DatabaseError {
  const given = [
    log === undefined ? '' : ` log '${log}'`,
    fsync === undefined ? '' : ` fsync ${JSON.stringify(fsync)}`,
  ]
  return new DatabaseError(
    'InvalidArgument',
    `durability '${durability}' contradicts${given.filter((one) => one !== '').join(' and')}; ` +
      'give the one or the other',
    { details: { durability, log, fsync } },
  )
}

function checkOptions({ durability, log, fsync, syncEveryMs }: DurabilityOptions): void {
  const refuse = (what: string): never => {
    throw new DatabaseError('InvalidArgument', what)
  }
  if (durability !== undefined && !durabilities.includes(durability)) {
    refuse(`durability is one of ${durabilities.join(', ')}, not ${String(durability)}`)
  }
  if (log !== undefined && log !== 'sync' && log !== 'async' && log !== 'off') {
    refuse(`log is 'sync', 'async' or 'off', not ${String(log)}`)
  }
  if (syncEveryMs !== undefined && !(syncEveryMs > 0)) {
    refuse('syncEveryMs is a positive number of milliseconds')
  }
  if (fsync === undefined || fsync === 'always' || fsync === 'never') return
  const isTimed = typeof fsync === 'object' && fsync !== null && fsync.everyMs > 0
  if (!isTimed) {
    refuse("fsync is 'always', 'never' or { everyMs } with a positive number of milliseconds")
  }
  if (syncEveryMs !== undefined && syncEveryMs !== fsync.everyMs) {
    refuse(`syncEveryMs ${syncEveryMs} contradicts fsync every ${fsync.everyMs} ms; give one`)
  }
}

/** Throws `InvalidArgument` for a durability that no single write may ask for. */
export function checkWriteDurability(durability: WriteDurability | undefined): void {
  if (durability === undefined || durability === 'sync' || durability === 'os') return
  throw new DatabaseError(
    'InvalidArgument',
    `the durability of a single write is 'sync' or 'os', not ${String(durability)}; it adds to ` +
      'what the database was opened with',
  )
}

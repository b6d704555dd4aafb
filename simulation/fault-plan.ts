/** Every call of the file system belongs to one kind. `syncData` counts as `sync`. */
export type OperationKind =
  | 'open'
  | 'create'
  | 'read'
  | 'write'
  | 'sync'
  | 'truncate'
  | 'rename'
  | 'remove'
  | 'makeDirectory'
  | 'syncDirectory'
  | 'list'
  | 'stat'
  | 'close'

const mutatingKinds: ReadonlySet<OperationKind> = new Set([
  'create',
  'write',
  'sync',
  'truncate',
  'rename',
  'remove',
  'makeDirectory',
  'syncDirectory',
])

export type FaultCode =
  | 'EIO'
  | 'ENOSPC'
  | 'EDQUOT'
  | 'EMFILE'
  | 'EACCES'
  | 'EROFS'
  | 'EAGAIN'
  | 'EINTR'
  | 'EBUSY'

/** Whether a call of this kind may change what a crash leaves. */
export function isMutating(kind: OperationKind): boolean {
  return mutatingKinds.has(kind)
}

export function isBrokenAt(breakage: Breakage | undefined, path: string): boolean {
  return typeof breakage === 'string' ? path.includes(breakage) : breakage === true
}

/** Fails one call, or that call and all of its kind after it. */
export interface Fault {
  readonly kind: OperationKind | 'any'
  /** Counted from 1 among the calls that fit `kind` and `path`. */
  readonly nth: number
  readonly error: FaultCode
  readonly isLasting?: boolean
  /** Only calls whose path contains this text fit. */
  readonly path?: string
}

/** Inverts one bit of what the nth read returns; the file itself is intact. */
export interface BitFlip {
  readonly kind: 'flip'
  readonly nth: number
  readonly bit: number
}

/** Where the machine stops: at a mutating call, counted from 1 in the order of execution. */
export interface CrashPoint {
  readonly operation: number
  /** `partly-done`: any part of the call may be found afterwards, as the crash decides. */
  readonly outcome: 'not-done' | 'partly-done' | 'done'
}

/** Everywhere, nowhere, or only where the path contains this text. */
export type Breakage = boolean | string

export interface FaultPlan {
  readonly faults?: readonly (Fault | BitFlip)[]
  readonly crashAt?: CrashPoint
  /** Room for all files together; a write that does not fit stops half-way, then ENOSPC. */
  readonly capacityBytes?: number
  readonly shortWriteChance?: number
  readonly shortReadChance?: number
  /** A sync returns at once and nothing is durable. To prove that a test would notice. */
  readonly brokenSync?: Breakage
  readonly brokenDirectorySync?: Breakage
}

export interface Verdict {
  readonly error: FaultCode | undefined
  readonly crash: CrashPoint['outcome'] | undefined
}

/** Counts the calls and says which of them go wrong. */
export class FaultInjector {
  readonly plan: FaultPlan
  /** Calls so far by kind; a run without faults tells how many there are to fail. */
  readonly counts = new Map<OperationKind, number>()
  /** All calls so far, and those that may change what a crash leaves. */
  calls = 0
  mutations = 0
  /** Faults that struck, by the kind of the call. */
  readonly struck = new Map<OperationKind, number>()
  readonly #fits = new Map<Fault, number>()

  constructor(plan: FaultPlan) {
    this.plan = plan
  }

  judge(kind: OperationKind, path: string): Verdict {
    this.calls += 1
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
    let crash: CrashPoint['outcome'] | undefined
    if (isMutating(kind)) {
      this.mutations += 1
      if (this.plan.crashAt?.operation === this.mutations) crash = this.plan.crashAt.outcome
    }
    const error = this.#findError(kind, path)
    if (error !== undefined) this.struck.set(kind, (this.struck.get(kind) ?? 0) + 1)
    return { error, crash }
  }

  /** The bit to invert in what the read that was judged last returns. */
  flippedBit(): number | undefined {
    const reads = this.counts.get('read')
    for (const fault of this.plan.faults ?? []) {
      if (fault.kind === 'flip' && fault.nth === reads) return fault.bit
    }
    return undefined
  }

  #findError(kind: OperationKind, path: string): FaultCode | undefined {
    let found: FaultCode | undefined
    for (const fault of this.plan.faults ?? []) {
      if (fault.kind === 'flip') continue
      if (fault.kind !== 'any' && fault.kind !== kind) continue
      if (fault.path !== undefined && !path.includes(fault.path)) continue
      const count = (this.#fits.get(fault) ?? 0) + 1
      this.#fits.set(fault, count)
      if (count === fault.nth || (fault.isLasting && count > fault.nth)) found ??= fault.error
    }
    return found
  }
}

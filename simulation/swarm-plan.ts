/**
 * What one swarm seed does, as data that goes through JSON unchanged: drawn, cut down when it
 * fails, stored and replayed. Each seed switches most features off and weighs the rest anew,
 * because a mixture of everything reaches fewer corners than many one-sided mixtures.
 */
import type { RecoveryPolicy } from '../packages/asofdb/src/index.ts'
import { segmentHeaderBytes } from '../packages/asofdb/src/log/segment.ts'
import type { CrashPoint, Fault, FaultCode, OperationKind } from './fault-plan.ts'
import type { OperationMixture } from './operation-maker.ts'
import { RandomStream } from './random.ts'
import type { DiskProfile } from './simulated-disk.ts'
import { modeNames, type WorkloadOptions } from './workload.ts'

const firstActorKinds = [
  'writer',
  'transactor',
  'bank',
  'auditor',
  'reader',
  'traveller',
  'checkpointer',
  'verifier',
  'backup',
  'fork',
  'clock',
  'compactor',
  'pruner',
  'eraser',
] as const

const keyActorKinds = ['keyTransactor', 'keyReader'] as const

/** Who there may be. An actor is a file under `actors/` and a row in `actors/actors.ts`. */
export const actorKinds = [...firstActorKinds, ...keyActorKinds] as const

export type ActorKind = (typeof actorKinds)[number]

export interface ActorPlan {
  readonly kind: ActorKind
  /** Its random numbers go by this name, so that those of others may be cut. */
  readonly name: string
  readonly steps: number
  /** How long it waits between its steps. */
  readonly pace: 'busy' | 'turn' | 'short' | 'long'
}

export interface LifeOptions extends Omit<WorkloadOptions, 'nodesValid'> {
  readonly logQueueBytesMax?: number
  readonly logBytesMax?: number
}

/**
 * `close`: when all actors are done. `leave`: they are closed down in the midst of their work.
 * `kill` and `power`: at a call that changes something, or when all are done.
 */
export type Ending =
  | { readonly how: 'close' | 'leave' }
  | {
      readonly how: 'kill' | 'power'
      readonly operation: number
      readonly outcome: CrashPoint['outcome']
    }

const damageKinds = [
  'flip',
  'zero-sector',
  'garbage-sector',
  'foreign-sector',
  'truncate',
  'grow',
  'remove',
  'old-file',
] as const

export type DamageKind = (typeof damageKinds)[number]

/** Damage at rest, after a life. Fractions say which file and where. */
export interface DamagePlan {
  readonly kind: DamageKind
  readonly file: number
  readonly place: number
  /** Whether the next life begins with what a repair made of it. */
  readonly isKept: boolean
}

export interface LifePlan {
  readonly name: string
  readonly options: LifeOptions
  readonly policy: RecoveryPolicy
  readonly actors: readonly ActorPlan[]
  readonly faults: readonly Fault[]
  /** Room that is left on the disk; absent: enough. */
  readonly spareBytes?: number
  readonly ending: Ending
  /** Moments at which it is looked at what a crash would have left. */
  readonly samples: number
  readonly damage?: DamagePlan
}

export interface SwarmPlan {
  readonly kind: 'swarm'
  readonly seed: string
  readonly nodesValid: 'now' | 'always'
  readonly profile: DiskProfile
  readonly mixture: OperationMixture
  /** How often a payload is large, and how large. */
  readonly large: { readonly chance: number; readonly bytes: number }
  readonly lives: readonly LifePlan[]
}

/** What a seed does at all, and how often. 0 switches a feature off. */
interface Features {
  readonly modes: readonly WorkloadOptions['durability'][]
  readonly actors: readonly ActorKind[]
  readonly policies: readonly RecoveryPolicy[]
  readonly faultKinds: readonly (OperationKind | 'any')[]
  readonly faultChance: number
  readonly fullChance: number
  readonly damages: readonly DamageKind[]
  readonly damageChance: number
  readonly crashChance: number
  readonly earlyChance: number
  readonly stepsMost: number
}

export function drawSwarmPlan(seed: string | number): SwarmPlan {
  const random = new RandomStream(`swarm/${seed}`)
  const features = drawFeatures(random)
  const often = () => (random.chance(0.25) ? 0 : random.fraction())
  const mixture: OperationMixture = {
    edges: often() * 2,
    keys: often(),
    deletes: often(),
    defaultPeriods: random.fraction() * 0.7,
    failing: often() * 0.1,
  }
  const large = {
    chance: random.chance(0.6) ? 0 : random.fraction() * 0.4,
    bytes: random.pick([300, 1500, 5000, 20_000]),
  }
  const count = 2 + random.below(3)
  const lives = Array.from({ length: count }, (_, index) =>
    drawLife(random.stream(index), features, String(index + 1)),
  )
  // From a stream of their own, so that what was drawn before they were there is drawn as ever.
  const ofKeys = random.stream('keys')
  const areKeysUsed = ofKeys.chance(0.5)
  return {
    kind: 'swarm',
    seed: String(seed),
    nodesValid: random.chance(0.3) ? 'always' : 'now',
    profile: random.chance(0.75) ? 'posix' : 'ordered',
    mixture,
    large,
    lives: areKeysUsed ? lives.map((life) => withKeyActors(life, ofKeys)) : lives,
  }
}

function withKeyActors(life: LifePlan, random: RandomStream): LifePlan {
  const added: ActorPlan[] = []
  for (const kind of keyActorKinds) {
    const count = random.below(kind === 'keyTransactor' ? 4 : 2)
    for (let index = 1; index <= count; index += 1) {
      const pace = random.pick(['busy', 'turn', 'turn', 'short', 'long'] as const)
      added.push({ kind, name: `${kind}-${index}`, steps: 1 + random.below(10), pace })
    }
  }
  return { ...life, actors: [...life.actors, ...added] }
}

function drawFeatures(random: RandomStream): Features {
  const some = <T>(list: readonly T[], chance: number): T[] => {
    const drawn = list.filter(() => random.chance(chance))
    return drawn.length === 0 ? [random.pick(list)] : drawn
  }
  return {
    modes: random.chance(0.5) ? ['sync'] : some(modeNames, 0.35),
    // Somebody has to write.
    actors: [random.pick(['writer', 'bank'] as const), ...some(firstActorKinds, 0.45)],
    policies: some(['strict', 'strict', 'bestEffort', 'repair'] as const, 0.5),
    faultKinds: some(['write', 'sync', 'rename', 'syncDirectory', 'create', 'read', 'any'], 0.4),
    faultChance: random.chance(0.5) ? 0 : random.fraction(),
    fullChance: random.chance(0.75) ? 0 : random.fraction(),
    damages: some(damageKinds, 0.5),
    damageChance: random.chance(0.4) ? 0 : random.fraction(),
    crashChance: random.pick([0.2, 0.6, 1]),
    earlyChance: random.chance(0.5) ? 0 : random.fraction() * 0.5,
    stepsMost: random.pick([4, 10, 20]),
  }
}

function drawLife(random: RandomStream, features: Features, name: string): LifePlan {
  const actors: ActorPlan[] = []
  for (const kind of firstActorKinds) {
    if (!features.actors.includes(kind)) continue
    const count = kind === 'writer' || kind === 'bank' ? 1 + random.below(3) : 1
    for (let index = 1; index <= count; index += 1) {
      const steps = 1 + random.below(features.stepsMost)
      const pace = random.pick(['busy', 'turn', 'turn', 'short', 'long'] as const)
      actors.push({ kind, name: `${kind}-${index}`, steps, pace })
    }
  }
  const faults = random.chance(features.faultChance) ? drawFaults(random, features) : []
  const isFull = random.chance(features.fullChance)
  const isDamaged = random.chance(features.damageChance)
  const damage: DamagePlan = {
    kind: random.pick(features.damages),
    file: random.fraction(),
    place: random.fraction(),
    isKept: random.chance(0.3),
  }
  return {
    name,
    options: drawOptions(random, features),
    policy: random.pick(features.policies),
    actors,
    faults,
    ...(isFull ? { spareBytes: random.pick([500, 3000, 20_000, 80_000]) } : {}),
    ending: drawEnding(random, features),
    samples: random.pick([1, 2, 4]),
    ...(isDamaged ? { damage } : {}),
  }
}

const faultCodes: Partial<Record<OperationKind | 'any', readonly FaultCode[]>> = {
  write: ['EIO', 'ENOSPC', 'EDQUOT'],
  sync: ['EIO', 'ENOSPC'],
  rename: ['EIO', 'ENOSPC', 'EACCES'],
  create: ['EMFILE', 'ENOSPC', 'EIO'],
  read: ['EIO', 'EINTR', 'EAGAIN'],
}

function drawFaults(random: RandomStream, { faultKinds }: Features): Fault[] {
  const count = 1 + random.below(2)
  return Array.from({ length: count }, (): Fault => {
    const kind = random.pick(faultKinds)
    const path = random.pick(['', '', '/log', '/checkpoint', 'MANIFEST', '/backup'])
    return {
      kind,
      nth: 1 + random.below(random.pick([4, 30, 120])),
      error: random.pick(faultCodes[kind] ?? ['EIO']),
      ...(random.chance(0.3) ? { isLasting: true } : {}),
      ...(path === '' ? {} : { path }),
    }
  })
}

function drawOptions(random: RandomStream, { modes }: Features): LifeOptions {
  const checkpointLogBytes = random.pick([Infinity, Infinity, 300, 1200, 6000])
  const mutations = random.pick([Infinity, Infinity, Infinity, 3, 20])
  const everyMs = random.pick([Infinity, Infinity, Infinity, 5, 500])
  const durability = random.pick(modes)
  const isTight = checkpointLogBytes !== Infinity && random.chance(0.3)
  return {
    durability,
    segmentBytesMax: segmentHeaderBytes + random.pick([1024, 1500, 3000, 60_000]),
    ...(checkpointLogBytes === Infinity ? {} : { checkpointLogBytes }),
    ...(mutations === Infinity ? {} : { checkpointMutations: mutations }),
    ...(everyMs === Infinity ? {} : { checkpointEveryMs: everyMs }),
    ...(isTight ? { logBytesMax: checkpointLogBytes * 2 } : {}),
    ...(durability.startsWith('async') && random.chance(0.5)
      ? { logQueueBytesMax: random.pick([200, 2000]) }
      : {}),
    syncEveryMs: random.pick([1, 10, 100]),
    shortChance: random.pick([0, 0, 0, 0.3]),
  }
}

function drawEnding(random: RandomStream, features: Features): Ending {
  if (!random.chance(features.crashChance)) {
    return { how: random.chance(0.7) ? 'close' : 'leave' }
  }
  // The first calls are those of opening: a crash of recovery.
  const isEarly = random.chance(features.earlyChance)
  return {
    how: random.chance(0.35) ? 'kill' : 'power',
    operation: 1 + random.below(isEarly ? 25 : random.pick([60, 200, 500])),
    outcome: random.pick(['not-done', 'partly-done', 'done'] as const),
  }
}

/** The mixture in a few lines, for the report of a failure. */
export function describePlan(plan: SwarmPlan): string {
  const { seed, profile, nodesValid, mixture, large, lives } = plan
  const share = (of: object) =>
    Object.entries(of)
      .map(([name, value]) => `${name} ${typeof value === 'number' ? round(value) : String(value)}`)
      .join(', ')
  return [
    `swarm seed ${seed}: disk ${profile}, nodes valid ${nodesValid}; ${share(mixture)}; ` +
      `large ${share(large)}`,
    ...lives.map((life) => `  ${describeLife(life)}`),
  ].join('\n')
}

function describeLife(life: LifePlan): string {
  const { name, options, policy, actors, faults, spareBytes, ending, damage } = life
  const { durability, ...others } = options
  const parts = [
    `life ${name}: ${durability}, ${policy}, ${JSON.stringify(others)}`,
    `actors ${actors.map((one) => `${one.name} ${one.steps}x ${one.pace}`).join(', ')}`,
  ]
  if (faults.length > 0) parts.push(`faults ${JSON.stringify(faults)}`)
  if (spareBytes !== undefined) parts.push(`room for ${spareBytes} bytes`)
  parts.push(`ends ${JSON.stringify(ending)}`)
  if (damage !== undefined) parts.push(`then damage ${JSON.stringify(damage)}`)
  return parts.join('; ')
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

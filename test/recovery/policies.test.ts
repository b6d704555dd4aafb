import { beforeAll, describe, expect, it } from 'vitest'
import {
  DatabaseError,
  inspect,
  type RecoveryPolicy,
  type RecoveryReport,
} from '../../packages/asofdb/src/index.ts'
import { recoveryPolicies } from '../../packages/asofdb/src/recovery/report.ts'
import {
  buildDatabase,
  type Built,
  directory,
  type Ending,
  historyOf,
} from '../damage/damaged-database.ts'
import { type Image, ImageFiles } from '../damage/image-files.ts'
import { hostOver } from '../damage/image-host.ts'
import {
  bytesIn,
  changed,
  namesIn,
  openCopy,
  recordOf,
  withFlip,
} from './damaged-copies.ts'

/** The outcome, or the code of the refusal, by policy; what is the same for those that open. */
interface Expected {
  readonly row: string
  readonly strict: string
  readonly bestEffort: string
  readonly repair: string
  readonly sequence: number
  readonly lost?: { readonly first: number; readonly last: number | null }
  /** Whole commits that are not applied. */
  readonly skipped?: readonly { readonly first: number; readonly last: number }[]
  /** Files of which a repair keeps the bytes, besides the manifest. */
  readonly quarantined?: readonly string[]
}

interface Scenario extends Expected {
  readonly name: string
  readonly ending: Ending
  damage(image: Image): Image
}

const salvaged = { strict: 'Corrupt', bestEffort: 'degraded', repair: 'repaired' } as const
const healed = { strict: 'healed', bestEffort: 'healed', repair: 'healed' } as const
const recovered = { strict: 'recovered', bestEffort: 'recovered', repair: 'recovered' } as const

const firstSegment = 'log/log-0000000000000001-00000001.seg'
const secondSegment = 'log/log-0000000000000005-00000001.seg'

function flipRecord(image: Image, sequence: number): Image {
  const { name, offset } = recordOf(image, sequence)
  return changed(image, { [name]: withFlip(image, name, offset + 50) })
}

const scenarios: readonly Scenario[] = [
  {
    name: 'a flip in the middle of the log, in what a checkpoint holds',
    ending: 'killed',
    damage: (image) => flipRecord(image, 2),
    ...salvaged,
    row: 'M',
    sequence: 7,
    quarantined: [firstSegment],
  },
  {
    name: 'a flip in the middle of the log, beyond the checkpoint',
    ending: 'killed',
    damage: (image) => flipRecord(image, 5),
    ...salvaged,
    row: 'M',
    sequence: 4,
    lost: { first: 5, last: 7 },
    skipped: [{ first: 6, last: 7 }],
    quarantined: [secondSegment],
  },
  {
    name: 'a flip in the last record of a segment that is not the last',
    ending: 'killed',
    damage: (image) => flipRecord(image, 4),
    ...salvaged,
    row: 'M',
    sequence: 3,
    lost: { first: 4, last: 7 },
    skipped: [{ first: 5, last: 7 }],
    quarantined: [firstSegment, secondSegment],
  },
  {
    name: 'a flip in the last record of a log that was closed',
    ending: 'closed',
    damage: (image) => flipRecord(image, 7),
    ...salvaged,
    row: 'M',
    sequence: 7,
    quarantined: [secondSegment],
  },
  {
    name: 'a flip in the last record of all, which nothing promises: a torn tail',
    ending: 'killed',
    damage: (image) => flipRecord(image, 7),
    ...recovered,
    row: 'R',
    sequence: 6,
  },
  {
    name: 'a torn tail',
    ending: 'killed',
    damage: (image) => {
      const { name, offset } = recordOf(image, 7)
      return changed(image, { [name]: bytesIn(image, name).slice(0, offset + 24) })
    },
    ...recovered,
    row: 'R',
    sequence: 6,
  },
  {
    name: 'a header of a segment damaged',
    ending: 'killed',
    damage: (image) => changed(image, { [secondSegment]: withFlip(image, secondSegment, 52) }),
    ...salvaged,
    row: 'M',
    sequence: 7,
    quarantined: [secondSegment],
  },
  {
    name: 'the newest checkpoint damaged, and the log goes back far enough',
    ending: 'closed',
    damage: (image) => flipIn(image, 'checkpoint/00000003.checkpoint'),
    ...healed,
    row: 'P',
    sequence: 7,
    quarantined: ['checkpoint/00000003.checkpoint'],
  },
  {
    name: 'the only checkpoint damaged, and the log goes back to the start',
    ending: 'killed',
    damage: (image) => flipIn(image, 'checkpoint/00000001.checkpoint'),
    ...healed,
    row: 'P',
    sequence: 7,
    quarantined: ['checkpoint/00000001.checkpoint'],
  },
  {
    name: 'a checkpoint damaged that both generations need',
    ending: 'closed',
    damage: (image) => flipIn(image, 'checkpoint/00000002.checkpoint'),
    ...salvaged,
    row: 'L',
    sequence: 3,
    lost: { first: 4, last: 7 },
    skipped: [{ first: 5, last: 7 }],
    quarantined: ['checkpoint/00000002.checkpoint', secondSegment],
  },
  {
    name: 'the first checkpoint damaged, on which all the others build',
    ending: 'closed',
    damage: (image) => flipIn(image, 'checkpoint/00000001.checkpoint'),
    ...salvaged,
    row: 'L',
    sequence: 0,
    lost: { first: 1, last: 7 },
    skipped: [{ first: 5, last: 7 }],
    quarantined: ['checkpoint/00000001.checkpoint', secondSegment],
  },
  {
    name: 'a checkpoint file missing, and the log goes back far enough',
    ending: 'closed',
    damage: (image) => changed(image, { 'checkpoint/00000003.checkpoint': null }),
    ...healed,
    row: 'P',
    sequence: 7,
  },
  {
    name: 'a checkpoint file missing that both generations need',
    ending: 'closed',
    damage: (image) => changed(image, { 'checkpoint/00000002.checkpoint': null }),
    ...salvaged,
    row: 'L',
    sequence: 3,
    lost: { first: 4, last: 7 },
    skipped: [{ first: 5, last: 7 }],
    quarantined: [secondSegment],
  },
  {
    name: 'the manifest damaged',
    ending: 'killed',
    damage: (image) => changed(image, { MANIFEST: withFlip(image, 'MANIFEST', 200) }),
    ...salvaged,
    row: 'G',
    sequence: 7,
  },
  {
    name: 'the first bytes of the manifest damaged',
    ending: 'closed',
    damage: (image) => changed(image, { MANIFEST: withFlip(image, 'MANIFEST', 0) }),
    ...salvaged,
    row: 'F',
    sequence: 7,
  },
  {
    name: 'the manifest missing, and the one before with it',
    ending: 'killed',
    damage: (image) => changed(image, { MANIFEST: null, 'MANIFEST.previous': null }),
    ...salvaged,
    row: 'D',
    sequence: 7,
  },
  {
    name: 'a segment missing in the middle',
    ending: 'killed',
    damage: (image) => changed(image, { [firstSegment]: null }),
    ...salvaged,
    row: 'M',
    sequence: 3,
    lost: { first: 4, last: 7 },
    skipped: [{ first: 5, last: 7 }],
    quarantined: [secondSegment],
  },
  {
    name: 'the last segment missing',
    ending: 'killed',
    damage: (image) => changed(image, { [secondSegment]: null }),
    ...salvaged,
    row: 'M',
    sequence: 4,
    lost: { first: 5, last: null },
  },
]

function flipIn(image: Image, name: string): Image {
  return changed(image, { [name]: withFlip(image, name, bytesIn(image, name).length - 5) })
}

const built = new Map<Ending, Built>()
let foreign: Built

beforeAll(async () => {
  for (const ending of ['killed', 'closed'] as const) {
    built.set(ending, await buildDatabase(ending))
  }
  foreign = await buildDatabase('killed', 'another database')
})

function builtAs(ending: Ending): Built {
  const found = built.get(ending)
  if (found === undefined) throw new Error('it was not built')
  return found
}

async function tryPolicy(image: Image, recovery: RecoveryPolicy) {
  const files = new ImageFiles(image)
  const opened = await openCopy(files, { recovery }).catch((error: unknown) => error)
  return { files, opened }
}

async function expectRefused(image: Image, code: string, policy: RecoveryPolicy): Promise<void> {
  const { files, opened } = await tryPolicy(image, policy)
  expect(opened).toBeInstanceOf(DatabaseError)
  expect(opened).toMatchObject({ code, details: { file: expect.any(String) } })
  expect(files.changes).toBe(0)
}

/** Opens as expected, reads only what was there, and leaves what it must. */
async function expectOpens(of: {
  readonly image: Image
  readonly expected: Expected
  readonly policy: RecoveryPolicy
  readonly histories: readonly string[]
}): Promise<void> {
  const { image, expected, policy, histories } = of
  const { files, opened: database } = await tryPolicy(image, policy)
  if (database instanceof Error) throw database
  const opened = database as Awaited<ReturnType<typeof openCopy>>
  const { recovery } = opened
  const outcome = expected[policy]
  expect(recovery).toMatchObject({ policy, outcome, row: expected.row })
  expect(opened.sequence).toBe(expected.sequence)
  expect(historyOf(opened)).toBe(histories[expected.sequence])
  if (outcome === 'degraded' || outcome === 'repaired') {
    expect(recovery.lost).toEqual(expected.lost ?? null)
    expect(recovery.skipped.ranges).toEqual(expected.skipped ?? [])
    expect(recovery.damage.length).toBeGreaterThan(0)
  }
  expect(recovery.isReadOnly).toBe(outcome === 'degraded')
  const attempt = opened.write((tx) => tx.keys('after').put('k', 1))
  if (outcome === 'degraded') {
    const refusal = { code: 'ReadOnly', message: expect.stringContaining("recovery: 'repair'") }
    await expect(attempt).rejects.toMatchObject(refusal)
    await opened.close()
    expect(files.changes).toBe(0)
    return
  }
  await attempt
  await opened.close()
  if (policy === 'repair') expectQuarantine(image, files.image, recovery, expected)
  await expectOpensAgain(files, expected.sequence + 1)
}

function expectQuarantine(
  before: Image,
  after: Image,
  { quarantined, outcome }: RecoveryReport,
  expected: Expected,
): void {
  const files = quarantined.map(({ file }) => file).filter((file) => file !== 'MANIFEST')
  expect(files.sort()).toEqual([...(expected.quarantined ?? [])].sort())
  if (outcome === 'repaired' && namesIn(before).includes('MANIFEST')) {
    expect(quarantined.map(({ file }) => file)).toContain('MANIFEST')
  }
  for (const { file, path, bytes } of quarantined) {
    expect(bytesIn(after, path)).toEqual(bytesIn(before, file))
    expect(bytes).toBe(bytesIn(before, file).length)
    const description: unknown = JSON.parse(Buffer.from(bytesIn(after, `${path}.json`)).toString())
    expect(description).toMatchObject({ file, bytes, why: expect.any(String) })
  }
}

/** Strictly, and it is sound. */
async function expectOpensAgain(files: ImageFiles, sequence: number): Promise<void> {
  const again = await openCopy(files)
  expect(again.recovery).toMatchObject({ outcome: 'clean', damage: [] })
  expect(again.sequence).toBe(sequence)
  expect(await again.verify()).toMatchObject({ isSound: true, problems: [] })
  await again.close()
  const inspected = await inspect(directory, { host: hostOver(files, 'inspected') })
  expect(inspected.isSound).toBe(true)
}

describe.each(scenarios)('$name', (scenario) => {
  it.each(recoveryPolicies)('by %s', async (policy) => {
    const { image, histories } = builtAs(scenario.ending)
    const damaged = scenario.damage(image)
    const outcome = scenario[policy]
    if (outcome === 'Corrupt') return expectRefused(damaged, outcome, policy)
    return expectOpens({ image: damaged, expected: scenario, policy, histories })
  })
})

describe('a segment of another database', () => {
  const expected: Expected = {
    row: 'I',
    ...salvaged,
    strict: 'ForeignFile',
    sequence: 4,
    lost: { first: 5, last: null },
    quarantined: [secondSegment],
  }

  it.each(recoveryPolicies)('in the place of one of this, by %s', async (policy) => {
    const { image, histories } = builtAs('killed')
    const bytes = bytesIn(foreign.image, secondSegment)
    const damaged = changed(image, { [secondSegment]: bytes })
    if (policy === 'strict') return expectRefused(damaged, 'ForeignFile', policy)
    return expectOpens({ image: damaged, expected, policy, histories })
  })

  it.each(recoveryPolicies)('in the place of all, refuses by %s', async (policy) => {
    const { image } = builtAs('killed')
    const names = namesIn(image).filter((name) => name.includes('/'))
    const swapped = names.map((name) => [name, bytesIn(foreign.image, name)] as const)
    await expectRefused(changed(image, Object.fromEntries(swapped)), 'ForeignFile', policy)
  })
})

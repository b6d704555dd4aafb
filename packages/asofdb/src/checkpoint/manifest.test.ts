import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SimulatedHost } from '../../../../simulation/simulated-host.ts'
import { SimulatedCrash } from '../../../../simulation/simulated-clock.ts'
import { DatabaseError } from '../rules/errors.ts'
import { segmentName } from '../log/segment.ts'
import { decodeManifest, encodeManifest, type Manifest, sealManifest } from './manifest.ts'
import { ManifestStore, readWholeFile } from './manifest-store.ts'
import { sectionRecord, zeroCounts } from './sections.ts'

const file = {
  name: '00000003.checkpoint',
  size: 4711,
  headerChecksum: 0xdeadbeef,
  fromSequence: 0,
  toSequence: 12,
  from: zeroCounts(),
  to: sectionRecord((name) => name.length),
}
const segment = { number: 2, epoch: 3, firstSequence: 13, salt: -(2n ** 63n) }
const sample: Manifest = {
  databaseId: '00112233445566778899aabbccddeeff',
  revision: 7,
  epoch: 3,
  isLogged: true,
  generation: 3,
  settings: { nodesValid: 'always', list: [1, null, 'ä'] },
  checkpoint: { sequence: 12, files: [file] },
  previous: { sequence: 0, files: [] },
  segments: [{ ...segment, name: segmentName(segment) }],
  segmentNumber: 2,
  durableSequence: 14,
}

function codeOf(bytes: Uint8Array): string {
  try {
    decodeManifest(bytes)
    return 'read'
  } catch (error) {
    if (error instanceof DatabaseError) return error.code
    throw error
  }
}

describe('the manifest', () => {
  it('comes back as it was', () => {
    expect(decodeManifest(encodeManifest(sample))).toEqual(sample)
  })

  it('is refused with any bit inverted, and cut at any length', () => {
    const bytes = encodeManifest(sample)
    const codes = new Set<string>()
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice()
      flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
      codes.add(codeOf(flipped))
    }
    for (let length = 0; length < bytes.length; length++) codes.add(codeOf(bytes.slice(0, length)))
    expect(codes).toEqual(new Set(['Corrupt']))
  })

  it('names file and offset, and says what to do', () => {
    const bytes = encodeManifest(sample)
    bytes[200] = 0
    expect(() => decodeManifest(bytes)).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/MANIFEST.*byte 27.*backup/),
        details: expect.objectContaining({ file: 'MANIFEST', offset: 27 }),
      }),
    )
  })

  it('of a later format is refused with the release that reads it', () => {
    const bytes = sealManifest(2, JSON.stringify({ release: '9.1.0', anything: 1 }))
    expect(() => decodeManifest(bytes)).toThrow(
      expect.objectContaining({
        code: 'FormatTooNew',
        message: expect.stringContaining('asofdb 9.1.0 or later'),
      }),
    )
  })

  it('throws nothing but its own errors, whatever JSON it holds', () => {
    const text = new TextDecoder().decode(encodeManifest(sample))
    const whole: unknown = JSON.parse(text.slice(text.indexOf('\n')))
    const names = Object.keys(whole as object)
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.jsonValue(), (name, value) => {
        const body = JSON.stringify({ ...(whole as object), [name]: value })
        expect(['read', 'Corrupt']).toContain(codeOf(sealManifest(1, body)))
      }),
      { seed: 1, numRuns: 300 },
    )
  })
})

describe('the swap of a manifest', () => {
  const place = (host: SimulatedHost) => ({ files: host.files, directory: '/' })

  it.each(['posix', 'ordered'] as const)('leaves the old or the next one (%s)', async (profile) => {
    const found = new Set<number | undefined>()
    let isDone = false
    for (let operation = 1; !isDone; operation++) {
      const crashAt = { operation, outcome: 'partly-done' } as const
      const faults = { crashAt }
      const host = new SimulatedHost({ seed: 'swap', profile, crashRejects: true, faults })
      let acknowledged = 0
      await host
        .run(async () => {
          const store = await ManifestStore.create(place(host), { ...sample, revision: 1 })
          acknowledged = 1
          for (let revision = 2; revision < 4; revision++) {
            await store.update((current) => current)
            acknowledged = revision
          }
        })
        .catch((error: unknown) => {
          if (!(error instanceof SimulatedCrash)) throw error
        })
      isDone = !host.isStopped
      for (const spec of host.crashes({ randomCount: 4 })) {
        const next = host.crash(spec)
        const bytes = await next.run(() => readWholeFile(next.files, '/MANIFEST'))
        const revision = bytes && decodeManifest(bytes).revision
        expect([acknowledged, acknowledged + 1]).toContain(revision ?? 0)
        found.add(revision)
      }
    }
    expect(found).toEqual(new Set([undefined, 1, 2, 3]))
  })

  it('is refused when another process has written the manifest, or it is gone', async () => {
    const host = new SimulatedHost({ seed: 'rival' })
    await host.run(async () => {
      const store = await ManifestStore.create(place(host), sample)
      const rival = ManifestStore.of(place(host), sample, encodeManifest(sample))
      await rival.update((current) => ({ ...current, epoch: 4 }))
      const refusal = { code: 'Poisoned', message: expect.stringContaining('another process') }
      await expect(store.update((current) => current)).rejects.toMatchObject(refusal)
      await expect(store.update((current) => current)).rejects.toMatchObject(refusal)
      await host.files.remove('/MANIFEST')
      await expect(rival.update((current) => current)).rejects.toMatchObject({ code: 'Poisoned' })
      expect(await host.files.list('/')).not.toContain('MANIFEST')
    })
  })

  it('keeps the one before', async () => {
    const host = new SimulatedHost({ seed: 'previous' })
    await host.run(async () => {
      const store = await ManifestStore.create(place(host), sample)
      await store.update((current) => ({ ...current, epoch: 9 }))
      const bytes = await readWholeFile(host.files, '/MANIFEST.previous')
      expect(bytes).toEqual(encodeManifest(sample))
    })
  })

  it('keeps segments that a checkpoint dropped out, and takes the changes in order', async () => {
    const host = new SimulatedHost({ seed: 'segments' })
    await host.run(async () => {
      const none = { ...sample, segmentNumber: 1, segments: [] }
      const store = await ManifestStore.create(place(host), none)
      const segments = [1, 2, 3].map((number) => {
        const of = { epoch: 3, firstSequence: number * 10 }
        return { ...of, number, salt: 1n, name: segmentName(of) }
      })
      const names = (count: number) => segments.slice(0, count)
      await Promise.all([
        store.nameSegments(names(2)),
        store.update((current) => ({ ...current, segments: current.segments.slice(1) })),
        store.nameSegments(names(3)),
      ])
      expect(store.current.segments).toEqual(segments.slice(1))
      expect(store.current).toMatchObject({ segmentNumber: 3, revision: 10 })
    })
  })
})

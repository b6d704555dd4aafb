import type { Host } from '../../packages/asofdb/src/host/host.ts'
import { RandomStream } from '../../simulation/random.ts'
import type { ImageFiles } from './image-files.ts'

/** A world without time and chance around the files of an image. */
export function hostOver(files: ImageFiles, seed: string): Host {
  const random = new RandomStream(seed)
  let micros = 1_704_067_200_000_000
  return {
    clock: { wallMicros: () => (micros += 1000), monotonicMs: () => 0 },
    timers: { after: () => () => undefined, yieldTurn: () => Promise.resolve() },
    random: { bytes: (length) => random.bytes(length), fraction: () => random.fraction() },
    files,
    process: { pid: 1, hostName: 'image' },
  }
}

import type { Database } from 'asofdb'
import { expect } from 'vitest'
import type { Image } from '../damage/image-files.ts'
import { valuesOf, World } from './world.ts'

/** The state after each of a number of commits, oldest first, as text. */
export async function fourCommits(world: World): Promise<string[]> {
  const db = await world.open()
  const states = [stateOf(db)]
  for (let number = 0; number < 4; number++) {
    await db.write((tx) => tx.keys('k').put(`key ${number}`, { number, text: 'x'.repeat(20) }))
    states.push(stateOf(db))
  }
  return states
}

export function stateOf(db: Database): string {
  return JSON.stringify([...valuesOf(db, 'k')])
}

/** The last file, by name, of those whose path has a part. */
export function fileOf(image: Image, part: string): { path: string; bytes: Uint8Array } {
  const paths = [...image.files.keys()].filter((path) => path.includes(part)).sort()
  const path = paths.at(-1) ?? expect.unreachable(`no file of ${part}`)
  return { path, bytes: image.files.get(path) ?? expect.unreachable(path) }
}

/** A machine whose disk has another content of one file. */
export function withFile(image: Image, path: string, bytes: Uint8Array): World {
  return new World({ ...image, files: new Map(image.files).set(path, bytes) })
}

/** The state that opens, or the code of the refusal. */
export async function outcomeOf(world: World): Promise<string> {
  try {
    return stateOf(await world.open())
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : expect.unreachable()
  }
}

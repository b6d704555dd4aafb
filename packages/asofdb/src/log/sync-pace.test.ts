import { expect, test } from 'vitest'
import { SyncPace } from './sync-pace.ts'

/** How many syncs in a row are left to a thread that takes `threadMs`. */
function pauseOf(pace: SyncPace, threadMs: number): number {
  let count = 0
  for (; !pace.isQuick; count++) pace.noteThread(threadMs)
  return count
}

function slowDown(pace: SyncPace): void {
  while (pace.isQuick) pace.noteOwn(20)
}

test('one slow sync among quick ones changes nothing, several do', () => {
  const pace = new SyncPace()
  for (let count = 0; count < 20; count++) pace.noteOwn(0.2)
  pace.noteOwn(500)
  expect(pace.isQuick).toBe(true)
  for (let count = 0; count < 3; count++) pace.noteOwn(500)
  expect(pace.isQuick).toBe(false)
})

test('a disk that stays slow is tried ever more seldom', () => {
  const pace = new SyncPace()
  slowDown(pace)
  const pauses: number[] = []
  for (let trial = 0; trial < 10; trial++) {
    pauses.push(pauseOf(pace, 20))
    pace.noteOwn(20)
  }
  expect(pauses).toEqual([8, 16, 32, 64, 128, 256, 512, 1024, 1024, 1024])
})

test('a disk that is quick is found out, however late its thread wakes up', () => {
  const pace = new SyncPace()
  slowDown(pace)
  expect(pauseOf(pace, 3)).toBe(8)
  pace.noteOwn(0.3)
  expect(pace.isQuick).toBe(true)
  slowDown(pace)
  expect(pauseOf(pace, 3)).toBe(8)
})

test('a quick thread ends the pause at once', () => {
  const pace = new SyncPace()
  slowDown(pace)
  expect(pauseOf(pace, 0.5)).toBe(1)
})

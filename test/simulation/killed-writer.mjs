/**
 * Commits until it is killed: `node killed-writer.mjs ENGINE DIRECTORY OPTIONS FIRST`, where the
 * options are those of opening, as JSON. Prints the number of each commit that its mode, or the
 * write itself, promises to keep when the process dies, once it is acknowledged; so what stands in
 * the pipe was promised.
 */
import { writeSync } from 'node:fs'

const [engine = '', directory = '', mode = '{}', first = '1'] = process.argv.slice(2)
const { open } = await import(engine)
const options = JSON.parse(mode)
const database = await open(directory, {
  segmentBytesMax: 16_384,
  checkpointLogBytes: 30_000,
  ...options,
})

let next = Number(first)
const writers = 4
const isKept = options.durability !== undefined
const stronger = ['sync', 'os']
/** Of the commits of a mode that keeps none by itself, every so many asks to be kept. */
const strongerEvery = 5

async function write() {
  for (;;) {
    const number = next++
    const isStronger = number % strongerEvery === 0
    const durability = isStronger ? stronger[(number / strongerEvery) % 2] : undefined
    await database.write(
      tx => {
        const text = 'x'.repeat(number % 500)
        tx.createNode('N', { number, text }, { valid: 'always' })
        tx.keys('numbers').put(number, text.length)
      },
      { durability },
    )
    if (isKept || isStronger) writeSync(1, `${number}\n`)
  }
}

await Promise.all(Array.from({ length: writers }, () => write()))

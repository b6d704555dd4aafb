/**
 * Commits until it is killed: `node killed-writer.mjs ENGINE DIRECTORY DURABILITY FIRST`. Prints
 * the number of each commit once it is acknowledged, so that what stands in the pipe was promised.
 */
import { writeSync } from 'node:fs'

const [engine = '', directory = '', durability = '', first = '1'] = process.argv.slice(2)
const { open } = await import(engine)
const database = await open(directory, {
  durability,
  segmentBytesMax: 16_384,
  checkpointLogBytes: 30_000,
  syncEveryMs: 5,
})

let next = Number(first)
const writers = 4

async function write() {
  for (;;) {
    const number = next++
    await database.write(tx => {
      const text = 'x'.repeat(number % 500)
      tx.createNode('N', { number, text }, { valid: 'always' })
      tx.keys('numbers').put(number, text.length)
    })
    writeSync(1, `${number}\n`)
  }
}

await Promise.all(Array.from({ length: writers }, () => write()))

/**
 * A process of its own for the `open` benchmark: reads every byte below a folder, each file into
 * memory of its own, which any opening has to do at least. The answer is one line of JSON.
 */
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'

const [folder = ''] = process.argv.slice(2)
const began = performance.now()
const files = filesBelow(folder).map(readWhole)
const openMs = performance.now() - began
const bytes = files.reduce((sum, file) => sum + file.length, 0)
process.stdout.write(`${JSON.stringify({ openMs, bytes })}\n`)

function readWhole(path: string): Uint8Array {
  const file = openSync(path, 'r')
  const { size } = statSync(path)
  const memory = new Uint8Array(size)
  for (let read = 0; read < size; ) read += readSync(file, memory, read, size - read, read)
  closeSync(file)
  return memory
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : []
  })
}

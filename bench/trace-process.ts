/**
 * Started under strace by trace.ts with a store's name and an empty folder: makes commits, and
 * writes a line to a file of its own right before each is asked for and right after each was
 * acknowledged, so that both are to be seen between the system calls of the store.
 */
import { mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { ourKeys, peerKinds } from './commit-stores.ts'
import { loadPeers } from './installed-peers.ts'

const [name, folder = '.', commits = '1', callers = '1'] = process.argv.slice(2)
const kind = [ourKeys, ...peerKinds(await loadPeers())].find((one) => one.name === name)
if (kind === undefined) throw new Error(`there is no store '${name}'`)
mkdirSync(join(folder, 'store'))
const store = await kind.open(join(folder, 'store'))
await store.commit('first', 'the first commit may prepare files')
const marks = openSync(join(folder, 'marks'), 'a')
let next = 0
await Promise.all(Array.from({ length: Number(callers) }, call))
await store.close()

async function call(): Promise<void> {
  while (next < Number(commits)) {
    const number = next++
    writeSync(marks, `asked ${number};`)
    await store?.commit(`key ${number}`, `value ${number}`)
    writeSync(marks, `acknowledged ${number};`)
  }
}

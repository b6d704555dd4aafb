import { open } from './packages/asofdb/src/index.ts'
const N = 100000, M = 500000
const db = await open(':memory:')
let seed = 12345; const rnd = (n) => { seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0; return Math.floor(seed / 4294967296 * n) }
const batch=20000
for (let i = 0; i < N; i += batch) await db.write(tx => { for (let j = i; j < Math.min(N, i + batch); j++) tx.createNode('Person', { age: j % 90, name: 'person ' + j }, { valid: 'always' }) })
let t = performance.now()
for (let i = 0; i < M; i += batch) await db.write(tx => { for (let j = i; j < Math.min(M, i + batch); j++) tx.createEdge(rnd(N) * 4 + 1, 'KNOWS', rnd(N) * 4 + 1, undefined) })
console.log('edges/s', M / (performance.now() - t) * 1000)
t = performance.now(); db.out(1); console.log('adjacency build', performance.now() - t)

import { open } from './packages/asofdb/src/index.ts'
const N = Number(process.argv[2] ?? 200000)
const db = await open(':memory:')
let seed = 12345; const rnd = (n) => { seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0; return Math.floor(seed / 4294967296 * n) }
for (let i = 0; i < N; i += 20000) await db.write(tx => { for (let j = i; j < Math.min(N, i + 20000); j++) tx.createNode('Person', { age: j % 90, name: 'person ' + j }, { valid: 'always' }) })
let s=0
for (let k=0;k<5;k++){ let t=performance.now(); for (let i = 0; i < 2000000; i++) s += db.node(rnd(N) * 4 + 1).get('age'); console.log((performance.now()-t)/2e6*1e6,'ns') }

import { open } from './packages/asofdb/src/index.ts'
const N = Number(process.argv[2] ?? 200000), M = N * 5
const db = await open(':memory:')
let t = performance.now()
const batch = 50000
let seed = 12345; const rnd = (n) => { seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0; return Math.floor(seed / 4294967296 * n) }
for (let i = 0; i < N; i += batch) await db.write(tx => { for (let j = i; j < Math.min(N, i + batch); j++) tx.createNode('Person', { age: j % 90, name: 'person ' + j }, { valid: 'always' }) })
console.log('nodes/s', N / (performance.now() - t) * 1000); t = performance.now()
for (let i = 0; i < M; i += batch) await db.write(tx => { for (let j = i; j < Math.min(M, i + batch); j++) tx.createEdge(rnd(N) * 4 + 1, 'KNOWS', rnd(N) * 4 + 1, undefined) })
console.log('edges/s', M / (performance.now() - t) * 1000)
t = performance.now(); db.targets(1); console.log("adjacency build", performance.now() - t)
const R = 1000000
for (let round = 0; round < 3; round++) {
  let s = 0
  t = performance.now(); for (let i = 0; i < R; i++) s += db.node(rnd(N) * 4 + 1).get('age'); const a = (performance.now() - t) / R * 1e6
  t = performance.now(); for (let i = 0; i < R; i++) s += db.node(rnd(N) * 4 + 1).get('name').length; const b = (performance.now() - t) / R * 1e6
  const v = db.asOf({ valid: new Date() , sequence: db.sequence - 1})
  t = performance.now(); for (let i = 0; i < R; i++) s += v.node(rnd(N) * 4 + 1).get('age'); const c = (performance.now() - t) / R * 1e6
  let e = 0
  t = performance.now(); for (let i = 0; i < R / 5; i++) for (const x of db.out(rnd(N) * 4 + 1)) { s += x.target; e++ }; const d = (performance.now() - t) / e * 1e6
  e = 0
  t = performance.now(); for (let i = 0; i < R / 25; i++) for (const x of db.targets(rnd(N) * 4 + 1)) for (const y of db.targets(x)) { s += y; e++ }; const f = (performance.now() - t) / e * 1e6
  e = 0
  t = performance.now(); for (let i = 0; i < R / 25; i++) for (const x of v.targets(rnd(N) * 4 + 1)) for (const y of v.targets(x)) { s += y; e++ }; const g = (performance.now() - t) / e * 1e6
  console.log({ byId: a, byIdString: b, asOf: c, edgeStep: d, twoHop: f, twoHopAsOf: g })
}
const st = db.stats(); console.log(st.bytes, 'per edge', (st.bytes.tables + st.bytes.adjacency) / M, process.memoryUsage().rss / 1e6)

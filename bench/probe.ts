import { open } from 'asofdb'
import { loadGraph, makeSampleGraph, nodeIdOf } from './sample-graph.ts'
const N = 100000
const db = await open(':memory:')
await loadGraph(db, makeSampleGraph(N, 5 * N))
let state = 1
const R = Number(process.argv[2])
function ages(ids: Int32Array) { let sum = 0
  for (const id of ids) { const v = db.node(id)?.get('age'); if (typeof v === 'number') sum += v }
  return sum }
for (let r = 0; r < 12; r++) {
const ids = Int32Array.from({ length: R }, () => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return nodeIdOf(Math.floor(state / 2 ** 32 * N)) })
  if (process.argv[3]) globalThis.gc?.()
  if (process.argv[3] === '2') await new Promise(r => setTimeout(r, 50))
  const c = process.cpuUsage(); const t = performance.now()
  ages(ids)
  const e = performance.now()
  const d = process.cpuUsage(c)
  console.log((d.user + d.system) * 1000 / ids.length, (e - t) * 1e6 / ids.length)
}

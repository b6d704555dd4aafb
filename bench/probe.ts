import { keyStores, keysOf, valueOf } from './key-stores.ts'
import { loadPeers } from './installed-peers.ts'
import { makeWorkspace } from './workspace.ts'
const w = makeWorkspace()
const keys = keysOf(6000)
const want = keys.reduce((s, k) => s + valueOf(k).length, 0)
for (const kind of keyStores(await loadPeers())) { const s = await kind.open(w.folder('x'), keys); const t = performance.now(); console.log(s.name, s.getAll(keys), want, (performance.now()-t)/6); await s.close() }
w.remove()

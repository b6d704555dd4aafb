import { join } from 'node:path'
import { type Database, open } from 'asofdb'
import type { Peers } from './installed-peers.ts'
import { ageOf, at, loadGraph, nameOf, nodeIdOf, type SampleGraph } from './sample-graph.ts'
import { lengthOf, numberOf } from './values.ts'

/**
 * The questions of the read benchmark, each over all of `nodes`, so that the loop belongs to the
 * engine and no call stands between it and what it does. Each returns a sum of what it read.
 */
export interface ReadEngine {
  readonly name: string
  /** The sum of one number property of each node. */
  ages(nodes: Int32Array): number
  /** The sum of the lengths of one string property of each node. */
  names(nodes: Int32Array): number
  /** The sum of the node numbers that the edges of each node reach; undefined: has no edges. */
  steps?(nodes: Int32Array): number
  /** The same over two steps. */
  twoHops?(nodes: Int32Array): number
  close(): Promise<void>
}

export const oursName = 'ours'
export const floorName = 'two loads from plain arrays'
export const lmdbName = 'lmdb'
export const lmdbInPlaceName = 'lmdb, records of fixed layout'
export const sqliteName = 'better-sqlite3'

/** Ours as used for reading at a moment, and its other ways of asking the same. */
export interface OurReadEngine extends ReadEngine {
  readonly db: Database
  /** As `steps`, with an object for each edge instead of ids alone. */
  stepsByEdge(nodes: Int32Array): number
  /** As `steps`, each node asked of the database itself: what holds at that very moment. */
  stepsNow(nodes: Int32Array): number
}

export async function openOurs(graph: SampleGraph): Promise<OurReadEngine> {
  const db = await open(':memory:')
  await loadGraph(db, graph)
  const view = db.snapshot()
  return {
    name: oursName,
    db,
    ages(nodes) {
      let sum = 0
      for (const node of nodes) sum += numberOf(db.node(nodeIdOf(node))?.get('age'))
      return sum
    },
    names(nodes) {
      let sum = 0
      for (const node of nodes) sum += lengthOf(db.node(nodeIdOf(node))?.get('name'))
      return sum
    },
    steps(nodes) {
      let sum = 0
      for (const node of nodes) for (const id of view.targets(nodeIdOf(node))) sum += id >> 2
      return sum
    },
    stepsByEdge(nodes) {
      let sum = 0
      for (const node of nodes) {
        for (const edge of view.out(nodeIdOf(node))) sum += edge.target >> 2
      }
      return sum
    },
    stepsNow(nodes) {
      let sum = 0
      for (const node of nodes) for (const id of db.targets(nodeIdOf(node))) sum += id >> 2
      return sum
    },
    twoHops(nodes) {
      let sum = 0
      for (const node of nodes) {
        for (const near of view.targets(nodeIdOf(node))) {
          for (const far of view.targets(near)) sum += far >> 2
        }
      }
      return sum
    },
    close: () => db.close(),
  }
}

/** Bytes of a node's record in the floor: about what a payload of ours takes. */
const floorRecordBytes = 32

/** Two dependent loads from plain arrays of the same size: what this memory takes at least. */
export function makeFloor(graph: SampleGraph): ReadEngine {
  const { nodeCount, starts, targetsByNode } = graph
  const records = new Uint8Array(nodeCount * floorRecordBytes)
  const places = new Int32Array(nodeCount)
  for (let node = 0; node < nodeCount; node++) {
    places[node] = node * floorRecordBytes
    records[node * floorRecordBytes] = ageOf(node)
    records[node * floorRecordBytes + 1] = nameOf(node).length
  }
  return {
    name: floorName,
    ages(nodes) {
      let sum = 0
      for (const node of nodes) sum += records[at(places, node)] ?? 0
      return sum
    },
    names(nodes) {
      let sum = 0
      for (const node of nodes) sum += records[at(places, node) + 1] ?? 0
      return sum
    },
    steps(nodes) {
      let sum = 0
      for (const node of nodes) {
        const end = at(starts, node + 1)
        for (let edge = at(starts, node); edge < end; edge++) sum += at(targetsByNode, edge)
      }
      return sum
    },
    twoHops(nodes) {
      let sum = 0
      for (const node of nodes) {
        const end = at(starts, node + 1)
        for (let edge = at(starts, node); edge < end; edge++) {
          const near = at(targetsByNode, edge)
          const nearEnd = at(starts, near + 1)
          for (let far = at(starts, near); far < nearEnd; far++) sum += at(targetsByNode, far)
        }
      }
      return sum
    },
    close: () => Promise.resolve(),
  }
}

/**
 * lmdb with a record an object each (as JSON, its fastest encoding of small objects), and the
 * targets of a node packed into one value, though a change of one edge then rewrites them all.
 */
export async function openLmdb(
  lmdb: NonNullable<Peers['lmdb']>,
  folder: string,
  graph: SampleGraph,
): Promise<ReadEngine> {
  const root = lmdb.open({ path: join(folder, 'db'), noSync: true })
  const keyEncoding = 'uint32'
  const people = root.openDB<Person, number>({ name: 'people', keyEncoding, encoding: 'json' })
  const edges = root.openDB<Uint8Array, number>({ name: 'edges', keyEncoding, encoding: 'binary' })
  root.transactionSync(() => {
    for (let node = 0; node < graph.nodeCount; node++) {
      people.putSync(node, { age: ageOf(node), name: nameOf(node) })
      const [start, end] = [at(graph.starts, node), at(graph.starts, node + 1)]
      const packed = graph.targetsByNode.slice(start, end)
      if (end > start) edges.putSync(node, new Uint8Array(packed.buffer))
    }
  })
  const targetsOf = (node: number): Buffer | undefined => viewOf(edges.getBinaryFast(node))
  return {
    name: lmdbName,
    ages: (nodes) => sumOf(nodes, (node) => people.get(node)?.age ?? 0),
    names: (nodes) => sumOf(nodes, (node) => people.get(node)?.name.length ?? 0),
    steps(nodes) {
      let sum = 0
      for (const node of nodes) {
        const targets = targetsOf(node)
        if (targets === undefined) continue
        for (let place = 0; place < targets.length; place += 4) sum += targets.readInt32LE(place)
      }
      return sum
    },
    twoHops(nodes) {
      let sum = 0
      for (const node of nodes) {
        const found = targetsOf(node)
        if (found === undefined) continue
        // The next read reuses the memory of this one.
        const targets = Buffer.from(found)
        for (let place = 0; place < targets.length; place += 4) {
          const far = targetsOf(targets.readInt32LE(place))
          if (far === undefined) continue
          for (let next = 0; next < far.length; next += 4) sum += far.readInt32LE(next)
        }
      }
      return sum
    },
    close: () => root.close(),
  }
}

interface Person {
  readonly age: number
  readonly name: string
}

/** lmdb as a file of records of one fixed layout, read in place: no names, no types, no changes. */
export async function openLmdbInPlace(
  lmdb: NonNullable<Peers['lmdb']>,
  folder: string,
  graph: SampleGraph,
): Promise<ReadEngine> {
  const people = lmdb.open<Uint8Array, number>({
    path: join(folder, 'db'),
    keyEncoding: 'uint32',
    encoding: 'binary',
    noSync: true,
  })
  people.transactionSync(() => {
    for (let node = 0; node < graph.nodeCount; node++) {
      people.putSync(node, Buffer.concat([Buffer.of(ageOf(node)), Buffer.from(nameOf(node))]))
    }
  })
  return {
    name: lmdbInPlaceName,
    ages: (nodes) => sumOf(nodes, (node) => people.getBinaryFast(node)?.[0] ?? 0),
    names: (nodes) =>
      sumOf(nodes, (node) => viewOf(people.getBinaryFast(node))?.toString('latin1', 1).length ?? 0),
    close: () => people.close(),
  }
}

function viewOf(bytes: Uint8Array | undefined): Buffer | undefined {
  return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** better-sqlite3: prepared statements, a clustered table of edges, two steps as one join. */
export async function openSqlite(
  sqlite: NonNullable<Peers['sqlite']>,
  folder: string,
  graph: SampleGraph,
): Promise<ReadEngine> {
  const db = new sqlite(join(folder, 'db'))
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = OFF')
  db.pragma('cache_size = -1000000')
  db.exec(`
    CREATE TABLE person (id INTEGER PRIMARY KEY, age INTEGER, name TEXT);
    CREATE TABLE edge (source INTEGER, id INTEGER, target INTEGER,
      PRIMARY KEY (source, id)) WITHOUT ROWID`)
  const person = db.prepare('INSERT INTO person VALUES (?, ?, ?)')
  const edge = db.prepare('INSERT INTO edge VALUES (?, ?, ?)')
  db.transaction(() => {
    for (let node = 0; node < graph.nodeCount; node++) {
      person.run(node, ageOf(node), nameOf(node))
      const end = at(graph.starts, node + 1)
      for (let place = at(graph.starts, node); place < end; place++) {
        edge.run(node, place, at(graph.targetsByNode, place))
      }
    }
  })()
  const age = db.prepare('SELECT age FROM person WHERE id = ?').pluck()
  const name = db.prepare('SELECT name FROM person WHERE id = ?').pluck()
  const targets = db.prepare('SELECT target FROM edge WHERE source = ?').pluck()
  const twoHops = db
    .prepare(
      'SELECT sum(far.target) FROM edge near JOIN edge far ON far.source = near.target ' +
        'WHERE near.source = ?',
    )
    .pluck()
  return {
    name: sqliteName,
    ages: (nodes) => sumOf(nodes, (node) => Number(age.get(node))),
    names: (nodes) => sumOf(nodes, (node) => lengthOf(name.get(node))),
    steps(nodes) {
      let sum = 0
      for (const node of nodes) for (const target of targets.all(node)) sum += Number(target)
      return sum
    },
    twoHops: (nodes) => sumOf(nodes, (node) => Number(twoHops.get(node) ?? 0)),
    async close() {
      db.close()
    },
  }
}

function sumOf(nodes: Int32Array, read: (node: number) => number): number {
  let sum = 0
  for (const node of nodes) sum += read(node)
  return sum
}

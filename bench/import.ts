import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, open, type Transaction } from 'asofdb'
import type SqliteDatabase from 'better-sqlite3'
import { type Fact, type FactSet, readFacts } from './facts.ts'
import { makeRow, type Row, rowAgainstBest } from './report.ts'
import { compete, type Contestant, mustBe } from './rounds.ts'
import type { Setting } from './setting.ts'

const unit = 'facts/s'
const rateLimit = 200_000

/** Names of the ways to import. */
const ours = 'ours'
const indexesFirst = 'better-sqlite3, WAL, FULL'
const indexesLast = 'better-sqlite3, indexes made at the end'

/** Dated facts into an empty database: two nodes and an edge with a period for each. */
export async function benchImport(setting: Setting): Promise<Row[]> {
  const set = readFacts(setting.scale)
  setting.say(`Importing ${set.facts.length} facts (${set.name}) ...`)
  const { sqlite } = setting.peers
  const whole = await compete(
    [
      ourImport(setting, set, set.facts.length),
      sqlite && sqliteImport(setting, set, { sqlite, perCommit: Infinity, areIndexesLast: false }),
      sqlite && sqliteImport(setting, set, { sqlite, perCommit: Infinity, areIndexesLast: true }),
    ],
    setting.rounds,
  )
  const parts = await compete(
    [
      ourImport(setting, set, 1000),
      sqlite && sqliteImport(setting, set, { sqlite, perCommit: 1000, areIndexesLast: false }),
    ],
    setting.rounds,
  )
  const what = `dated facts (${set.name}), durable at the end`
  const whatParts = `dated facts (${set.name}), durable every 1,000`
  const limit = { against: 'limit 200,000 facts/s', theirs: rateLimit }
  const theirs = [indexesFirst, indexesLast]
  return [
    rowAgainstBest(whole, { id: 'import.facts', what, unit }, { ours, theirs }),
    rowAgainstBest(whole, { id: 'import.facts.indexesFirst', what, unit }, {
      ours,
      theirs: [indexesFirst],
    }),
    rowAgainstBest(parts, { id: 'import.facts.per1000', what: whatParts, unit }, {
      ours,
      theirs: [indexesFirst],
    }),
    makeRow({ id: 'import.facts.rate', what, unit }, whole.mustGet(ours), limit),
    makeRow({ id: 'import.facts.per1000.rate', what: whatParts, unit }, parts.mustGet(ours), limit),
  ]
}

/** Each round into a new folder, from opening it to a walk both ways after the last commit. */
function ourImport(setting: Setting, set: FactSet, perCommit: number): Contestant {
  return {
    name: ours,
    async run() {
      const folder = setting.workspace.folder('import')
      const nodes = new Map<string, number>()
      const began = performance.now()
      const db = await open(folder)
      for (let start = 0; start < set.facts.length; start += perCommit) {
        await db.write((tx) => importSome(tx, set.facts.slice(start, start + perCommit), nodes))
      }
      // Adjacency is made when it is first asked for; the peer's indexes are there by now.
      const [first] = set.facts
      const view = db.asOf({ valid: BigInt(first?.fromMicros ?? 0) })
      const anyone = nodes.get(first?.subject ?? '') ?? 0
      const touched = view.targets(anyone).length + view.sources(anyone).length
      const rate = rateOf(set, began)
      mustBe(touched > 0, 'the first subject of all has an edge')
      await db.close()
      const reopened = await open(folder)
      checkOurs(reopened, set, nodes)
      await reopened.close()
      rmSync(folder, { recursive: true })
      return rate
    },
  }
}

function importSome(tx: Transaction, facts: readonly Fact[], nodes: Map<string, number>): void {
  const nodeOf = (name: string): number => {
    const known = nodes.get(name)
    if (known !== undefined) return known
    const { id } = tx.createNode('Entity', { name }, { valid: 'always' })
    nodes.set(name, id)
    return id
  }
  for (const { subject, relation, object, fromMicros, toMicros } of facts) {
    const period = { validFrom: BigInt(fromMicros), validTo: BigInt(toMicros) }
    tx.createEdge(nodeOf(subject), relation, nodeOf(object), undefined, period)
  }
}

/** How many facts of a subject hold at an instant, asked of the database and of the input. */
function checkOurs(db: Database, set: FactSet, nodes: ReadonlyMap<string, number>): void {
  const { entities } = db.stats()
  mustBe(entities.nodes === nodes.size, `${entities.nodes} nodes of ${nodes.size}`)
  mustBe(entities.edges === set.facts.length, `${entities.edges} edges of ${set.facts.length}`)
  for (const { subject, fromMicros } of sampleOf(set)) {
    const found = db.asOf({ valid: BigInt(fromMicros) }).out(nodes.get(subject) ?? 1).length
    const expected = countOf(set, subject, fromMicros)
    mustBe(found === expected, `${found} facts of ${subject} where ${expected} hold`)
  }
}

interface SqliteImport {
  readonly sqlite: typeof SqliteDatabase
  readonly perCommit: number
  readonly areIndexesLast: boolean
}

const tables = `
  CREATE TABLE node (id INTEGER PRIMARY KEY, label INTEGER, name TEXT);
  CREATE TABLE edge (id INTEGER PRIMARY KEY, type INTEGER, source INTEGER, target INTEGER,
    valid_from INTEGER, valid_to INTEGER, system_from INTEGER, system_to INTEGER)`

const indexes = `
  CREATE INDEX node_label ON node (label);
  CREATE INDEX edge_source ON edge (source, type);
  CREATE INDEX edge_target ON edge (target, type)`

function sqliteImport(setting: Setting, set: FactSet, how: SqliteImport): Contestant {
  const { sqlite, perCommit, areIndexesLast } = how
  return {
    name: areIndexesLast ? indexesLast : indexesFirst,
    run() {
      const folder = setting.workspace.folder('import')
      const batch = Math.min(perCommit, set.facts.length)
      const began = performance.now()
      const db = new sqlite(join(folder, 'db'))
      db.pragma('journal_mode = WAL')
      db.pragma('synchronous = FULL')
      db.exec(areIndexesLast ? tables : `${tables};${indexes}`)
      const importBatch = sqliteImporter(db)
      for (let first = 0; first < set.facts.length; first += batch) {
        importBatch(set.facts.slice(first, first + batch))
      }
      if (areIndexesLast) db.exec(indexes)
      const rate = rateOf(set, began)
      checkSqlite(db, set)
      db.close()
      rmSync(folder, { recursive: true })
      return rate
    },
  }
}

function sqliteImporter(db: SqliteDatabase): (facts: readonly Fact[]) => void {
  const nodes = new Map<string, number>()
  const types = new Map<string, number>()
  const addNode = db.prepare('INSERT INTO node VALUES (?, 0, ?)')
  const addEdge = db.prepare('INSERT INTO edge VALUES (NULL, ?, ?, ?, ?, ?, ?, NULL)')
  const nodeOf = (name: string): number => {
    const known = nodes.get(name)
    if (known !== undefined) return known
    const id = nodes.size + 1
    addNode.run(id, name)
    nodes.set(name, id)
    return id
  }
  const typeOf = (name: string): number => {
    const type = types.get(name) ?? types.size
    types.set(name, type)
    return type
  }
  return db.transaction((facts: readonly Fact[]) => {
    const systemMicros = Date.now() * 1000
    for (const { subject, relation, object, fromMicros, toMicros } of facts) {
      const source = nodeOf(subject)
      const target = nodeOf(object)
      addEdge.run(typeOf(relation), source, target, fromMicros, toMicros, systemMicros)
    }
  })
}

function checkSqlite(db: SqliteDatabase, set: FactSet): void {
  const count = db
    .prepare(
      'SELECT count(*) FROM edge JOIN node ON node.id = edge.source ' +
        'WHERE node.name = ? AND valid_from <= ? AND valid_to > ?',
    )
    .pluck()
  for (const { subject, fromMicros } of sampleOf(set)) {
    const found = Number(count.get(subject, fromMicros, fromMicros))
    mustBe(found === countOf(set, subject, fromMicros), `better-sqlite3 gave ${found} facts`)
  }
}

function rateOf(set: FactSet, began: number): number {
  return (set.facts.length * 1000) / (performance.now() - began)
}

function sampleOf(set: FactSet): readonly Fact[] {
  const step = Math.ceil(set.facts.length / 20)
  return set.facts.filter((_, index) => index % step === 0)
}

function countOf(set: FactSet, subject: string, micros: number): number {
  return set.facts.filter(
    (fact) => fact.subject === subject && fact.fromMicros <= micros && fact.toMicros > micros,
  ).length
}

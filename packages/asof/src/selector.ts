import type { Database, Edge, KeyInput, Node, Value, View } from 'asofdb'
import { absentFailure, usageFailure } from './failure.ts'
import { rootPath } from './git/git-path.ts'
import { findCommit } from './moment.ts'

/** One thing in the database, and what it is at the view that was asked; undefined: not there. */
export type Found =
  | { readonly kind: 'node'; readonly id: number; readonly node: Node | undefined }
  | { readonly kind: 'edge'; readonly id: number; readonly edge: Edge | undefined }
  | {
      readonly kind: 'key'
      readonly keyspace: string
      readonly key: KeyInput
      readonly value: Value | undefined
    }

/** What a selector may be, for help and messages. */
export const selectorHelp = [
  'What to look at is written as',
  '  node:5, edge:6 or just the number; file:src/index.ts; dir:src; person:ada@example.org or a',
  '  name; commit:1d2f3c; key:SPACE/KEY; or LABEL:TEXT for a node whose name, title or path that',
  '  is. Text alone is tried as a path, then as a name. Put -- before one that begins with a dash.',
].join('\n')

/** Finds what a selector means, or fails with what to do. */
export function find(database: Database, view: View, selector: string): Found {
  const id = /^(?:(node|edge):)?(\d{1,15})$/.exec(selector)
  if (id !== null) return findById(view, Number(id[2]), id[1])
  const at = selector.indexOf(':')
  const word = selector.slice(0, Math.max(0, at))
  const text = selector.slice(at + 1)
  if (word === 'key') return findKey(view, text)
  if (word === 'commit') return findNode(view, findCommit(database, text.toLowerCase()).id)
  if (word === 'file') return mustFind(view, selector, [{ label: 'File', where: { path: text } }])
  if (word === 'dir') {
    return mustFind(view, selector, [{ label: 'Directory', where: { path: toDirectory(text) } }])
  }
  if (word === 'person') {
    const person = findPerson(view, text)
    if (person !== undefined) return person
    throw absentFailure(`there is no person ${text}`)
  }
  const label = word === '' ? undefined : labelLike(view, word)
  if (label !== undefined) {
    const places = nameProperties.map((name) => ({ label, where: { [name]: text } }))
    return mustFind(view, selector, places)
  }
  return findByText(view, selector)
}

/** Properties by which people call a thing. */
export const nameProperties = ['name', 'path', 'title', 'key', 'hash'] as const

interface Place {
  readonly label: string
  readonly where: Readonly<Record<string, string>>
}

function findById(view: View, id: number, kind: string | undefined): Found {
  const kinds = { 1: 'node', 2: 'edge' } as const
  const own = id % 4 === 1 ? kinds[1] : id % 4 === 2 ? kinds[2] : undefined
  if (own === undefined || (kind !== undefined && kind !== own)) {
    throw usageFailure(
      `${id} is not the id of ${kind === undefined ? 'a node or an edge' : `a ${kind}`}`,
      { hint: 'ids of nodes are 1, 5, 9 …; ids of edges are 2, 6, 10 …' },
    )
  }
  return own === 'node' ? findNode(view, id) : { kind: 'edge', id, edge: view.edge(id) }
}

function findNode(view: View, id: number): Found {
  return { kind: 'node', id, node: view.node(id) }
}

function findKey(view: View, text: string): Found {
  const at = text.indexOf('/')
  if (at < 1) throw usageFailure(`'key:${text}' names no key`, { hint: 'write key:SPACE/KEY' })
  const keyspace = text.slice(0, at)
  const name = text.slice(at + 1)
  const keys = view.keys(keyspace)
  // A key that is a number or a tuple is written as JSON.
  for (const key of [name, ...jsonKeys(name)]) {
    const isKnown = keys.has(key) || keys.provenance(key).length > 0
    if (isKnown) return { kind: 'key', keyspace, key, value: keys.get(key) }
  }
  return { kind: 'key', keyspace, key: name, value: undefined }
}

/** The key that a text means as JSON, if it means one. */
export function jsonKeys(name: string): KeyInput[] {
  if (!/^[-[\d]/.test(name)) return []
  try {
    const parsed: unknown = JSON.parse(name)
    return isKey(parsed) ? [parsed] : []
  } catch {
    return []
  }
}

function isKey(value: unknown): value is KeyInput {
  if (Array.isArray(value)) return value.every(isKey)
  return typeof value === 'string' || typeof value === 'number'
}

/** The first place that has a node: at the view's valid time, else at any time it knows of. */
function mustFind(view: View, selector: string, places: readonly Place[]): Found {
  const found = findIn(view, places)
  if (found !== undefined) return found
  throw absentFailure(`there is no ${selector}, at any valid time that was known then`, {
    hint: 'asof show DIR lists what there is',
  })
}

function findIn(view: View, places: readonly Place[]): Found | undefined {
  for (const { label, where } of places) {
    for (const node of view.nodes(label, where)) return { kind: 'node', id: node.id, node }
  }
  for (const { label, where } of places) {
    const id = latestEver(view, label, where)
    if (id !== undefined) return findNode(view, id)
  }
  return undefined
}

/** Of the nodes that were like this at some time, the one that was so last. */
function latestEver(view: View, label: string, where: Place['where']): number | undefined {
  let latest: { readonly id: number; readonly from: bigint } | undefined
  for (const { valid, bindings } of view.match([{ node: 'it', label, where }])) {
    const id = bindings['it']?.id
    const from = valid.from?.epochMicroseconds ?? -(2n ** 63n)
    if (id !== undefined && (latest === undefined || from > latest.from)) latest = { id, from }
  }
  return latest?.id
}

/** By address or by name; by a part of either when nobody has all of it. */
function findPerson(view: View, text: string): Found | undefined {
  const wanted = text.toLowerCase()
  let partial: Node | undefined
  for (const node of view.nodes('Person')) {
    const names = [node.get('name'), node.get('emails'), node.get('aliases')].flat()
    const own = names.flatMap((one) => (typeof one === 'string' ? [one.toLowerCase()] : []))
    if (own.includes(wanted)) return { kind: 'node', id: node.id, node }
    if (partial === undefined && own.some((one) => one.includes(wanted))) partial = node
  }
  return partial === undefined ? undefined : { kind: 'node', id: partial.id, node: partial }
}

/** The label that a word means, whatever the case of its letters. */
export function labelLike(view: View, word: string): string | undefined {
  const capitalized = word.charAt(0).toUpperCase() + word.slice(1)
  for (const label of [word, capitalized]) {
    for (const _ of view.match([{ node: 'it', label }])) return label
  }
  return undefined
}

function toDirectory(text: string): string {
  const path = text.replace(/^\/+|\/+$/g, '')
  return path === '' ? rootPath : path
}

function findByText(view: View, text: string): Found {
  const path = toDirectory(text)
  const places: Place[] = [
    { label: 'File', where: { path: text } },
    { label: 'Directory', where: { path } },
    { label: 'Entity', where: { name: text } },
  ]
  const found = findIn(view, places) ?? findPerson(view, text)
  if (found !== undefined) return found
  throw absentFailure(`nothing is called ${text}`, { hint: 'asof show DIR lists what there is' })
}

import type { Edge, EntityState, KeyInput, Node, Properties, Value, View } from 'asofdb'
import { fit, printable } from './output/display-width.ts'
import type { Style } from './output/style.ts'
import { valueText } from './output/value-text.ts'
import { type Found, nameProperties } from './selector.ts'

const nameWidthMax = 60
const hashCharacters = 12
/** In a line with several of them. */
const hashCharactersShort = 7

/** What people would call something with these labels and properties. */
export function stateTitle(state: EntityState): string {
  const [label = 'Node'] = state.labels
  return `${label} ${stateName(state.properties)}`.trimEnd()
}

function stateName(properties: Readonly<Record<string, Value>>): string {
  const { hash, subject } = { hash: properties['hash'], subject: properties['subject'] }
  if (typeof hash === 'string' && typeof subject === 'string') {
    return `${hash.slice(0, hashCharacters)} ${fit(printable(subject), nameWidthMax)}`
  }
  for (const name of nameProperties) {
    const value = properties[name]
    if (typeof value === 'string') return fit(printable(value), nameWidthMax)
  }
  return ''
}

export function nodeTitle(node: Node): string {
  return stateTitle({ labels: node.labels, properties: node.properties })
}

/** A node by its id, as it is called at a view. */
export function nodeTitleAt(view: View, id: number): string {
  const node = view.node(id)
  return node === undefined ? `node:${id}` : `${nodeTitle(node)} (node:${id})`
}

export function edgeTitle(view: View, edge: Edge): string {
  return `${nodeTitleAt(view, edge.source)} → ${edge.type} → ${nodeTitleAt(view, edge.target)}`
}

/** The headline of what a selector found; `latest` knows what it was when it is not there. */
export function foundTitle(found: Found, view: View): string {
  if (found.kind === 'key') return `key ${found.keyspace}/${keyText(found.key)}`
  if (found.kind === 'edge') {
    return found.edge === undefined ? `edge:${found.id}` : edgeTitle(view, found.edge)
  }
  if (found.node !== undefined) return `${nodeTitle(found.node)} (node:${found.id})`
  const last = view.timeline(found.id).at(-1)
  return last === undefined ? `node:${found.id}` : `${stateTitle(last)} (node:${found.id})`
}

export function keyText(key: KeyInput): string {
  if (typeof key === 'string') return printable(key)
  return key instanceof Uint8Array ? Buffer.from(key).toString('hex') : JSON.stringify(key)
}

/** Properties on one line; hashes of git are cut to what identifies them. */
export function propertiesText(properties: Properties | Readonly<Record<string, Value>>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}: ${shortText(value)}`)
    .join(', ')
}

/** A value in a line: hashes of git are cut, long text too. */
export function shortText(value: unknown): string {
  if (typeof value === 'string' && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(value)) {
    return value.slice(0, hashCharactersShort)
  }
  return fit(valueText(toValue(value)), nameWidthMax)
}

/** Properties are values already; the type of what may be written is wider. */
function toValue(value: unknown): Value | undefined {
  return isValue(value) ? value : undefined
}

function isValue(value: unknown): value is Value {
  return value !== undefined
}

/** What changed from one state to the next: added, removed and changed properties and labels. */
export function changeText(before: EntityState, after: EntityState, style: Style): string {
  const parts: string[] = []
  for (const label of after.labels) {
    if (!before.labels.includes(label)) parts.push(style.added(`+${label}`))
  }
  for (const label of before.labels) {
    if (!after.labels.includes(label)) parts.push(style.removed(`-${label}`))
  }
  const names = new Set([...Object.keys(before.properties), ...Object.keys(after.properties)])
  for (const name of names) {
    const old = before.properties[name]
    const young = after.properties[name]
    if (valueText(old) === valueText(young)) continue
    if (old === undefined) parts.push(style.added(`${name}: ${shortText(young)}`))
    else if (young === undefined) parts.push(style.removed(`no ${name}`))
    else parts.push(`${name}: ${shortText(old)} → ${shortText(young)}`)
  }
  return parts.join(', ')
}

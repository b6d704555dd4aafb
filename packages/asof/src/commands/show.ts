import type { Database, Edge, Instant, Node, Period, View } from 'asofdb'
import type { Arguments } from '../arguments.ts'
import type { Command, CommandContext } from '../command.ts'
import { foundTitle, keyText, nodeTitle, nodeTitleAt, propertiesText } from '../describe.ts'
import { absentFailure, exitCodes, usageFailure } from '../failure.ts'
import { pad } from '../output/display-width.ts'
import { jsonText } from '../output/json.ts'
import { countText, plural } from '../output/number-text.ts'
import { styleOf } from '../output/style.ts'
import { tableLines } from '../output/table.ts'
import { periodText, valueText } from '../output/value-text.ts'
import { type Found, find, labelLike, selectorHelp } from '../selector.ts'
import {
  mustBeAtMost,
  mustHaveFolder,
  readOptions,
  viewJson,
  viewOf,
  viewText,
  withDatabase,
} from '../session.ts'
import { readTree, treeLines } from '../tree.ts'

const usage = 'DIR [WHAT] [options]'
const limitDefault = 20
const entryNoun = { one: 'entry', many: 'entries' }

export const showCommand: Command = {
  name: 'show',
  summary: 'what there is, at any point of the two times',
  usage,
  examples: [
    { command: 'asof show history', meaning: 'how much of what there is' },
    {
      command: 'asof show history / --valid 2024-06-01',
      meaning: 'the top of the tree as it was on a day, and who changed each entry last',
    },
    {
      command: 'asof show history file:README.md --system commit:1d2f3c',
      meaning: 'a file as it was known when that commit came',
    },
    { command: 'asof show history person:ada@example.org', meaning: 'a person' },
    { command: 'asof show facts Entity --where name=Rome', meaning: 'nodes with a label' },
    { command: 'asof show history keys:import:git', meaning: 'the keys of a keyspace' },
  ],
  details: [selectorHelp],
  options: {
    ...readOptions,
    where: {
      type: 'string',
      multiple: true,
      value: 'NAME=VALUE',
      help: 'with a label: only nodes with this property',
    },
    recursive: { type: 'boolean', short: 'r', help: 'of a directory: all files below it' },
  },
  async run(input, context) {
    const folder = mustHaveFolder(input, `show ${usage}`)
    mustBeAtMost(input, 2, `show ${usage}`)
    return withDatabase(folder, (database) => show(database, input, context))
  },
}

/** One run of the command: what it looks at and where it writes. */
interface Showing {
  readonly database: Database
  readonly view: View
  readonly input: Arguments
  readonly context: CommandContext
  readonly limit: number
}

function show(database: Database, input: Arguments, context: CommandContext): number {
  const limit = input.count('limit', { byDefault: limitDefault, min: 0 })
  const view = viewOf(database, input)
  const showing = { database, view, input, context, limit }
  const [, selector] = input.positionals
  if (selector === undefined) return showOverview(showing)
  if (selector.startsWith('keys:')) return showKeys(showing, selector.slice('keys:'.length))
  const label = labelOf(view, selector)
  if (label !== undefined) return showLabel(showing, label)
  if (input.list('where').length > 0) throw usageFailure('--where needs a label to look among')
  return showFound(showing, find(database, view, selector))
}

/** `Person` or `label:Person`. */
function labelOf(view: View, selector: string): string | undefined {
  if (selector.startsWith('label:')) {
    const name = selector.slice('label:'.length)
    return labelLike(view, name) ?? name
  }
  const isWord = /^[A-Z]\w*$/.test(selector)
  return isWord ? labelLike(view, selector) : undefined
}

function showOverview({ database, view, input, context }: Showing): number {
  const labels = new Map<string, number>()
  const types = new Map<string, number>()
  for (const node of view.nodes()) for (const label of node.labels) count(labels, label)
  for (const edge of view.edges()) count(types, edge.type)
  if (input.flag('json')) {
    const counts = { nodes: Object.fromEntries(labels), edges: Object.fromEntries(types) }
    context.terminal.write(jsonText({ view: viewJson(database, view), ...counts }))
    return exitCodes.ok
  }
  const style = styleOf(context.terminal)
  const rows = (counts: ReadonlyMap<string, number>, kind: string): string[][] =>
    [...counts].map(([name, number]) => [`  ${kind}`, name, countText(number)])
  const lines = [
    style.bold(viewText(database, view)),
    ...tableLines([...rows(labels, 'nodes'), ...rows(types, 'edges')], context.terminal.columns),
  ]
  if (lines.length === 1) lines.push('  nothing held then')
  context.terminal.write(`${lines.join('\n')}\n`)
  return exitCodes.ok
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

function showLabel({ database, view, input, context, limit }: Showing, label: string): number {
  const where = Object.fromEntries(input.list('where').map(parseWhere))
  const nodes: Node[] = []
  let more = 0
  for (const node of view.nodes(label, where)) {
    if (nodes.length < limit) nodes.push(node)
    else more++
  }
  if (input.flag('json')) {
    context.terminal.write(jsonText({ view: viewJson(database, view), nodes, more }))
    return exitCodes.ok
  }
  const style = styleOf(context.terminal)
  const rows = nodes.map((node) => [`node:${node.id}`, propertiesText(node.properties)])
  const lines = [
    style.bold(`${label}, ${viewText(database, view)}`),
    ...tableLines(rows, context.terminal.columns),
    ...moreLines(more),
  ]
  context.terminal.write(`${lines.join('\n')}\n`)
  return exitCodes.ok
}

function parseWhere(text: string): [name: string, value: string | number | boolean] {
  const at = text.indexOf('=')
  if (at < 1)
    throw usageFailure(`--where does not understand '${text}'`, { hint: 'write NAME=VALUE' })
  const value = text.slice(at + 1)
  if (value === 'true' || value === 'false') return [text.slice(0, at), value === 'true']
  const isNumber = /^-?\d+(?:\.\d+)?$/.test(value)
  return [text.slice(0, at), isNumber ? Number(value) : value.replace(/^"(.*)"$/, '$1')]
}

function showKeys({ database, view, input, context, limit }: Showing, keyspace: string): number {
  const entries = [...view.keys(keyspace).range({ limit: limit + 1 })]
  const shown = entries.slice(0, limit)
  const hasMore = entries.length > limit
  if (input.flag('json')) {
    const answer = { view: viewJson(database, view), keyspace, entries: shown, hasMore }
    context.terminal.write(jsonText(answer))
    return exitCodes.ok
  }
  const style = styleOf(context.terminal)
  const rows = shown.map(({ key, value }) => [keyText(key), valueText(value)])
  const lines = [
    style.bold(`keys of ${keyspace}, ${viewText(database, view)}`),
    ...tableLines(rows, context.terminal.columns),
    ...(hasMore ? ['… and more; --limit shows more of them'] : []),
  ]
  context.terminal.write(`${lines.join('\n')}\n`)
  return exitCodes.ok
}

function showFound(showing: Showing, found: Found): number {
  const { database, view, input, context } = showing
  mustBeThere(showing, found)
  if (found.kind === 'node' && found.node?.has('Directory') === true) {
    return showDirectory(showing, found.node)
  }
  const answer = describe(showing, found)
  if (input.flag('json')) {
    context.terminal.write(jsonText({ view: viewJson(database, view), ...answer.json }))
    return exitCodes.ok
  }
  const style = styleOf(context.terminal)
  const lines = [style.bold(foundTitle(found, view)), `  ${viewText(database, view)}`]
  context.terminal.write(`${[...lines, ...answer.lines].join('\n')}\n`)
  return exitCodes.ok
}

/** Says when it is there, if it is not there at the time asked about. */
function mustBeThere({ database, view }: Showing, found: Found): void {
  const isThere =
    found.kind === 'node' ? found.node : found.kind === 'edge' ? found.edge : found.value
  if (isThere !== undefined) return
  const title = foundTitle(found, view)
  const parts: readonly { readonly valid: Period }[] =
    found.kind === 'key' ? view.keys(found.keyspace).timeline(found.key) : view.timeline(found.id)
  const where = viewText(database, view)
  if (parts.length === 0) throw absentFailure(`${title} is not known (${where})`)
  const times = parts.slice(-3).map(({ valid }) => periodText(valid))
  throw absentFailure(`${title} is not there (${where})`, { hint: `it holds ${times.join(', ')}` })
}

interface Description {
  readonly json: object
  readonly lines: readonly string[]
}

function describe(showing: Showing, found: Found): Description {
  const { view } = showing
  if (found.kind === 'key') {
    const { keyspace, key, value } = found
    return { json: { keyspace, key, value }, lines: [`  ${valueText(value)}`] }
  }
  const valid = periodAt(view, found.id)
  const held = valid === undefined ? [] : [`  like this ${periodText(valid)}`]
  if (found.kind === 'edge') {
    const { edge } = found
    const lines = edge === undefined ? [] : propertyLines(edge.properties)
    return { json: { edge, valid }, lines: [...held, ...lines] }
  }
  const { node } = found
  if (node === undefined) return { json: {}, lines: [] }
  const [outgoing, incoming] = (['out', 'in'] as const).map((direction) =>
    describeEdges(showing, node, direction),
  )
  const json = { node, valid, out: outgoing?.json, in: incoming?.json }
  const edges = [...(outgoing?.lines ?? []), ...(incoming?.lines ?? [])]
  return { json, lines: [...held, ...propertyLines(node.properties), ...edges] }
}

/** The part of a timeline that a view looks at. */
function periodAt(view: View, id: number): Period | undefined {
  const at = view.valid.epochMicroseconds
  const micros = (instant: Instant | null, open: bigint): bigint =>
    instant === null ? open : instant.epochMicroseconds
  const parts = view.timeline(id)
  const part = parts.find(
    ({ valid }) => micros(valid.from, at) <= at && at < micros(valid.to, at + 1n),
  )
  return part?.valid
}

function propertyLines(properties: Node['properties']): string[] {
  const entries = Object.entries(properties)
  const width = Math.max(0, ...entries.map(([name]) => name.length)) + 2
  return entries.map(([name, value]) => `  ${pad(name, width)}${valueText(value)}`)
}

/** The latest edges of a node in one direction. */
function describeEdges(showing: Showing, node: Node, direction: 'in' | 'out'): Description {
  const { view, limit } = showing
  const all = direction === 'out' ? view.out(node.id) : view.in(node.id)
  const shown = all.slice(Math.max(0, all.length - limit))
  const more = all.length - shown.length
  if (all.length === 0) return { json: { edges: [], more }, lines: [] }
  const arrow = direction === 'out' ? '→' : '←'
  const far = (edge: Edge): number => (direction === 'out' ? edge.target : edge.source)
  const rows = shown.map((edge) => [
    `  ${arrow} ${edge.type}`,
    `${nodeTitleAt(view, far(edge))}  ${propertiesText(edge.properties)}`,
  ])
  const lines = tableLines(rows, showing.context.terminal.columns)
  const note = more > 0 ? [`    … and ${plural(more, 'earlier one')}; --limit shows more`] : []
  return { json: { edges: shown, more }, lines: [...note, ...lines] }
}

function showDirectory(showing: Showing, node: Node): number {
  const { database, view, input, context, limit } = showing
  const tree = readTree(view, node.id, { isRecursive: input.flag('recursive') })
  if (input.flag('json')) {
    const { entries } = tree
    const more = Math.max(0, entries.length - limit)
    const shown = { node, entries: entries.slice(0, limit), more }
    context.terminal.write(jsonText({ view: viewJson(database, view), ...shown }))
    return exitCodes.ok
  }
  const style = styleOf(context.terminal)
  const lines = [
    style.bold(nodeTitle(node)),
    `  ${viewText(database, view)}: ${plural(tree.entries.length, entryNoun)}`,
    ...treeLines(view, tree, { limit, columns: context.terminal.columns }),
  ]
  context.terminal.write(`${lines.join('\n')}\n`)
  return exitCodes.ok
}

function moreLines(more: number): string[] {
  return more > 0 ? [`… and ${countText(more)} more; --limit shows more of them`] : []
}

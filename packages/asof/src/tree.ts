import type { Node, Value, View } from 'asofdb'
import { shortText } from './describe.ts'
import { rootPath } from './git/git-path.ts'
import { printable } from './output/display-width.ts'
import { moreLines } from './output/more-lines.ts'
import { tableLines } from './output/table.ts'
import { instantText } from './output/value-text.ts'

export interface TreeEntry {
  readonly id: number
  readonly kind: 'file' | 'directory'
  readonly path: string
  readonly blob?: Value | undefined
  readonly mode?: Value | undefined
  readonly lastAuthor?: Value | undefined
  readonly lastCommit?: Value | undefined
}

export interface Tree {
  readonly path: string
  /** By path; directories only when it is not recursive. */
  readonly entries: readonly TreeEntry[]
}

/** What a directory contains at a view: its entries, or all files below it. */
export function readTree(
  view: View,
  directory: number,
  options: { readonly isRecursive: boolean },
): Tree {
  const path = textOf(view.node(directory)?.get('path'))
  const entries = new Map<number, TreeEntry>()
  const waiting = [directory]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const id of view.targets(next, 'CONTAINS')) {
      const node = view.node(id)
      if (node === undefined || entries.has(id)) continue
      const isDirectory = node.has('Directory')
      if (isDirectory && options.isRecursive) waiting.push(id)
      else entries.set(id, toEntry(node, isDirectory))
    }
  }
  const sorted = [...entries.values()].sort((a, b) => comparePaths(a.path, b.path))
  return { path, entries: sorted }
}

function comparePaths(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The root of the tree at a view, if there is one. */
export function findRoot(view: View): Node | undefined {
  for (const node of view.nodes('Directory', { path: rootPath })) return node
  return undefined
}

function toEntry(node: Node, isDirectory: boolean): TreeEntry {
  const path = textOf(node.get('path'))
  if (isDirectory) return { id: node.id, kind: 'directory', path }
  return {
    id: node.id,
    kind: 'file',
    path,
    blob: node.get('blob'),
    mode: node.get('mode'),
    lastAuthor: node.get('lastAuthor'),
    lastCommit: node.get('lastCommit'),
  }
}

function textOf(value: Value | undefined): string {
  return typeof value === 'string' ? value : ''
}

/** The entries as a table: name, since when it is like this, who made it so, in which commit. */
export function treeLines(
  view: View,
  tree: Tree,
  limits: { readonly limit: number; readonly columns: number },
): string[] {
  const shown = tree.entries.slice(0, limits.limit)
  const prefix = tree.path === rootPath ? '' : `${tree.path}/`
  const rows = shown.map((entry) => {
    const name = printable(entry.path.slice(prefix.length))
    if (entry.kind === 'directory') return [`  ${name}/`, '', '', '']
    const since = lastChange(view, entry.id)
    const author = typeof entry.lastAuthor === 'string' ? printable(entry.lastAuthor) : ''
    return [`  ${name}`, since, author, shortText(entry.lastCommit)]
  })
  const more = tree.entries.length - shown.length
  return [...tableLines(rows, limits.columns), ...moreLines(more)]
}

/** Since when a file is as it is at the view. */
function lastChange(view: View, id: number): string {
  const at = view.valid.epochMicroseconds
  for (const { valid } of view.timeline(id).toReversed()) {
    if (valid.from === null || valid.from.epochMicroseconds <= at) return instantText(valid.from)
  }
  return ''
}

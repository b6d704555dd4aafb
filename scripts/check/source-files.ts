import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

/** A file of the repository with its text; `path` is relative to the root, with `/`. */
export interface TextFile {
  readonly path: string
  readonly text: string
}

/** A TextFile that the TypeScript parser has read. */
export interface SourceFile extends TextFile {
  readonly tree: ts.SourceFile
}

const foldersLeftOut = new Set(['node_modules', 'dist', '.git', 'coverage'])

/**
 * Every file git tracks or would track, sorted. In a folder without git (an unpacked archive) all
 * files but those of node_modules and dist.
 */
export function listFiles(root: string): string[] {
  const paths = existsSync(join(root, '.git')) ? listByGit(root) : listByWalking(root, '')
  return paths.filter((path) => isFile(join(root, path))).sort()
}

function listByGit(root: string): string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  return listed.split('\0').filter((path) => path !== '')
}

function listByWalking(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (!entry.isDirectory()) return [path]
    return foldersLeftOut.has(entry.name) ? [] : listByWalking(root, path)
  })
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

export function readText(root: string, path: string): TextFile {
  return { path, text: readFileSync(join(root, path), 'utf8') }
}

export function parse(file: TextFile): SourceFile {
  const tree = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true)
  return { ...file, tree }
}

/** All TypeScript and JavaScript of the repository, parsed. */
export function readSources(root: string): SourceFile[] {
  return listFiles(root)
    .filter((path) => /\.(?:ts|mjs|js)$/.test(path))
    .map((path) => parse(readText(root, path)))
}

/** The line of a node, counted from 1. */
export function lineOf(source: SourceFile, node: ts.Node): number {
  return source.tree.getLineAndCharacterOfPosition(node.getStart(source.tree)).line + 1
}

/** Calls `look` for every node of a tree, parents first. */
export function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node)
  ts.forEachChild(node, (child) => visit(child, look))
}

/** Code that users get: not tests, and inside a package. */
export function isShipped(path: string): boolean {
  return /^packages\/[^/]+\/(?:src|bin)\//.test(path) && !isTest(path)
}

export function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.startsWith('test/')
}

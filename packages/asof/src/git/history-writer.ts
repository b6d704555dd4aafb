import type { Transaction, View } from 'asofdb'
import {
  type BelievedDirectory,
  type BelievedFile,
  BelievedTree,
  endOfTimeMicros,
  lastStart,
} from './believed-tree.ts'
import { CommitIds } from './commit-ids.ts'
import { changesOf, type FileChange, type PathState } from './file-changes.ts'
import type { GitCommit } from './git-log.ts'
import { directoryOf, nameOf, rootPath } from './git-path.ts'
import { importKeyspace } from './import-position.ts'
import { People } from './people.ts'

/** Where and when a change happens. */
interface ChangeContext {
  readonly tx: Transaction
  /** Id of the Commit node. */
  readonly commit: number
  readonly hash: string
  readonly author: string
  /** The author date, microseconds since 1970: from then on the change holds. */
  readonly from: bigint
  /** Directories that have lost an entry. */
  readonly shrunk: Set<BelievedDirectory>
}

/**
 * Writes commits of git, one by one in topological order, each into one transaction. Commits and
 * people hold always; files, directories and what connects them hold from the author date of what
 * made them to that of what ended them. The newest known commit wins, whatever its author date.
 */
export class HistoryWriter {
  readonly #tree: BelievedTree
  readonly #people: People
  readonly #commits = new CommitIds()

  /** Continues what the database holds; `latest` looks at the end of time. */
  constructor(latest: View) {
    this.#tree = BelievedTree.read(latest)
    this.#people = People.read(latest)
  }

  get fileCount(): number {
    return this.#tree.files.size
  }

  get peopleCount(): number {
    return this.#people.count
  }

  /** Writes one commit. `from` is its author date in microseconds. */
  write(tx: Transaction, commit: GitCommit, from: bigint): void {
    const changes = changesOf(commit, (path) => this.#tree.files.get(path))
    const author = { name: commit.authorName, email: commit.authorEmail }
    const person = this.#people.find(tx, author)
    const context: ChangeContext = {
      tx,
      commit: this.#writeCommit(tx, commit, { changes, from, person }),
      hash: commit.hash,
      author: author.name === '' ? author.email : author.name,
      from,
      shrunk: new Set(),
    }
    for (const change of changes) this.#apply(context, change)
    this.#endEmptyDirectories(context)
  }

  #writeCommit(
    tx: Transaction,
    commit: GitCommit,
    about: {
      readonly changes: readonly FileChange[]
      readonly from: bigint
      readonly person: number
    },
  ): number {
    const deleted = about.changes.flatMap((one) => (one.kind === 'delete' ? [one.path] : []))
    const node = tx.createNode(
      'Commit',
      {
        hash: commit.hash,
        subject: commit.subject,
        authored: toDate(commit.authoredSeconds),
        committed: toDate(commit.committedSeconds),
        ...(deleted.length > 0 ? { deleted } : {}),
      },
      { valid: 'always' },
    )
    const period = { validFrom: about.from }
    tx.createEdge(about.person, 'AUTHORED', node, {}, period)
    for (const hash of commit.parents) {
      // The history of a shallow clone ends in commits whose parents are not there.
      const parent = this.#commits.find(tx, hash)
      if (parent !== undefined) tx.createEdge(node, 'PARENT', parent, {}, period)
    }
    this.#commits.remember(commit.hash, node.id)
    return node.id
  }

  #apply(context: ChangeContext, change: FileChange): void {
    if (change.kind === 'delete') {
      this.#delete(context, change.path)
      return
    }
    const file = change.kind === 'move' ? this.#move(context, change) : this.#write(context, change)
    const { status, path, oldPath } = change
    const properties = { status, path, ...(oldPath === undefined ? {} : { oldPath }) }
    const period = { validFrom: context.from }
    context.tx.createEdge(context.commit, 'CHANGED', file.id, properties, period)
  }

  #write(context: ChangeContext, change: FileChange & { readonly kind: 'write' }): BelievedFile {
    const { tx, from } = context
    const { path } = change
    const directory = this.#ensureDirectory(context, directoryOf(path))
    const properties = fileProperties(context, path, change)
    const known = this.#tree.files.get(path)
    if (known === undefined) {
      const id = this.#comeBack(context, ['gone', path], { label: 'File', properties })
      const file = { id, mode: change.mode, blob: change.blob, directory, edge: { id: 0, from } }
      file.edge.id = this.#connect(context, directory, { id, path })
      this.#tree.files.set(path, file)
      return file
    }
    tx.put(known.id, properties, { validFrom: from })
    if (from < known.edge.from) {
      cutContainsEdges(context, known.id)
      tx.put(known.edge.id, { name: nameOf(path) }, { validFrom: from })
      known.edge.from = lastStart(tx, known.edge.id)
    }
    known.mode = change.mode
    known.blob = change.blob
    return known
  }

  #move(context: ChangeContext, change: FileChange & { readonly kind: 'move' }): BelievedFile {
    const { tx, from } = context
    const { path, oldPath } = change
    const file = this.#tree.files.get(oldPath)
    if (file === undefined) throw new Error(`${oldPath} cannot move: it is not in the tree`)
    const directory = this.#ensureDirectory(context, directoryOf(path))
    tx.put(file.id, fileProperties(context, path, change), { validFrom: from })
    if (from < file.edge.from) cutContainsEdges(context, file.id)
    if (directory === file.directory) {
      tx.put(file.edge.id, { name: nameOf(path) }, { validFrom: from })
      file.edge.from = lastStart(tx, file.edge.id)
    } else {
      tx.delete(file.edge.id, { validFrom: from })
      file.directory.entryCount--
      context.shrunk.add(file.directory)
      file.edge = { id: this.#connect(context, directory, { id: file.id, path }), from }
      file.directory = directory
    }
    file.mode = change.mode
    file.blob = change.blob
    this.#tree.files.delete(oldPath)
    this.#tree.files.set(path, file)
    return file
  }

  /** A branch may delete what another has deleted before. */
  #delete(context: ChangeContext, path: string): void {
    const { tx, from, shrunk } = context
    const file = this.#tree.files.get(path)
    if (file === undefined) return
    tx.delete(file.id, { validFrom: from, detach: true })
    tx.keys(importKeyspace).put(['gone', path], file.id)
    file.directory.entryCount--
    shrunk.add(file.directory)
    this.#tree.files.delete(path)
  }

  /** The directory, and those above it, held to be there from the change on. */
  #ensureDirectory(context: ChangeContext, path: string): BelievedDirectory {
    const { tx, from } = context
    const known = this.#tree.directories.get(path)
    if (known === undefined) return this.#addDirectory(context, path)
    if (from >= known.from) return known
    if (known.parent !== undefined) this.#ensureDirectory(context, known.parent.path)
    tx.put(known.id, { path }, { validFrom: from })
    known.from = lastStart(tx, known.id)
    if (known.edge !== undefined && from < known.edge.from) {
      cutContainsEdges(context, known.id)
      tx.put(known.edge.id, { name: nameOf(path) }, { validFrom: from })
      known.edge.from = lastStart(tx, known.edge.id)
    }
    return known
  }

  #addDirectory(context: ChangeContext, path: string): BelievedDirectory {
    const { from } = context
    const parent = path === rootPath ? undefined : this.#ensureDirectory(context, directoryOf(path))
    const key = ['gone directory', path]
    const id = this.#comeBack(context, key, { label: 'Directory', properties: { path } })
    const edge =
      parent === undefined ? undefined : { id: this.#connect(context, parent, { id, path }), from }
    // One that was here before may have held until the change, or even later.
    const heldFrom = lastStart(context.tx, id)
    const directory = { id, path, from: heldFrom, entryCount: 0, parent, edge }
    this.#tree.directories.set(path, directory)
    return directory
  }

  /** A node for a path: the one that was there before, or one that is made for it. */
  #comeBack(
    context: ChangeContext,
    key: string[],
    node: { readonly label: string; readonly properties: Record<string, string> },
  ): number {
    const { tx, from } = context
    const gone = tx.keys(importKeyspace)
    const former = gone.get(key)
    if (typeof former !== 'number') {
      return tx.createNode(node.label, node.properties, { validFrom: from }).id
    }
    gone.delete(key)
    tx.put(former, node.properties, { labels: [node.label], validFrom: from })
    cutContainsEdges(context, former)
    return former
  }

  /** Puts something into a directory; returns the id of the edge. */
  #connect(
    context: ChangeContext,
    directory: BelievedDirectory,
    entry: { readonly id: number; readonly path: string },
  ): number {
    const name = nameOf(entry.path)
    const period = { validFrom: context.from }
    directory.entryCount++
    return context.tx.createEdge(directory.id, 'CONTAINS', entry.id, { name }, period).id
  }

  /** A directory ends with the last of what it contained, and then that may end the one above. */
  #endEmptyDirectories(context: ChangeContext): void {
    const { tx, from, shrunk } = context
    for (const directory of shrunk) {
      if (directory.entryCount > 0 || !this.#tree.directories.has(directory.path)) continue
      const end = latestEnd(tx, directory.id, from)
      tx.delete(directory.id, { validFrom: end, detach: true })
      tx.keys(importKeyspace).put(['gone directory', directory.path], directory.id)
      this.#tree.directories.delete(directory.path)
      if (directory.parent === undefined) continue
      directory.parent.entryCount--
      // A set that grows while it is walked is walked to its new end.
      shrunk.delete(directory.parent)
      shrunk.add(directory.parent)
    }
  }
}

/**
 * Ends whatever contained a file or a directory at the change or later: an author date that goes
 * back takes the place of what earlier commits had put there.
 */
function cutContainsEdges({ tx, from }: ChangeContext, id: number): void {
  const contained = [
    { node: 'entry', id },
    { edge: 'contains', type: 'CONTAINS', direction: 'in' },
    { node: 'directory' },
  ] as const
  const edges = [...tx.match(contained, { from })].map(({ bindings }) => bindings['contains'])
  for (const edge of edges) if (edge !== undefined) tx.delete(edge.id, { validFrom: from })
}

/**
 * When the last entry of a directory ended, at least `from`: an entry that an earlier commit ended
 * at a later author date still needs its directory until then.
 */
function latestEnd(tx: Transaction, directory: number, from: bigint): bigint {
  let end = from
  const contains = [
    { node: 'directory', id: directory },
    { edge: 'contains', type: 'CONTAINS' },
    { node: 'entry' },
  ]
  for (const { valid } of tx.match(contains, { from })) {
    const entryEnd = valid.to?.epochMicroseconds ?? endOfTimeMicros
    if (entryEnd > end) end = entryEnd
  }
  return end
}

function fileProperties(
  context: ChangeContext,
  path: string,
  state: PathState,
): Record<string, string> {
  const { hash, author } = context
  return { path, blob: state.blob, mode: state.mode, lastCommit: hash, lastAuthor: author }
}

/** The date of a commit; 1970 for one that has none a calendar could show. */
function toDate(seconds: number): Date {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? new Date(0) : date
}

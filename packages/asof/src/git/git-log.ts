import { toBuffer } from './git-process.ts'
import { pathToText } from './git-path.ts'

/** One line of `git log --raw`: what a path became, relative to one parent. */
export interface RawEntry {
  /** A added, M modified, T type changed, D deleted, R renamed, C copied. */
  readonly status: string
  /** Octal, as git prints it: 100644, 100755, 120000 (link), 160000 (submodule). */
  readonly mode: string
  readonly blob: string
  readonly path: string
  /** Of a rename or a copy: what it was called before. */
  readonly oldPath: string | undefined
}

export interface GitCommit {
  readonly hash: string
  readonly parents: readonly string[]
  readonly authorName: string
  readonly authorEmail: string
  /** Seconds since 1970; NaN when the commit has no readable date. */
  readonly authoredSeconds: number
  readonly committedSeconds: number
  readonly subject: string
  /** Of a merge: against each parent in turn, one after the other. */
  readonly entries: readonly RawEntry[]
}

/** Begins each commit; no hash, mode, path or name can hold it before its first NUL. */
const commitMark = '\u0001'

/** Rename detection compares at most this many files pairwise; equal contents are always found. */
const renameFilesMax = 1000

/**
 * What `git log` must print for `parseLog`. Every setting of a user that could change the output
 * is overruled. With `-z` names come as they are; `-m` compares a merge with each parent.
 */
export function logArguments(): string[] {
  const settings = [
    'log.showRoot=true',
    'log.showSignature=false',
    'log.diffMerges=separate',
    'diff.relative=false',
    'i18n.logOutputEncoding=UTF-8',
  ]
  const fields = ['%H', '%P', '%aN', '%aE', '%at', '%ct', '%s']
  return [
    ...settings.flatMap((setting) => ['-c', setting]),
    'log',
    '--topo-order',
    '--reverse',
    '--raw',
    '-z',
    '-m',
    '-M',
    `-l${renameFilesMax}`,
    '--no-abbrev',
    '--no-color',
    '--no-ext-diff',
    '--no-notes',
    '--ignore-submodules=none',
    `--format=%x01${fields.join('%x00')}%x00`,
    '--stdin',
  ]
}

/**
 * The commits in what git prints, each as soon as it is complete. Memory is bounded by the largest
 * commit.
 */
export async function* parseLog(chunks: AsyncIterable<unknown>): AsyncGenerator<GitCommit> {
  const parser = new LogParser()
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? toBuffer(chunk) : Buffer.concat([rest, toBuffer(chunk)])
    let start = 0
    for (;;) {
      const end = bytes.indexOf(0, start)
      if (end < 0) break
      const complete = parser.take(bytes.subarray(start, end))
      if (complete !== undefined) yield complete
      start = end + 1
    }
    rest = bytes.subarray(start)
  }
  if (rest.toString('latin1').trim() !== '') throw unreadable(rest)
  const last = parser.finish()
  if (last !== undefined) yield last
}

/** A commit whose entries are still coming. */
interface OpenCommit extends GitCommit {
  readonly entries: RawEntry[]
}

interface PendingEntry {
  readonly status: string
  readonly mode: string
  readonly blob: string
  oldPath: string | undefined
}

const headerFieldCount = 7

/** Puts the NUL-separated fields of the output together. */
class LogParser {
  #header: Buffer[] | undefined
  #commit: OpenCommit | undefined
  #entry: PendingEntry | undefined

  /** Takes one field; returns the commit before when the field shows that it is complete. */
  take(field: Buffer): GitCommit | undefined {
    if (this.#header !== undefined) {
      this.#header.push(field)
      return this.#header.length < headerFieldCount ? undefined : this.#endHeader(this.#header)
    }
    if (this.#entry !== undefined) {
      this.#takePath(this.#entry, field)
      return undefined
    }
    const text = field.toString('latin1')
    if (text.startsWith(commitMark)) {
      this.#header = [field.subarray(1)]
      return undefined
    }
    const match = entryPattern.exec(text)
    if (match === null) {
      if (text.trim() !== '') throw unreadable(field)
      return undefined
    }
    const [, mode = '', blob = '', status = ''] = match
    this.#entry = { status, mode, blob, oldPath: undefined }
    return undefined
  }

  finish(): GitCommit | undefined {
    if (this.#header !== undefined || this.#entry !== undefined) {
      throw unreadable(Buffer.from('the end of the output'))
    }
    return this.#commit
  }

  #takePath(entry: PendingEntry, field: Buffer): void {
    const path = pathToText(field)
    const isPair = entry.status === 'R' || entry.status === 'C'
    if (isPair && entry.oldPath === undefined) {
      entry.oldPath = path
      return
    }
    this.#entry = undefined
    this.#commit?.entries.push({ ...entry, path })
  }

  /** A merge is printed once for each parent it differs from, its header repeated. */
  #endHeader(header: readonly Buffer[]): GitCommit | undefined {
    this.#header = undefined
    const [hash = '', parents = '', authorName = '', authorEmail = '', ...others] = header.map(
      (field) => field.toString('utf8'),
    )
    const before = this.#commit
    if (before?.hash === hash) return undefined
    const [authored = '', committed = '', subject = ''] = others
    this.#commit = {
      hash,
      parents: parents === '' ? [] : parents.split(' '),
      authorName,
      authorEmail,
      authoredSeconds: toSeconds(authored),
      committedSeconds: toSeconds(committed),
      subject,
      entries: [],
    }
    return before
  }
}

/** `:100644 100755 OLD NEW R086`, after a line break where it is the first of a commit. */
const entryPattern = /^\n*:\d+ (\d+) [0-9a-f]+ ([0-9a-f]+) ([A-Z])\d*$/

function toSeconds(text: string): number {
  return /^-?\d+$/.test(text) ? Number(text) : Number.NaN
}

/** The output is not what was asked for, or not all of it. */
export class UnreadableLogError extends Error {}

function unreadable(field: Buffer): UnreadableLogError {
  const shown = JSON.stringify(field.toString('latin1').slice(0, 200))
  return new UnreadableLogError(`git log printed something unexpected: ${shown}`)
}

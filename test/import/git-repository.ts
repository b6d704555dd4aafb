import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { gitEnvironment } from '../../packages/asof/src/git/git-process.ts'

/** A commit to be made: everything about it is said, nothing comes from the surroundings. */
export interface CommitSpec {
  /** Numbers of earlier commits, from 0. */
  readonly parents: readonly number[]
  readonly author?: { readonly name: string; readonly email: string }
  /** Seconds since 1970. */
  readonly authored: number
  readonly committed?: number
  readonly subject?: string
  /** Relative to the first parent. */
  readonly changes: readonly FileSpec[]
}

/** What a path becomes: content and mode, or nothing. */
export interface FileSpec {
  readonly path: string | Buffer
  readonly content?: string | Buffer | undefined
  readonly mode?: '100644' | '100755' | '120000' | undefined
}

const someone = { name: 'Ada Lovelace', email: 'ada@example.org' }

/** Makes a bare repository out of commits, with one call of `git fast-import`. */
export function makeRepository(directory: string, commits: readonly CommitSpec[]): void {
  mkdirSync(directory, { recursive: true })
  git(directory, ['init', '--quiet', '--bare', '--initial-branch=main', '.'])
  if (commits.length > 0) addCommits(directory, commits, 0)
}

/** Appends commits; `known` is how many the repository has already. */
export function addCommits(directory: string, commits: readonly CommitSpec[], known: number): void {
  const marks = `${directory}/marks`
  const parts: Buffer[] = []
  const write = (text: string): void => void parts.push(Buffer.from(text))
  for (const [at, commit] of commits.entries()) {
    const { name, email } = commit.author ?? someone
    const subject = Buffer.from(commit.subject ?? `commit ${known + at}`)
    // Without this a commit without parents would take the last one of the branch as its parent.
    if (commit.parents.length === 0) write('reset refs/heads/main\n\n')
    write(`commit refs/heads/main\nmark :${known + at + 1}\n`)
    write(`author ${name} <${email}> ${commit.authored} +0200\n`)
    write(`committer C <c@example.org> ${commit.committed ?? commit.authored} +0000\n`)
    write(`data ${subject.length}\n`)
    parts.push(subject)
    const [first, ...others] = commit.parents
    write(first === undefined ? '\n' : `\nfrom :${first + 1}\n`)
    for (const parent of others) write(`merge :${parent + 1}\n`)
    for (const change of commit.changes) writeChange(parts, change)
    write('\n')
  }
  const importMarks = known > 0 ? [`--import-marks=${marks}`] : []
  const args = ['fast-import', '--quiet', '--force', `--export-marks=${marks}`, ...importMarks]
  execFileSync('git', ['-C', directory, ...args], {
    env: gitEnvironment(),
    input: Buffer.concat(parts),
  })
}

function writeChange(parts: Buffer[], change: FileSpec): void {
  const path = quotePath(Buffer.from(change.path))
  if (change.content === undefined) {
    parts.push(Buffer.from(`D ${path}\n`))
    return
  }
  const content = Buffer.from(change.content)
  parts.push(Buffer.from(`M ${change.mode ?? '100644'} inline ${path}\ndata ${content.length}\n`))
  parts.push(content, Buffer.from('\n'))
}

/** A path for fast-import: every byte that could be misread as an octal escape. */
function quotePath(path: Buffer): string {
  let text = ''
  for (const byte of path) {
    const isPlain = byte > 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
    text += isPlain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`
  }
  return `"${text}"`
}

export function git(directory: string, args: readonly string[]): string {
  return gitBytes(directory, args).toString('utf8')
}

export function gitBytes(directory: string, args: readonly string[]): Buffer {
  return execFileSync('git', ['-C', directory, ...args], {
    env: gitEnvironment(),
    maxBuffer: 256 * 1024 * 1024,
  })
}

/** The tree of a commit as git has it: `mode blob path`, sorted. */
export function gitTree(directory: string, revision = 'HEAD'): string[] {
  const listed = gitBytes(directory, ['ls-tree', '-r', '-z', '--full-tree', revision])
  return splitNul(listed)
    .map((line) => {
      const tab = line.indexOf('\t')
      const [mode = '', , blob = ''] = line.slice(0, tab).split(' ')
      return `${mode} ${blob} ${line.slice(tab + 1)}`
    })
    .sort()
}

/** Fields that end in NUL. Bytes that are not UTF-8 are read as Latin-1 would. */
export function splitNul(bytes: Buffer): string[] {
  return bytes
    .toString('utf8')
    .split('\0')
    .filter((field) => field !== '')
}

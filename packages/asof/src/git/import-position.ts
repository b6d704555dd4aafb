import type { Transaction, View } from 'asofdb'
import { CommandFailure, usageFailure } from '../failure.ts'
import { askGit } from './git-process.ts'

/** Where the import keeps what it needs to continue; written in the transaction of each commit. */
export const importKeyspace = 'import:git'

const positionKey = 'position'

/** How far an import has come. */
export interface ImportPosition {
  /** Hash of the last commit written. */
  readonly commit: string
  readonly commitCount: number
}

/** Undefined when no history of git was imported yet. */
export function readPosition(view: View): ImportPosition | undefined {
  const stored = view.keys(importKeyspace).get(positionKey)
  if (typeof stored !== 'object' || stored === null) return undefined
  if (!('commit' in stored) || !('commitCount' in stored)) return undefined
  const { commit, commitCount } = stored
  if (typeof commit !== 'string' || typeof commitCount !== 'number') return undefined
  return { commit, commitCount }
}

export function writePosition(tx: Transaction, position: ImportPosition): void {
  tx.keys(importKeyspace).put(positionKey, { ...position })
}

/**
 * The imported commits that no imported commit has as a parent. What was imported is closed under
 * parents, so these stand for all of it.
 */
export function importedTips(view: View): string[] {
  const tips: string[] = []
  for (const node of view.nodes('Commit')) {
    if (view.in(node.id, { type: 'PARENT', limit: 1 }).length > 0) continue
    const hash = node.get('hash')
    if (typeof hash === 'string') tips.push(hash)
  }
  return tips
}

/** The commit whose history is to be imported: of `reference`, or of what HEAD means. */
export async function resolveHead(
  repository: string,
  reference: string | undefined,
): Promise<string> {
  const branches = await listBranches(repository)
  const choices = reference === undefined ? ['HEAD', ...guessBranches(branches)] : [reference]
  for (const choice of choices) {
    const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${choice}^{commit}`]
    const hash = await askGit(repository, args).catch(() => '')
    if (hash.trim() !== '') return hash.trim()
  }
  if (branches.length === 0) {
    throw new CommandFailure(`the repository ${repository} has no commits yet`)
  }
  const shown = branches.slice(0, 20).join(', ')
  const what = reference === undefined ? 'HEAD names no commit' : `there is no commit ${reference}`
  throw usageFailure(`${what} in ${repository}`, {
    hint: `choose with --ref; the branches are ${shown}`,
  })
}

async function listBranches(repository: string): Promise<string[]> {
  const args = ['for-each-ref', '--format=%(refname:short)', 'refs/heads']
  return (await askGit(repository, args)).split('\n').filter((name) => name !== '')
}

/** What a repository without a usable HEAD most likely means: its only branch, or the usual one. */
function guessBranches(branches: readonly string[]): readonly string[] {
  if (branches.length === 1) return branches
  return ['main', 'master'].filter((name) => branches.includes(name))
}

export interface Continuation {
  readonly repository: string
  /** Hash of the commit whose history is to be imported. */
  readonly head: string
  /** What `importedTips` found. */
  readonly tips: readonly string[]
}

/** Refuses to mix histories: all that was imported must be in the history of `head`. */
export async function mustContinue({ repository, head, tips }: Continuation): Promise<void> {
  const input = [...tips, `^${head}`].join('\n')
  let outside: string
  try {
    outside = (await askGit(repository, ['rev-list', '--max-count=1', '--stdin'], input)).trim()
  } catch (error) {
    if (!(error instanceof CommandFailure) || !/bad object|bad revision/.test(error.message)) {
      throw error
    }
    throw new CommandFailure(
      `the database holds the history of another repository: ${repository} lacks its commits`,
      { hint: freshFolderHint, cause: error, details: { isOtherHistory: true } },
    )
  }
  if (outside === '') return
  throw new CommandFailure(
    `commit ${outside} was imported but is no longer in the history of ${head.slice(0, 12)}: ` +
      'it was rewritten, or this is another branch',
    { hint: freshFolderHint, details: { isOtherHistory: true } },
  )
}

const freshFolderHint = 'import into a fresh folder: asof import git REPO --into ANOTHER_DIR'

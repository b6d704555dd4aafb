import type { GitCommit, RawEntry } from './git-log.ts'

/** What is believed of a path: the mode and the content of the file there. */
export interface PathState {
  readonly mode: string
  readonly blob: string
}

/** What a commit does to one file. */
export type FileChange =
  | { readonly kind: 'delete'; readonly path: string }
  | ({
      readonly kind: 'move'
      readonly oldPath: string
      readonly path: string
      readonly status: string
    } & PathState)
  | ({
      readonly kind: 'write'
      readonly path: string
      readonly status: string
      readonly oldPath?: string | undefined
    } & PathState)

/**
 * The changes that take the believed tree to what a commit says, deletions first, then moves, then
 * writes: that order lets a directory take the place of a file and the other way round.
 *
 * The believed tree is one tree, though history has branches: commits are applied to it in
 * topological order. Every entry of an ordinary commit is a change. A merge states the outcome of
 * every path that differs from any parent, and is a change exactly where the believed tree says
 * something else. Then, after the last commit, the believed tree is the tree of that commit:
 *
 *   Take a path and the last commit L that changed it here. On a chain of parents from the last
 *   commit down to L, no commit changes the path: an ordinary one would have been a change after
 *   L; a merge that differs from its parent on the chain lists the path, and would have been a
 *   change after L too, because the belief is still what L left.
 */
export function changesOf(
  commit: GitCommit,
  believed: (path: string) => PathState | undefined,
): FileChange[] {
  const changes =
    commit.parents.length > 1
      ? mergeChanges(commit.entries, believed)
      : commit.entries.map(toChange)
  const moved = new Set<string>()
  const settled = changes.flatMap((change) => {
    if (change.kind !== 'move') return [change]
    const hasSource = believed(change.oldPath) !== undefined && !moved.has(change.oldPath)
    moved.add(change.oldPath)
    return settleMove(change, { hasSource, hasTarget: believed(change.path) !== undefined })
  })
  return settled.sort((a, b) => kindRank[a.kind] - kindRank[b.kind])
}

const kindRank = { delete: 0, move: 1, write: 2 } as const

function toChange(entry: RawEntry): FileChange {
  const { status, mode, blob, path, oldPath } = entry
  if (status === 'D') return { kind: 'delete', path }
  if (status === 'R' && oldPath !== undefined) {
    return { kind: 'move', oldPath, path, status, mode, blob }
  }
  return { kind: 'write', path, status, mode, blob }
}

/**
 * A file moves only from where one is believed to where none is. When a branch has already put one
 * there, that one has the longer history under this name: it stays, and the other ends.
 */
function settleMove(
  move: FileChange & { readonly kind: 'move' },
  belief: { readonly hasSource: boolean; readonly hasTarget: boolean },
): FileChange[] {
  const { oldPath, path, status, mode, blob } = move
  if (belief.hasSource && !belief.hasTarget) return [move]
  const write: FileChange = { kind: 'write', path, oldPath, status, mode, blob }
  return belief.hasSource ? [{ kind: 'delete', path: oldPath }, write] : [write]
}

function mergeChanges(
  entries: readonly RawEntry[],
  believed: (path: string) => PathState | undefined,
): FileChange[] {
  const outcomes = new Map<string, RawEntry | undefined>()
  const sources = new Map<string, string>()
  for (const entry of entries) {
    if (entry.status === 'D') {
      outcomes.set(entry.path, undefined)
      continue
    }
    outcomes.set(entry.path, entry)
    if (entry.status !== 'R' || entry.oldPath === undefined) continue
    outcomes.set(entry.oldPath, undefined)
    if (!sources.has(entry.path)) sources.set(entry.path, entry.oldPath)
  }
  const changes: FileChange[] = []
  const moved = new Set<string>()
  for (const [path, outcome] of outcomes) {
    const belief = believed(path)
    if (outcome === undefined || isSame(outcome, belief)) continue
    const { mode, blob } = outcome
    const oldPath = sources.get(path)
    const isMove =
      oldPath !== undefined &&
      belief === undefined &&
      believed(oldPath) !== undefined &&
      !moved.has(oldPath)
    if (isMove) {
      moved.add(oldPath)
      changes.push({ kind: 'move', oldPath, path, status: 'R', mode, blob })
    } else {
      changes.push({ kind: 'write', path, status: statusOf(belief, outcome), mode, blob })
    }
  }
  for (const [path, outcome] of outcomes) {
    const isGone = outcome === undefined && believed(path) !== undefined && !moved.has(path)
    if (isGone) changes.push({ kind: 'delete', path })
  }
  return changes
}

function isSame(one: PathState, other: PathState | undefined): boolean {
  return other !== undefined && one.mode === other.mode && one.blob === other.blob
}

function statusOf(belief: PathState | undefined, outcome: PathState): string {
  if (belief === undefined) return 'A'
  return belief.mode.slice(0, 3) === outcome.mode.slice(0, 3) ? 'M' : 'T'
}

import { git, gitBytes, splitNul } from './git-repository.ts'

/** A path as it is believed: mode and blob. */
export type ModelTree = ReadonlyMap<string, string>

/** What git says of a commit, and the tree that is believed after it. */
export interface ModelCommit {
  readonly hash: string
  readonly parents: readonly string[]
  readonly authorEmail: string
  readonly authored: number
  readonly committed: number
  readonly subject: string
  readonly tree: ModelTree
}

/**
 * The history of HEAD as the import should see it, computed the long way round: from the whole tree
 * of each commit, without rename detection and without diffs of git. An ordinary commit takes over
 * every path in which it differs from its parent, a merge every path in which it differs from any.
 */
export function modelHistory(directory: string): ModelCommit[] {
  const trees = new Map<string, ModelTree>()
  const commits: ModelCommit[] = []
  const believed = new Map<string, string>()
  const order = git(directory, ['rev-list', '--topo-order', '--reverse', 'HEAD'])
  for (const hash of order.split('\n').filter((line) => line !== '')) {
    const format = '--format=%P%x00%aE%x00%at%x00%ct%x00%s%x00'
    const shown = splitFields(gitBytes(directory, ['show', '--no-patch', format, hash]))
    const [parentText = '', authorEmail = '', authored = '', committed = '', subject = ''] = shown
    const parents = parentText === '' ? [] : parentText.split(' ')
    const tree = readTree(directory, hash)
    trees.set(hash, tree)
    const others =
      parents.length === 0
        ? [new Map<string, string>()]
        : parents.map((parent) => trees.get(parent))
    for (const other of others) takeDifferences(believed, tree, other ?? new Map<string, string>())
    commits.push({
      hash,
      parents,
      authorEmail,
      authored: Number(authored),
      committed: Number(committed),
      subject,
      tree: new Map(believed),
    })
  }
  return commits
}

function splitFields(bytes: Buffer): string[] {
  return bytes.toString('utf8').split('\0')
}

function readTree(directory: string, hash: string): ModelTree {
  const tree = new Map<string, string>()
  for (const line of splitNul(gitBytes(directory, ['ls-tree', '-r', '-z', '--full-tree', hash]))) {
    const tab = line.indexOf('\t')
    const [mode = '', , blob = ''] = line.slice(0, tab).split(' ')
    tree.set(line.slice(tab + 1), `${mode} ${blob}`)
  }
  return tree
}

/** Takes over into `believed` every path in which `tree` differs from `other`. */
export function takeDifferences(
  believed: Map<string, string>,
  tree: ModelTree,
  other: ModelTree,
): void {
  for (const [path, state] of tree) if (other.get(path) !== state) believed.set(path, state)
  for (const path of other.keys()) if (!tree.has(path)) believed.delete(path)
}

import { createHash } from 'node:crypto'
import type { CommitSpec, FileSpec } from './git-repository.ts'
import type { SeededRandom } from './seeded-random.ts'

export interface RandomCommit extends CommitSpec {
  /** All of its tree: `mode blob` by path. */
  readonly tree: ReadonlyMap<string, string>
}

const names = ['a', 'b', 'c', 'd', 'lib/a', 'lib/b', 'lib/deep/c', 'docs/x', 'docs/y', 'src/m/n/o']
const authors = ['Ada', 'Bob', 'Cyd'].map((name) => ({
  name,
  email: `${name.toLowerCase()}@example.org`,
}))
const start = 1_500_000_000
const day = 86_400

interface Content {
  readonly text: string
  readonly mode: '100644' | '100755'
}

/**
 * A history with branches and merges of any outcome, edits, moves, deletions and returns, in which
 * about a quarter of the author dates go back in time. Every commit but the last is the parent of a
 * later one, so the last one's history is all of it.
 */
export function randomHistory(random: SeededRandom, count: number): RandomCommit[] {
  const commits: RandomCommit[] = []
  const trees: Map<string, Content>[] = []
  let tips: number[] = []
  for (let number = 0; number < count; number++) {
    const isLast = number === count - 1
    const parents = isLast ? tips : chooseParents(random, { tips, number })
    const [first, ...others] = parents
    const base = new Map(first === undefined ? [] : trees[first])
    for (const other of others) mergeRandomly(random, base, trees[other] ?? new Map())
    const before = first === undefined ? new Map<string, Content>() : (trees[first] ?? new Map())
    const edits = random.chance(parents.length > 1 ? 0.4 : 0.95) ? 1 + random.below(3) : 0
    for (let edit = 0; edit < edits; edit++) editRandomly(random, base, `${number}.${edit}`)
    removeClashes(base)
    trees.push(base)
    tips = [...tips.filter((tip) => !parents.includes(tip)), number]
    const isBack = random.chance(0.25)
    commits.push({
      parents,
      author: random.pick(authors),
      authored: start + (isBack ? random.below(number + 1) : number) * day,
      committed: start + number * day + random.below(3) * day,
      subject: `commit ${number}`,
      changes: changesBetween(before, base),
      tree: new Map([...base].map(([path, content]) => [path, stateOf(content)])),
    })
  }
  return commits
}

function chooseParents(
  random: SeededRandom,
  { tips, number }: { readonly tips: readonly number[]; readonly number: number },
): number[] {
  if (number === 0 || random.chance(0.04)) return []
  if (tips.length > 1 && random.chance(0.35)) {
    const some = tips.filter(() => random.chance(0.7))
    if (some.length > 0) return some
  }
  // A branch begins anywhere.
  return [random.chance(0.3) ? random.below(number) : random.pick(tips)]
}

/** Each path may take the side of the other parent, or neither side. */
function mergeRandomly(
  random: SeededRandom,
  base: Map<string, Content>,
  other: ReadonlyMap<string, Content>,
): void {
  for (const path of new Set([...base.keys(), ...other.keys()])) {
    if (random.chance(0.5)) continue
    const theirs = other.get(path)
    if (theirs === undefined) base.delete(path)
    else base.set(path, theirs)
  }
}

function editRandomly(random: SeededRandom, tree: Map<string, Content>, stamp: string): void {
  const path = random.pick(names)
  const content = tree.get(path)
  const mode = random.chance(0.1) ? '100755' : '100644'
  if (content === undefined) {
    const text = random.chance(0.3)
      ? longText(random.below(3))
      : `${longText(random.below(3))}\n${stamp}`
    tree.set(path, { text, mode })
    return
  }
  const what = random.below(4)
  if (what === 0) {
    tree.delete(path)
  } else if (what === 1) {
    tree.delete(path)
    tree.set(random.pick(names), random.chance(0.5) ? content : edited(content, stamp))
  } else {
    tree.set(path, edited(content, stamp))
  }
}

function edited({ text, mode }: Content, stamp: string): Content {
  return { text: `${text}\n${stamp}`, mode }
}

function longText(kind: number): string {
  return Array.from({ length: 20 }, (_, line) => `${kind} line ${line}`).join('\n')
}

/** A tree cannot have a file and a directory of one name. */
function removeClashes(tree: Map<string, Content>): void {
  for (const path of tree.keys()) {
    for (const other of tree.keys()) if (other.startsWith(`${path}/`)) tree.delete(other)
  }
}

function changesBetween(
  before: ReadonlyMap<string, Content>,
  after: ReadonlyMap<string, Content>,
): FileSpec[] {
  const deleted = [...before.keys()].filter((path) => !after.has(path)).map((path) => ({ path }))
  const written = [...after].flatMap(([path, { text, mode }]) => {
    const old = before.get(path)
    return old?.text === text && old.mode === mode ? [] : [{ path, content: text, mode }]
  })
  return [...deleted, ...written]
}

/** What git calls the content: its mode and the hash of its blob. */
function stateOf({ text, mode }: Content): string {
  const bytes = Buffer.from(text)
  const hash = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
  return `${mode} ${hash}`
}

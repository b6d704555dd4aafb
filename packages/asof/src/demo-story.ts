import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, Instant, type Node, type View } from 'asofdb'
import { nodeTitle, shortText } from './describe.ts'
import { compare, countsText, nodeDifferenceLines } from './difference.ts'
import { provenanceLines, timelineLines } from './history-report.ts'
import { peopleNoun, plural } from './output/number-text.ts'
import { styleOf } from './output/style.ts'
import { tableLines } from './output/table.ts'
import type { Terminal } from './output/terminal.ts'
import { instantText } from './output/value-text.ts'
import { findRoot, readTree, treeLines } from './tree.ts'

/** What the demo looks at: a file with something to tell, a day, a commit, a span of time. */
export interface DemoStory {
  readonly file: { readonly id: number; readonly path: string }
  /** In the middle of history. */
  readonly day: Instant
  /** A commit of the database at which less was known of the file. */
  readonly sequence: number
  readonly from: Instant
  readonly to: Instant
  /** The author date of the first commit. */
  readonly first: Instant
}

/** As many versions as make a good picture. */
const versionsWanted = 5

/** Chooses what to look at; undefined when there is no file at all. */
export function chooseStory(database: Database): DemoStory | undefined {
  const file = chooseFile(database)
  if (file === undefined) return undefined
  const history = database.provenance(file.id)
  const sequences = [...new Set(history.map(({ sequence }) => sequence))]
  const earlier = sequences[Math.max(0, sequences.length - 2)] ?? 1
  const path = file.get('path')
  return {
    file: { id: file.id, path: typeof path === 'string' ? path : '' },
    day: authoredAt(database, 0.5),
    sequence: earlier,
    from: authoredAt(database, 0.6),
    to: authoredAt(database, 0.8),
    first: authoredAt(database, 0),
  }
}

/** A file with several versions and authors, one that has moved if there is one. */
function chooseFile(database: Database): Node | undefined {
  let best: { readonly node: Node; readonly score: number } | undefined
  for (const node of database.nodes('File')) {
    const changes = database.in(node.id, 'CHANGED')
    const hasMoved = changes.some((edge) => edge.get('oldPath') !== undefined)
    const authors = new Set(changes.map(({ source }) => database.sources(source, 'AUTHORED')[0]))
    const size = -Math.abs(changes.length - versionsWanted)
    const score = size + (hasMoved ? 4 : 0) + 2 * Math.min(3, authors.size)
    if (best === undefined || score > best.score) best = { node, score }
  }
  return best?.node
}

/** The author date of a commit that stands at this part of the history, from 0 to 1. */
function authoredAt(database: Database, part: number): Instant {
  const sequence = Math.max(1, Math.round(database.sequence * part))
  const hash = database.commit(sequence)?.meta?.source
  if (hash !== undefined) {
    for (const node of database.nodes('Commit', { hash })) {
      const authored = node.get('authored')
      if (authored instanceof Instant) return authored
    }
  }
  return database.commit(sequence)?.system ?? Instant.from(0n)
}

const treeLinesMax = 12
const differencesMax = 10
const rectanglesMax = 8

/** The answers, each under the question it answers. */
export function storyLines(database: Database, story: DemoStory, terminal: Terminal): string[] {
  return [
    ...treeSection(database, story, terminal),
    ...lastTouchSection(database, story, terminal),
    ...fileSections(database, story, terminal),
    ...differenceSection(database, story, terminal),
  ]
}

function treeSection(database: Database, story: DemoStory, terminal: Terminal): string[] {
  const view = database.asOf({ valid: story.day })
  const root = findRoot(view)
  const style = styleOf(terminal)
  const title = `The tree and its authors as of ${instantText(story.day)}`
  if (root === undefined) return [style.bold(title), '  there was none', '']
  const all = readTree(view, root.id, { isRecursive: true })
  const top = readTree(view, root.id, { isRecursive: false })
  const authors = new Set(all.entries.map(({ lastAuthor }) => lastAuthor))
  const files = plural(all.entries.length, 'file')
  const people = plural(authors.size, peopleNoun)
  return [
    style.bold(title),
    `  ${files}, last changed by ${people}`,
    ...treeLines(view, top, { limit: treeLinesMax, columns: terminal.columns }),
    '',
  ]
}

function lastTouchSection(database: Database, story: DemoStory, terminal: Terminal): string[] {
  const { file, sequence } = story
  const style = styleOf(terminal)
  const commit = database.commit(sequence)
  const hash = shortText(commit?.meta?.source)
  const then = touchRow(`as known at commit ${hash}`, database.asOf({ sequence }), file.id)
  const now = touchRow('as known now', database.snapshot(), file.id)
  return [
    style.bold(`Who last touched ${file.path}?`),
    ...tableLines([then, now], terminal.columns),
    '',
  ]
}

function touchRow(when: string, view: View, id: number): string[] {
  const node = view.node(id)
  if (node === undefined) return [`  ${when}`, 'it was not there', '']
  const commit = node.get('lastCommit')
  let subject = ''
  if (typeof commit === 'string') {
    for (const found of view.nodes('Commit', { hash: commit })) subject = nodeTitle(found)
  }
  return [`  ${when}`, shortText(node.get('lastAuthor')), subject]
}

function fileSections(database: Database, story: DemoStory, terminal: Terminal): string[] {
  const { id, path } = story.file
  const style = styleOf(terminal)
  const options = { terminal, limit: rectanglesMax }
  return [
    style.bold(`Timeline of ${path}: what held when, as known now`),
    ...timelineLines(database.timeline(id), options),
    '',
    style.bold(`Provenance of ${path}: what was believed when (valid time →, system time ↓)`),
    ...provenanceLines(database.provenance(id), options),
    '',
  ]
}

function differenceSection(database: Database, story: DemoStory, terminal: Terminal): string[] {
  const before = database.asOf({ valid: story.from })
  const after = database.asOf({ valid: story.to })
  const found = compare(database, { before, after, limit: differencesMax, label: 'File' })
  const span = `${instantText(story.from)} and ${instantText(story.to)}`
  return [
    styleOf(terminal).bold(`The difference between ${span}`),
    `  files: ${countsText(found.nodeCounts)}`,
    ...nodeDifferenceLines(found.nodes, terminal),
    '',
  ]
}

/** Three commands that go on from here. */
export function storyCommands(story: DemoStory, folder: string): string[] {
  const asof = ownName()
  const place = quoted(folder)
  const [day, from] = [story.day, story.from].map((instant) => dayOrTime(instant, story))
  const file = quoted(`file:${story.file.path}`)
  return [
    `${asof} show ${place} / --valid ${day ?? ''}`,
    `${asof} provenance ${place} ${file}`,
    `${asof} diff ${place} ${from ?? ''} now --label File`,
  ]
}

/** The day, where histories are long enough for days; else the instant. */
function dayOrTime(instant: Instant, story: DemoStory): string {
  const seconds = story.to.epochSeconds - story.first.epochSeconds
  return seconds > 30 * 86_400 ? instantText(instant).slice(0, 10) : instant.toString()
}

/** How this command is called where the reader is: by itself, or through npm in a repository. */
function ownName(): string {
  if (process.env['npm_lifecycle_event'] === undefined) return 'asof'
  return existsSync(join('node_modules', '.bin', 'asof')) ? 'npx asof' : 'npm run --silent asof --'
}

/** A word for a shell, in quotation marks if it needs them. */
function quoted(word: string): string {
  return /^[\w./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

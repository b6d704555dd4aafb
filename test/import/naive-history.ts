import { git } from './git-repository.ts'

/** One statement about one file: from its date on it is like this, or it is not. */
export interface NaiveEvent {
  readonly file: number
  /** Seconds since 1970. */
  readonly from: number
  /** Path, mode, blob, commit; undefined: not there. */
  readonly state: { readonly path: string; readonly text: string } | undefined
}

interface NaiveFile {
  readonly file: number
  readonly state: string
}

/**
 * The history of a repository with plain names as a list of events, read from the text of `git log`
 * for people, line by line. It serves as the brute-force filter: an answer is found by walking the
 * list. Rules as in the help of `asof import`.
 */
export class NaiveHistory {
  readonly hashes: string[] = []
  readonly parentCounts: number[] = []
  readonly authorSeconds: number[] = []
  readonly changeCounts: number[] = []
  readonly deletions: string[][] = []
  /** Events of each commit, in the order of commits. */
  readonly events: NaiveEvent[][] = []
  readonly paths = new Set<string>()
  readonly #tree = new Map<string, NaiveFile>()
  readonly #gone = new Map<string, number>()
  #fileCount = 0

  static read(directory: string, revision: string): NaiveHistory {
    const format = '--format=commit %H %at %P'
    const args = ['log', '--topo-order', '--reverse', '--raw', '-m', '-M', '--no-abbrev', format]
    const lines = git(directory, [...args, revision, '--']).split('\n')
    const history = new NaiveHistory()
    let hash = ''
    let entries: string[] = []
    let header: string[] = []
    for (const line of [...lines, 'commit end']) {
      if (line.startsWith(':')) entries.push(line)
      if (!line.startsWith('commit ')) continue
      const fields = line.split(' ')
      // A merge shows its header once for each parent.
      if (fields[1] === hash) continue
      if (hash !== '') history.#commit(header, entries)
      ;[, hash = ''] = fields
      header = fields
      entries = []
    }
    return history
  }

  get files(): number {
    return this.#tree.size
  }

  /** What the files at a path were at a time (seconds), known up to a commit (from 1). */
  ask(path: string, at: { readonly seconds: number; readonly sequence: number }): string[] {
    const answered = new Set<number>()
    const found: string[] = []
    for (let commit = at.sequence - 1; commit >= 0; commit--) {
      const events = this.events[commit] ?? []
      for (const { file, from, state } of events.toReversed()) {
        if (from > at.seconds || answered.has(file)) continue
        answered.add(file)
        if (state?.path === path) found.push(state.text)
      }
    }
    return found.sort()
  }

  #commit(header: readonly string[], entries: readonly string[]): void {
    const [, hash = '', authored = '', ...parents] = header
    const isMerge = parents.filter((parent) => parent !== '').length > 1
    const outcome = new Map<string, string | undefined>()
    const moves = new Map<string, string>()
    for (const entry of entries) {
      const [about = '', path = '', target] = entry.split('\t')
      const [, mode = '', , blob = '', status = ''] = about.split(' ')
      if (status === 'D') outcome.set(path, undefined)
      else outcome.set(target ?? path, `${mode} ${blob}`)
      if (target === undefined || !status.startsWith('R')) continue
      outcome.set(path, undefined)
      if (!moves.has(target)) moves.set(target, path)
    }
    if (isMerge) {
      for (const [path, state] of outcome) {
        if (this.#tree.get(path)?.state === state) outcome.delete(path)
      }
    }
    this.#apply({ hash, from: Number(authored) }, outcome, moves)
    this.hashes.push(hash)
    this.authorSeconds.push(Number(authored))
    this.parentCounts.push(parents.filter((parent) => parent !== '').length)
  }

  #apply(
    commit: { readonly hash: string; readonly from: number },
    outcome: ReadonlyMap<string, string | undefined>,
    moves: ReadonlyMap<string, string>,
  ): void {
    const events: NaiveEvent[] = []
    const taken = new Map<string, NaiveFile>()
    for (const [target, source] of moves) {
      const file = this.#tree.get(source)
      if (file === undefined || this.#tree.has(target) || !outcome.has(target)) continue
      this.#tree.delete(source)
      taken.set(target, file)
    }
    const movedFrom = new Set([...taken.keys()].map((target) => moves.get(target)))
    const deleted: string[] = []
    for (const [path, state] of outcome) {
      if (state !== undefined || movedFrom.has(path)) continue
      // In an ordinary commit the end of what was never there is counted, too.
      const isMoveOnly = [...moves.values()].includes(path) && !this.#tree.has(path)
      if (!isMoveOnly) deleted.push(path)
      const file = this.#tree.get(path)
      if (file === undefined) continue
      this.#tree.delete(path)
      this.#gone.set(path, file.file)
      events.push({ file: file.file, from: commit.from, state: undefined })
    }
    let changes = 0
    for (const [path, state] of outcome) {
      if (state === undefined) continue
      changes++
      this.paths.add(path)
      const file = (taken.get(path) ?? this.#tree.get(path))?.file ?? this.#comeBack(path)
      this.#tree.set(path, { file, state })
      const text = `${state} ${commit.hash}`
      events.push({ file, from: commit.from, state: { path, text } })
    }
    this.events.push(events)
    this.deletions.push(deleted)
    this.changeCounts.push(changes)
  }

  #comeBack(path: string): number {
    const former = this.#gone.get(path)
    this.#gone.delete(path)
    return former ?? this.#fileCount++
  }
}

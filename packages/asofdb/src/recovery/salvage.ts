import { bytesToHex, headerBytes } from '../checkpoint/checkpoint-file.ts'
import {
  checkpointDirectoryOf,
  logDirectoryName,
  manifestName,
} from '../checkpoint/directory-names.ts'
import type { CheckpointFileInfo, CheckpointState } from '../checkpoint/manifest.ts'
import { checkSections, type SectionDamage } from '../checkpoint/load-sections.ts'
import { loadCheckpoint, type OpenableCheckpoint } from '../checkpoint/read-checkpoint.ts'
import type { BatchApplier } from '../commit/apply.ts'
import { segmentHeaderBytes } from '../log/segment.ts'
import { invariant, must } from '../rules/invariant.ts'
import type { Tables } from '../versions/tables.ts'
import type { Basis, FoundCheckpoint, Inventory, Place } from './inventory.ts'
import type { Damage, LostCommits } from './report.ts'
import { type SalvagedLog, salvageLog } from './salvage-log.ts'
import { checkpointPath } from './survey-checkpoint.ts'

export interface SalvageOptions extends Place {
  readonly basis: Basis
  readonly inventory: Inventory
  /** Empty ones; they hold what was salvaged on return. */
  readonly tables: Tables
  readonly applier: BatchApplier
}

/** A file that is not to be lost with what is replaced: damaged, foreign, or not applied. */
export interface Suspect {
  /** Relative to the directory. */
  readonly file: string
  readonly why: string
}

/** What can be proved whole, and what can't. */
export interface Salvage {
  /** In the tables. */
  readonly sequence: number
  readonly loaded: CheckpointState
  readonly log: SalvagedLog
  readonly damage: readonly Damage[]
  readonly seenSequence: number
  readonly lost: LostCommits | null
  readonly suspects: readonly Suspect[]
}

/**
 * Loads the longest chain of whole checkpoint files and applies the log behind it as far as it
 * goes without a gap. Reads every file there is, also those that are of no use here, so that all
 * damage is named. Writes nothing.
 */
export async function salvage(options: SalvageOptions): Promise<Salvage> {
  invariant(options.tables.commits.sequence === 0, 'a salvage fills empty tables')
  const checkpoints = new CheckpointSalvage(options)
  await checkpoints.readAll()
  const loaded = await checkpoints.load()
  const log = await salvageLog(options)
  const { sequence } = options.tables.commits
  invariant(sequence >= loaded.sequence, 'a log only adds to a checkpoint')
  const damage = [...log.damage, ...checkpoints.damage]
  const seenSequence = Math.max(sequence, log.seenSequence, checkpoints.seenSequence)
  return {
    sequence,
    loaded,
    log,
    damage,
    seenSequence,
    lost: lostOf(sequence, seenSequence, damage),
    suspects: suspectsOf(options, { log, damage, bad: checkpoints.bad }),
  }
}

/** What the damage concerns, or something sound names, beyond what was recovered. */
function lostOf(
  sequence: number,
  seenSequence: number,
  damage: readonly Damage[],
): LostCommits | null {
  invariant(seenSequence >= sequence, 'what was recovered was seen')
  if (seenSequence > sequence) return { first: sequence + 1, last: seenSequence }
  const isBeyond = damage.some(({ commits }) => (commits?.last ?? 0) > sequence)
  return isBeyond ? { first: sequence + 1, last: null } : null
}

class CheckpointSalvage {
  readonly damage: Damage[] = []
  /** Names of files that can't be used. */
  readonly bad = new Set<string>()
  seenSequence = 0
  readonly #options: SalvageOptions
  readonly #named: ReadonlyMap<string, CheckpointFileInfo>

  constructor(options: SalvageOptions) {
    this.#options = options
    const named = options.basis.candidates.flatMap(({ files }) => files)
    this.#named = new Map(named.map((info) => [info.name, info]))
  }

  async readAll(): Promise<void> {
    const { inventory, basis } = this.#options
    for (const info of this.#named.values()) {
      this.seenSequence = Math.max(this.seenSequence, info.toSequence)
      const found = inventory.checkpoints.get(info.name)
      await this.#judge(info, found)
    }
    for (const [name, found] of inventory.checkpoints) {
      if (this.#named.has(name)) continue
      const isDamaged = found.read.type !== 'header'
      // Without a manifest nobody can say that it was a leftover.
      if (!basis.isNamed && isDamaged) this.#noteHeader(name, found)
    }
  }

  /** Whatever is whole was read once to find out; what is loaded is checked again on the way. */
  async load(): Promise<CheckpointState> {
    const { basis, host, tables } = this.#options
    let loaded: CheckpointState | undefined
    for (const state of basis.candidates) {
      if (state.files.some(({ name }) => this.bad.has(name))) continue
      const chain = state.files.map((info) => this.#openable(info.name))
      const damage = await loadCheckpoint(host.files, chain, tables)
      if (damage === undefined) {
        invariant(tables.commits.sequence === state.sequence, 'a state is loaded to its end')
        loaded = state
        break
      }
      const file = state.files.find(({ name }) => damage.path.endsWith(`/${name}`))
      this.#noteSection(must(file, 'the file that was found damaged meanwhile'), damage)
    }
    return must(loaded, 'the chain of no files, which is always the last candidate')
  }

  async #judge(info: CheckpointFileInfo, found: FoundCheckpoint | undefined): Promise<void> {
    const { name } = info
    const read = found?.read
    if (found === undefined || read === undefined || read.type === 'missing') {
      return this.#note(info, { kind: 'missing', offset: 0, what: 'it is not there' })
    }
    if (read.type !== 'header') return this.#noteHeader(name, found, info)
    if (read.header.databaseId !== this.#options.basis.databaseId) {
      const what = 'it belongs to another database'
      return this.#note(info, { kind: 'foreign', offset: 0, length: headerBytes, what })
    }
    if (found.size < info.size) {
      return this.#note(info, { kind: 'truncated', offset: found.size, what: 'its end is missing' })
    }
    if (read.checksum !== info.headerChecksum || found.size > info.size) {
      const what = 'it is another file than the one named'
      return this.#note(info, { kind: 'salt', offset: 0, length: headerBytes, what })
    }
    const { path, header } = this.#openable(name)
    const file = await this.#options.host.files.open(path, 'read')
    try {
      const damage = await checkSections({ file, path, header })
      if (damage !== undefined) this.#noteSection(info, damage)
    } finally {
      await file.close()
    }
  }

  #openable(name: string): OpenableCheckpoint {
    const found = must(this.#options.inventory.checkpoints.get(name), 'a file that is there')
    const { read } = found
    invariant(read.type === 'header', 'only files with a good header are loaded')
    const path = `${checkpointDirectoryOf(this.#options.directory)}/${name}`
    return { path, header: read.header }
  }

  #noteHeader(name: string, { read, size }: FoundCheckpoint, info?: CheckpointFileInfo): void {
    const isRefused = read.type === 'unreadable'
    const isShort = info !== undefined && size < info.size
    const kind = isRefused ? 'ioError' : isShort ? 'truncated' : 'checksum'
    const what = isRefused ? 'the disk refuses to read it' : 'its header is damaged'
    const length = Math.min(size, headerBytes)
    this.#note(info ?? { name }, { kind, offset: 0, length, what })
  }

  #noteSection(info: CheckpointFileInfo, { kind, offset, length, what }: SectionDamage): void {
    this.#note(info, { kind, offset, length, what: `${what} is damaged` })
  }

  #note(
    info: Pick<CheckpointFileInfo, 'name'> & Partial<CheckpointFileInfo>,
    of: Pick<Damage, 'kind' | 'offset' | 'length' | 'what'>,
  ): void {
    invariant(of.offset >= 0, 'damage is somewhere')
    this.bad.add(info.name)
    const { fromSequence, toSequence } = info
    const commits =
      fromSequence === undefined || toSequence === undefined
        ? undefined
        : { first: fromSequence + 1, last: toSequence }
    const evidence = of.kind === 'ioError' ? 'readRefused' : 'manifest'
    this.damage.push({ ...of, file: checkpointPath(info.name), commits, evidence })
  }
}

/**
 * Everything that lies in the directory and is not in the tables as a whole. A header-only segment
 * holds nothing.
 */
function suspectsOf(
  { basis, inventory }: SalvageOptions,
  found: {
    readonly log: SalvagedLog
    readonly damage: readonly Damage[]
    readonly bad: ReadonlySet<string>
  },
): Suspect[] {
  const suspects: Suspect[] = []
  const whatOf = (file: string): string | undefined =>
    found.damage.find((one) => one.file === file)?.what
  const named = new Set(basis.candidates.flatMap(({ files }) => files.map(({ name }) => name)))
  const isOwn = (id: Uint8Array): boolean => bytesToHex(id) === basis.databaseId
  for (const name of inventory.checkpoints.keys()) {
    const file = checkpointPath(name)
    if (named.has(name) && !found.bad.has(name)) continue
    suspects.push({ file, why: whatOf(file) ?? 'nothing names it' })
  }
  for (const { name, size, header } of inventory.segments.values()) {
    const file = `${logDirectoryName}/${name}`
    if (found.log.spent.has(name)) continue
    const isEmpty = size <= segmentHeaderBytes && header !== undefined && isOwn(header.databaseId)
    if (isEmpty && whatOf(file) === undefined) continue
    const isNamed = basis.segments.some((segment) => segment.name === name)
    const otherwise = isNamed ? "commits in it can't be applied" : 'nothing names it'
    suspects.push({ file, why: whatOf(file) ?? otherwise })
  }
  const paths = new Set(suspects.map(({ file }) => file))
  invariant(paths.size === suspects.length, 'a file is suspected once')
  invariant(
    [...inventory.checkpoints.keys()].every(
      (name) => !found.bad.has(name) || paths.has(checkpointPath(name)),
    ),
    'every damaged checkpoint file is suspected',
  )
  return suspects
}

/** Damage of the manifest itself, for what is built from headers instead. */
export function manifestDamage(
  what: string,
  of: { readonly isMissing: boolean; readonly offset: number; readonly size: number },
  seenSequence: number,
): Damage {
  return {
    kind: of.isMissing ? 'missing' : 'checksum',
    file: manifestName,
    offset: of.offset,
    length: Math.max(0, of.size - of.offset),
    commits: { first: 1, last: Math.max(1, seenSequence) },
    evidence: 'manifest',
    what,
  }
}

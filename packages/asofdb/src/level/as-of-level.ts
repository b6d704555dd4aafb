import type { AbstractDatabaseOptions, AbstractSnapshot } from 'abstract-level'
import type { Database } from '../database.ts'
import type { Host } from '../host/host.ts'
import { nodeHost } from '../host/node-host.ts'
import { checkKeyspace, type KeyTransaction } from '../key-transaction.ts'
import type { KeyView } from '../key-view.ts'
import { open, type OpenOptions } from '../open.ts'
import { DatabaseError, isDatabaseError } from '../rules/errors.ts'
import { must } from '../rules/invariant.ts'
import type { View } from '../view.ts'
import { type AsOfLevelWriteOptions, LevelBase } from './syncing-level.ts'
import {
  bytesToValue,
  keyToBytes,
  type LevelData,
  type LevelFormat,
  valueToBytes,
} from './level-bytes.ts'
import { AsOfLevelError, toLevelError } from './level-error.ts'
import {
  type IteratorOptions,
  type IteratorSource,
  LevelIterator,
  LevelKeyIterator,
  LevelValueIterator,
} from './level-iterators.ts'
import { type AsOfPoint, LevelSnapshot, type SnapshotOptions } from './level-snapshot.ts'
import { type LevelRange, toKeyRange } from './level-walk.ts'

/**
 * The options of `open` and of abstract-level. Those of other Levels, such as `cacheSize`, mean
 * nothing here and do no harm.
 */
export interface AsOfLevelOptions<K = string, V = string>
  extends AbstractDatabaseOptions<K, V>, Omit<OpenOptions, 'create'> {
  /** The keyspace that holds the entries. Default: 'level'. */
  readonly keyspace?: string | undefined
}

/** An open database that holds, among others, the entries of a Level. */
export interface AsOfLevelSource<K = string, V = string> extends Encodings<K, V> {
  /** Stays open when the Level is closed. */
  readonly database: Database
  /** The keyspace that holds the entries. Default: 'level'. */
  readonly keyspace?: string | undefined
  /** Where in system time to read; then nothing can be written. */
  readonly at?: AsOfPoint | undefined
}

interface ReadOptions {
  readonly keyEncoding: LevelFormat
  readonly valueEncoding: LevelFormat
  readonly snapshot?: AbstractSnapshot | undefined
}

interface OpeningOptions extends Omit<OpenOptions, 'create'> {
  readonly createIfMissing: boolean
  readonly errorIfExists: boolean
}

/** An operation of a batch as abstract-level hands it on. */
type Operation =
  | { readonly type: 'put'; readonly key: LevelData; readonly value: LevelData }
  | { readonly type: 'del'; readonly key: LevelData }

type LevelKeys = KeyTransaction<Uint8Array, Uint8Array>

const keyspaceDefault = 'level'
const inMemory = ':memory:'
const bytes = { values: 'bytes' } as const

/**
 * An abstract-level database that keeps its entries in a keyspace of an AsOf database, as bytes.
 * Each put, del, batch and clear is one commit. Needs the optional peer `abstract-level`.
 */
export class AsOfLevel<KDefault = string, VDefault = string> extends LevelBase<
  KDefault,
  VDefault
> {
  readonly keyspace: string
  readonly #given: AsOfLevelSource<KDefault, VDefault> | undefined
  readonly #location: string
  readonly #encodings: Encodings<KDefault, VDefault>
  readonly #timers: Host['timers']
  #database: Database | undefined
  #keys: KeyView<Uint8Array> | undefined

  /** A database in a directory of its own, or in memory (`:memory:`), which the Level opens. */
  constructor(location: string, options?: AsOfLevelOptions<KDefault, VDefault>)
  /** A keyspace of a database that is open already. */
  constructor(source: AsOfLevelSource<KDefault, VDefault>)
  constructor(
    place: string | AsOfLevelSource<KDefault, VDefault>,
    options: AsOfLevelOptions<KDefault, VDefault> = {},
  ) {
    const isOwn = typeof place === 'string'
    const location = isOwn ? place : place.database.path
    if (location === '') throw new TypeError('the location of a Level is the name of a directory')
    const { keyspace = keyspaceDefault, ...rest } = isOwn ? options : leaveOutSource(place)
    checkKeyspace(keyspace)
    super(manifestOf(location, isOwn), rest)
    this.keyspace = keyspace
    this.#given = isOwn ? undefined : place
    this.#location = location
    this.#encodings = encodingsOf(rest)
    this.#timers = (options.host ?? nodeHost()).timers
  }

  /** The directory, or ':memory:'. */
  get location(): string {
    return this.#location
  }

  /** The database beneath, for all that Level has no words for. LEVEL_DATABASE_NOT_OPEN. */
  get database(): Database {
    if (this.#database !== undefined && this.status === 'open') return this.#database
    throw new AsOfLevelError('LEVEL_DATABASE_NOT_OPEN', 'Database is not open')
  }

  /**
   * The same entries as they were at a point of system time, to be read only, as a Level of its
   * own with the same encodings. It is closed with this one. Reading it throws `HistoryPruned`
   * where the retention of the keyspace let go of that past.
   */
  asOf(at: AsOfPoint): AsOfLevel<KDefault, VDefault> {
    const { database, keyspace } = this
    const { sequence } = this.#viewOf(database, at)
    const past = new AsOfLevel<KDefault, VDefault>({
      ...this.#encodings,
      database,
      keyspace,
      at: { sequence },
    })
    this.attachResource(past)
    past.once('closed', () => this.detachResource(past))
    return past
  }
  protected async _open(options: OpeningOptions): Promise<void> {
    try {
      const database = await this.#openDatabase(options)
      const at = this.#given?.at
      const place = at === undefined ? database : this.#viewOf(database, at)
      this.#keys = place.keys(this.keyspace, bytes)
      this.#database = database
    } catch (error) {
      throw toLevelError(error)
    }
  }

  async #openDatabase(options: OpeningOptions): Promise<Database> {
    if (this.#given !== undefined) return this.#given.database
    if (this.#location !== inMemory) return openDirectory(this.#location, options)
    const known = this.#database
    if (known !== undefined && options.errorIfExists) throw existsAlready(inMemory)
    if (known === undefined && !options.createIfMissing) throw doesNotExist(inMemory)
    return known ?? open(inMemory, openOptionsOf(options))
  }

  /** What is in memory stays for the next opening, as long as somebody holds this Level. */
  protected async _close(): Promise<void> {
    if (this.#given === undefined && this.#location !== inMemory) await this.#database?.close()
    this.#keys = undefined
    if (this.#location !== inMemory) this.#database = undefined
  }

  protected async _get(key: LevelData, options: ReadOptions): Promise<LevelData | undefined> {
    return this._getSync(key, options)
  }

  protected _getSync(key: LevelData, options: ReadOptions): LevelData | undefined {
    try {
      const value = this.#keysOf(options.snapshot).get(keyToBytes(key))
      return value === undefined ? undefined : bytesToValue(value, options.valueEncoding)
    } catch (error) {
      throw toLevelError(error)
    }
  }

  protected async _getMany(
    keys: readonly LevelData[],
    options: ReadOptions,
  ): Promise<(LevelData | undefined)[]> {
    try {
      const { snapshot, valueEncoding } = options
      const values = this.#keysOf(snapshot).getMany(keys.map(keyToBytes))
      return values.map((value) => value && bytesToValue(value, valueEncoding))
    } catch (error) {
      throw toLevelError(error)
    }
  }

  protected async _has(key: LevelData, options: ReadOptions): Promise<boolean> {
    try {
      return this.#keysOf(options.snapshot).has(keyToBytes(key))
    } catch (error) {
      throw toLevelError(error)
    }
  }

  protected async _hasMany(keys: readonly LevelData[], options: ReadOptions): Promise<boolean[]> {
    try {
      const reader = this.#keysOf(options.snapshot)
      return keys.map((key) => reader.has(keyToBytes(key)))
    } catch (error) {
      throw toLevelError(error)
    }
  }

  protected _put(key: LevelData, value: LevelData, options: AsOfLevelWriteOptions): Promise<void> {
    return this.#write((keys) => keys.put(keyToBytes(key), valueToBytes(value)), options)
  }

  protected _del(key: LevelData, options: AsOfLevelWriteOptions): Promise<void> {
    return this.#write((keys) => keys.delete(keyToBytes(key)), options)
  }

  protected _batch(
    operations: readonly Operation[],
    options: AsOfLevelWriteOptions,
  ): Promise<void> {
    return this.#write((keys) => {
      for (const operation of operations) {
        const key = keyToBytes(operation.key)
        if (operation.type === 'put') keys.put(key, valueToBytes(operation.value))
        else keys.delete(key)
      }
    }, options)
  }

  protected _clear(
    options: LevelRange & ReadOptions & AsOfLevelWriteOptions,
  ): Promise<void> {
    return this.#write((keys) => {
      const range = toKeyRange(options)
      if (!options.snapshot) keys.clear(range)
      else for (const key of this.#keysOf(options.snapshot).range(range).keys()) keys.delete(key)
    }, options)
  }

  protected _iterator(options: IteratorOptions): LevelIterator {
    return new LevelIterator(this, this.#sourceOf(options), options)
  }

  protected _keys(options: IteratorOptions): LevelKeyIterator {
    return new LevelKeyIterator(this, this.#sourceOf(options), options)
  }

  protected _values(options: IteratorOptions): LevelValueIterator {
    return new LevelValueIterator(this, this.#sourceOf(options), options)
  }

  protected _snapshot(options: SnapshotOptions): AbstractSnapshot {
    return new LevelSnapshot(this, this.#keysAt(options), options)
  }

  /** One commit. Nobody else can come in between, because `state` awaits nothing. */
  async #write(state: (keys: LevelKeys) => void, options: AsOfLevelWriteOptions): Promise<void> {
    try {
      const { database } = this
      if (this.#given?.at !== undefined) {
        throw new AsOfLevelError('LEVEL_READONLY', 'the past can only be read')
      }
      const isToSync = options.sync === true && this.#location !== inMemory
      await database.write((tx) => state(tx.keys(this.keyspace, bytes)), {
        isolation: 'snapshot',
        // Where a write has to wait for the disk others may be first; Level knows no lost races.
        retries: Infinity,
        durability: isToSync ? 'sync' : undefined,
      })
    } catch (error) {
      throw toLevelError(error)
    }
  }

  #sourceOf({ snapshot }: IteratorOptions): IteratorSource {
    const keys = snapshot ? this.#snapshotOf(snapshot).keys : this.#keysAt({})
    return { keys, yieldTurn: () => this.#timers.yieldTurn() }
  }

  #keysOf(snapshot: AbstractSnapshot | null | undefined): KeyView<Uint8Array> {
    const keys = snapshot ? this.#snapshotOf(snapshot).keys : this.#keys
    return must(keys, 'the keys of what is open')
  }

  #snapshotOf(snapshot: AbstractSnapshot): LevelSnapshot {
    if (snapshot instanceof LevelSnapshot && snapshot.level === this) return snapshot
    throw new TypeError('the snapshot is one of another database')
  }

  /** What is stored now, or was at a point, to stay so. */
  #keysAt(at: AsOfPoint): KeyView<Uint8Array> {
    const isOfPast = at.sequence !== undefined || at.system !== undefined
    if (this.#given?.at !== undefined && !isOfPast) return this.#keysOf(undefined)
    return this.#viewOf(this.database, at).keys(this.keyspace, bytes)
  }

  #viewOf(database: Database, { sequence, system }: AsOfPoint): View {
    try {
      if (sequence === undefined && system === undefined) return database.snapshot()
      return database.asOf({
        ...(sequence === undefined ? {} : { sequence }),
        ...(system === undefined ? {} : { system }),
      })
    } catch (error) {
      throw toLevelError(error)
    }
  }
}

/** The rest goes to abstract-level, which hands unknown options on to hooks. */
function leaveOutSource<K, V>({ database, at, ...rest }: AsOfLevelSource<K, V>) {
  return rest
}

type Encodings<K, V> = Pick<AbstractDatabaseOptions<K, V>, 'keyEncoding' | 'valueEncoding'>

function encodingsOf<K, V>({ keyEncoding, valueEncoding }: Encodings<K, V>): Encodings<K, V> {
  return {
    ...(keyEncoding === undefined ? {} : { keyEncoding }),
    ...(valueEncoding === undefined ? {} : { valueEncoding }),
  }
}

function manifestOf(location: string, isOwn: boolean) {
  return {
    encodings: { utf8: true, view: true },
    has: true,
    getSync: true,
    seek: true,
    implicitSnapshots: true,
    explicitSnapshots: true,
    createIfMissing: isOwn,
    errorIfExists: isOwn,
    permanence: location !== inMemory,
    signals: { iterators: true },
    additionalMethods: { asOf: true },
  }
}

/** Opens a directory with the two options that Levels have for it. */
async function openDirectory(location: string, options: OpeningOptions): Promise<Database> {
  const { createIfMissing, errorIfExists } = options
  const rest = openOptionsOf(options)
  if (createIfMissing && !errorIfExists) return open(location, rest)
  try {
    const database = await open(location, { ...rest, create: false })
    if (!errorIfExists) return database
    await database.close()
  } catch (error) {
    if (!isDatabaseError(error, 'NotADatabase')) throw error
    if (!createIfMissing) throw doesNotExist(location, error)
    return open(location, rest)
  }
  throw existsAlready(location)
}

function openOptionsOf({ createIfMissing, errorIfExists, ...rest }: OpeningOptions): OpenOptions {
  return rest
}

function existsAlready(location: string): DatabaseError {
  return new DatabaseError(
    'AlreadyExists',
    `the database ${location} exists already; leave errorIfExists out to open it`,
  )
}

function doesNotExist(location: string, cause?: unknown): DatabaseError {
  return new DatabaseError(
    'NotADatabase',
    `the database ${location} does not exist; leave createIfMissing out to make it`,
    { cause },
  )
}

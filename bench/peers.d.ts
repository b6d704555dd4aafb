/**
 * The part of the peers that the benchmarks use. Written by hand, so that the types of this
 * repository can be checked without installing them (one ships no types, one has to compile).
 */
declare module 'better-sqlite3' {
  export type SqliteValue = number | bigint | string | Uint8Array | null

  export interface Statement {
    run(...parameters: readonly SqliteValue[]): { changes: number }
    get(...parameters: readonly SqliteValue[]): Record<string, SqliteValue> | undefined
    all(...parameters: readonly SqliteValue[]): Record<string, SqliteValue>[]
    iterate(...parameters: readonly SqliteValue[]): IterableIterator<Record<string, SqliteValue>>
    pluck(toggle?: boolean): this
    raw(toggle?: boolean): this
  }

  export default class Database {
    constructor(path: string, options?: { readonly?: boolean; fileMustExist?: boolean })
    prepare(sql: string): Statement
    exec(sql: string): this
    pragma(sql: string, options?: { simple?: boolean }): unknown
    transaction<A extends readonly unknown[], R>(body: (...args: A) => R): (...args: A) => R
    close(): this
  }
}

declare module 'classic-level' {
  export type LevelKey = string | Uint8Array
  export type Encoding = 'utf8' | 'buffer' | 'view' | 'json'

  export interface LevelOptions {
    keyEncoding?: Encoding
    valueEncoding?: Encoding
  }

  export interface RangeOptions<K> {
    gt?: K
    gte?: K
    lt?: K
    lte?: K
    reverse?: boolean
    limit?: number
    /** The most that one call of nextv brings, in bytes. */
    highWaterMarkBytes?: number
  }

  export interface BatchOperation<K, V> {
    type: 'put' | 'del'
    key: K
    value?: V
  }

  export interface LevelIterator<K, V> extends AsyncIterable<[K, V]> {
    nextv(size: number): Promise<[K, V][]>
    close(): Promise<void>
  }

  export class ClassicLevel<K = string, V = string> {
    constructor(path: string, options?: LevelOptions)
    open(): Promise<void>
    close(): Promise<void>
    get(key: K): Promise<V | undefined>
    getSync(key: K): V | undefined
    put(key: K, value: V, options?: { sync?: boolean }): Promise<void>
    batch(operations: readonly BatchOperation<K, V>[], options?: { sync?: boolean }): Promise<void>
    iterator(options?: RangeOptions<K>): LevelIterator<K, V>
  }
}

declare module 'lmdb' {
  export type LmdbKey = string | number | bigint | Uint8Array | readonly LmdbKey[]

  export interface LmdbOptions {
    path?: string
    name?: string
    noSync?: boolean
    overlappingSync?: boolean
    encoding?: 'msgpack' | 'json' | 'string' | 'binary'
    keyEncoding?: 'ordered-binary' | 'binary' | 'uint32'
    mapSize?: number
    cache?: boolean
  }

  export interface LmdbRange<K> {
    start?: K
    end?: K
    reverse?: boolean
    limit?: number
  }

  export interface Database<V, K extends LmdbKey> {
    get(key: K): V | undefined
    getBinaryFast(key: K): Uint8Array | undefined
    put(key: K, value: V): Promise<boolean>
    putSync(key: K, value: V): void
    remove(key: K): Promise<boolean>
    transaction<T>(body: () => T): Promise<T>
    transactionSync<T>(body: () => T): T
    getRange(options?: LmdbRange<K>): Iterable<{ key: K; value: V }>
    getKeys(options?: LmdbRange<K>): Iterable<K>
    openDB<W, L extends LmdbKey>(options: LmdbOptions): Database<W, L>
    readonly flushed: Promise<boolean>
    readonly committed: Promise<boolean>
    close(): Promise<void>
  }

  export function open<V, K extends LmdbKey>(options: LmdbOptions): Database<V, K>
}

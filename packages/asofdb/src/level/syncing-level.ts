import {
  type AbstractBatchOperation,
  type AbstractBatchOptions,
  type AbstractChainedBatch,
  type AbstractClearOptions,
  type AbstractDatabaseOptions,
  type AbstractDelOptions,
  AbstractLevel,
  type AbstractPutOptions,
} from 'abstract-level'
import type { LevelData } from './level-bytes.ts'

/** Options of put, del, batch and clear, beside those of abstract-level. */
export interface AsOfLevelWriteOptions {
  /** Resolve when the write survives a power cut, whatever the database promises otherwise. */
  readonly sync?: boolean | undefined
}

/** What the types of abstract-level leave to each Level: the options that its writes take. */
export interface SyncingLevel<KDefault, VDefault>
  extends AbstractLevel<LevelData, KDefault, VDefault> {
  put(key: KDefault, value: VDefault): Promise<void>
  put<K = KDefault, V = VDefault>(
    key: K,
    value: V,
    options: AbstractPutOptions<K, V> & AsOfLevelWriteOptions,
  ): Promise<void>
  del(key: KDefault): Promise<void>
  del<K = KDefault>(key: K, options: AbstractDelOptions<K> & AsOfLevelWriteOptions): Promise<void>
  batch(operations: AbstractBatchOperation<this, KDefault, VDefault>[]): Promise<void>
  batch<K = KDefault, V = VDefault>(
    operations: AbstractBatchOperation<this, K, V>[],
    options: AbstractBatchOptions<K, V> & AsOfLevelWriteOptions,
  ): Promise<void>
  batch(): AbstractChainedBatch<this, KDefault, VDefault>
  clear(): Promise<void>
  clear<K = KDefault>(options: AbstractClearOptions<K> & AsOfLevelWriteOptions): Promise<void>
}

type Manifest = ConstructorParameters<typeof AbstractLevel>[0]

/** Abstract-level's class, of which more is known. */
export const LevelBase: new <K, V>(
  manifest: Manifest,
  options?: AbstractDatabaseOptions<K, V>,
) => SyncingLevel<K, V> = AbstractLevel

import { BatchApplier } from './commit/apply.ts'
import { CommitPipeline } from './commit/commit-pipeline.ts'
import { Database } from './database.ts'
import { GraphIndexes } from './graph/graph-indexes.ts'
import { GraphIntegrity } from './graph/integrity.ts'
import { Uniqueness } from './graph/uniqueness.ts'
import type { Host } from './host/host.ts'
import { nodeHost } from './host/node-host.ts'
import { MemoryStorage } from './storage.ts'
import { KeyIndex } from './versions/key-index.ts'
import { Tables } from './versions/tables.ts'

export type Durability = 'sync' | 'interval' | 'os' | 'checkpoint' | 'memory'

export interface OpenOptions {
  readonly durability?: Durability | undefined
  readonly timeZone?: string | undefined
  readonly nodesValid?: 'now' | 'always' | undefined
  readonly create?: boolean | undefined
  readonly segmentBytesMax?: number | undefined
  readonly syncEveryMs?: number | undefined
  readonly checkpointLogBytes?: number | undefined
  readonly host?: Host | undefined
}

export async function open(path: string, options: OpenOptions = {}): Promise<Database> {
  const host = options.host ?? nodeHost()
  const tables = new Tables()
  const keyIndex = new KeyIndex(tables)
  const indexes = new GraphIndexes(tables, keyIndex)
  const applier = new BatchApplier(tables)
  const storage = new MemoryStorage(tables, {} as never, () => ({}) as never)
  const pipeline = new CommitPipeline({ host, tables, keyIndex, applier, log: storage })
  pipeline.addCheck(new GraphIntegrity(indexes))
  pipeline.addCheck(new Uniqueness(indexes))
  const timeZone = options.timeZone ?? 'UTC'
  return new Database({
    path,
    host,
    tables,
    pipeline,
    context: { indexes, keyIndex, timeZone },
    settings: { timeZone, nodesValid: options.nodesValid ?? 'now' },
    storage,
  })
}

import type { TransactionCore } from '../commit/transaction-core.ts'
import { bytesToLatin1 } from '../encoding/text.ts'
import type { OrderedRange } from '../versions/ordered-index.ts'

/**
 * Remembers that a transaction has read a range of keys: one that another transaction adds,
 * changes or removes within the bounds is a conflict.
 */
export function dependOnRange(core: TransactionCore, keyspace: string, bounds: OrderedRange): void {
  const { keyNames, symbols } = core.tables
  const { gt, gte, lt, lte } = bounds
  core.reads.depend(`keys ${JSON.stringify([keyspace, gt, gte, lt, lte])}`, () => ({
    isChangedBy(kind, entity) {
      if (kind !== 'key' || keyNames.keyspace(entity) !== symbols.find(keyspace)) return false
      const name = bytesToLatin1(keyNames.bytes(entity))
      if (gt !== undefined && name <= gt) return false
      if (gte !== undefined && name < gte) return false
      if (lt !== undefined && name >= lt) return false
      return lte === undefined || name <= lte
    },
  }))
}

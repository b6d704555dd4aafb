import { crc32 } from 'node:zlib'
import type { KeyTransaction, Transaction } from '../../packages/asofdb/src/index.ts'
import { type KeyOperation, toValue } from '../../simulation/operation-script.ts'
import { answerFromView, EntityNames, toEngineRange } from './engine-answers.ts'
import { toEngineValue } from './engine-values.ts'

const noNames = new EntityNames()

/** The verbs of keys on the engine; a condition counts 1 when it held. */
export function applyKeyVerbToEngine(tx: Transaction, operation: KeyOperation): number {
  switch (operation.verb) {
    case 'insertKey': {
      const value = toEngineValue(toValue(operation.value))
      return tx.keys(operation.keyspace).insert(operation.key, value)
    }
    case 'compareAndSetKey': {
      const keys = tx.keys(operation.keyspace)
      const value = toEngineValue(toValue(operation.value))
      return Number(keys.compareAndSet(operation.key, expectedOf(keys, operation), value))
    }
    case 'compareAndDeleteKey': {
      const keys = tx.keys(operation.keyspace)
      return Number(keys.compareAndDelete(operation.key, expectedOf(keys, operation)))
    }
    case 'clearKeys':
      return tx.keys(operation.keyspace).clear(toEngineRange(operation.range))
    case 'readKeys': {
      const { keyspace, range } = operation
      const entries = tx.keys(keyspace).range(toEngineRange(range))
      const listed = [...entries.keys()].length
      if (entries.count() !== listed) throw new Error(`${entries.count()} keys, ${listed} listed`)
      return crc32(answerFromView(tx, { ask: 'keyRange', keyspace, range }, noNames))
    }
    default:
      if (operation.verb === 'savepoint') tx.savepoint(operation.savepoint)
      else tx[operation.verb](operation.savepoint)
      return 0
  }
}

function expectedOf(
  keys: KeyTransaction,
  { expected, key, value }: Extract<KeyOperation, { expected: unknown }>,
) {
  if (expected === 'same') return keys.get(key)
  return expected === 'absent' ? undefined : toEngineValue(toValue(value))
}

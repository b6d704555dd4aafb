import { crc32 } from 'node:zlib'
import type { KeyOperation } from '../../simulation/operation-script.ts'
import { keyName, toScriptKey, toValue } from '../../simulation/operation-script.ts'
import { fail } from '../../simulation/reference-failures.ts'
import {
  isSamePayload,
  type Payload,
  stateAt,
  timelineOf,
} from '../../simulation/reference-history.ts'
import { readKeys } from '../../simulation/reference-reads.ts'
import type { ReferenceTransaction } from '../../simulation/reference-transaction.ts'
import { answerQuery } from './model-answers.ts'

/** The verbs of keys on the reference model; the number is what `applyKeyVerbToEngine` gives. */
export function applyKeyVerb(transaction: ReferenceTransaction, operation: KeyOperation): number {
  switch (operation.verb) {
    case 'insertKey': {
      if (timelineOf(transaction.events(keyName(operation))).length > 0) {
        fail('AlreadyExists', { entity: keyName(operation) })
      }
      return putKey(transaction, operation)
    }
    case 'compareAndSetKey':
      return holds(transaction, operation) ? putKey(transaction, operation) : 0
    case 'compareAndDeleteKey':
      if (!holds(transaction, operation)) return 0
      // Where nothing is expected now, what there was at other times stays.
      if (valueNow(transaction, operation) !== undefined) {
        transaction.deleteKey(keyName(operation))
      }
      return 1
    case 'clearKeys': {
      const { keyspace, range } = operation
      const found = readKeys(transaction, keyspace, range)
      for (const { key } of found) {
        transaction.deleteKey(keyName({ keyspace, key: toScriptKey(key) }))
      }
      return found.length
    }
    case 'readKeys': {
      const { keyspace, range } = operation
      return crc32(answerQuery(transaction, { ask: 'keyRange', keyspace, range }))
    }
    default:
      return applySavepoint(transaction, operation)
  }
}

function putKey(
  transaction: ReferenceTransaction,
  operation: Extract<KeyOperation, { value: unknown }>,
): number {
  const { keyspace, key } = operation
  return transaction.putKey(keyName(operation), { keyspace, key }, {
    value: toValue(operation.value),
  })
}

type Conditional = Extract<KeyOperation, { expected: unknown }>

/** What `get` gives: the state at the transaction's own now. */
function valueNow(transaction: ReferenceTransaction, operation: Conditional): Payload | undefined {
  return stateAt(transaction.events(keyName(operation)), transaction.valid)
}

function holds(transaction: ReferenceTransaction, operation: Conditional): boolean {
  const there = valueNow(transaction, operation)
  if (operation.expected === 'same') return true
  if (operation.expected === 'absent') return there === undefined
  return isSamePayload(there, { labels: [], properties: { value: toValue(operation.value) } })
}

function applySavepoint(
  transaction: ReferenceTransaction,
  { verb, savepoint: name }: Extract<KeyOperation, { savepoint: string }>,
): number {
  const { savepoints, tail, declarations } = transaction
  if (verb === 'savepoint') {
    savepoints.push({ name, tail: tail.length, declarations: declarations.length })
    return 0
  }
  const index = savepoints.findLastIndex((one) => one.name === name)
  const saved = savepoints[index] ?? fail('NotFound', { entity: name })
  savepoints.splice(verb === 'release' ? index : index + 1)
  if (verb === 'release') return 0
  tail.splice(saved.tail)
  declarations.splice(saved.declarations)
  return 0
}


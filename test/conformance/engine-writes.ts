import type { Transaction } from '../../packages/asofdb/src/index.ts'
import {
  toProperties,
  toValue,
  type Operation,
  type ScriptProperties,
} from '../../simulation/operation-script.ts'
import type { EntityNames } from './engine-answers.ts'
import { applyKeyVerbToEngine } from './engine-keys.ts'
import { toEngineProperties, toEngineValue, toPeriodOptions } from './engine-values.ts'

/** Carries out one operation on the engine; the number is what it returns as affected. */
export function applyToEngine(tx: Transaction, operation: Operation, names: EntityNames): number {
  switch (operation.verb) {
    case 'createNode': {
      const { labels, properties, period } = operation
      const [only, ...others] = labels
      const given = only !== undefined && others.length === 0 ? only : labels
      const { id } = tx.createNode(given, toInput(properties), toPeriodOptions(period))
      names.addNode(operation.name, id)
      return 1
    }
    case 'createEdge': {
      const { source, type, target, properties, period, bounds } = operation
      const options = { ...toPeriodOptions(period), ...(bounds === undefined ? {} : { bounds }) }
      const [from, to] = [names.id(source), { id: names.id(target) }]
      const { id } = tx.createEdge(from, type, to, toInput(properties), options)
      names.addEdge(operation.name, id)
      return 1
    }
    case 'putKey': {
      const { keyspace, key, value, period } = operation
      return tx.keys(keyspace).put(key, toEngineValue(toValue(value)), toPeriodOptions(period))
    }
    case 'deleteKey':
      return tx.keys(operation.keyspace).delete(operation.key, toPeriodOptions(operation.period))
    case 'createIndex':
    case 'dropIndex':
    case 'createUnique':
    case 'dropUnique':
      declare(tx, operation)
      return 0
    default:
      return 'entity' in operation
        ? change(tx, operation, names.id(operation.entity))
        : applyKeyVerbToEngine(tx, operation)
  }
}

type Change = Extract<Operation, { entity: string }>
type Declaration = Exclude<Extract<Operation, { label: string }>, Change>

function change(tx: Transaction, operation: Change, entity: number): number {
  const period = toPeriodOptions(operation.period)
  switch (operation.verb) {
    case 'create':
    case 'put': {
      const { verb, properties, labels } = operation
      const { skipUnchanged, bounds } = { skipUnchanged: false, bounds: undefined, ...operation }
      const options = { ...period, labels, skipUnchanged, bounds }
      return tx[verb](entity, toInput(properties), options)
    }
    case 'patch':
    case 'upsert': {
      const { verb, changes, addLabels, removeLabels, mustExist, skipUnchanged } = operation
      const isLabelled = addLabels !== undefined || removeLabels !== undefined
      const labels = isLabelled ? { add: addLabels, remove: removeLabels } : undefined
      return tx[verb](entity, toInput(changes), { ...period, labels, mustExist, skipUnchanged })
    }
    case 'delete': {
      const { detach, mustExist } = operation
      return tx.delete(entity, { ...period, detach, mustExist })
    }
  }
}

function declare(tx: Transaction, operation: Declaration): void {
  switch (operation.verb) {
    case 'createIndex':
    case 'dropIndex':
      return tx[operation.verb](operation.label, operation.property)
    case 'createUnique': {
      const { label, properties, over } = operation
      return tx.createUnique(label, properties, over === undefined ? undefined : { over })
    }
    case 'dropUnique':
      return tx.dropUnique(operation.label, operation.properties)
  }
}

function toInput(properties: ScriptProperties) {
  return toEngineProperties(toProperties(properties))
}

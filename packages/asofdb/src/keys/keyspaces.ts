import { schemaKeyspace } from '../versions/key-names.ts'
import { type KeyReadPoint, KeyStates } from './key-walk.ts'

/**
 * The users' keyspaces in which something was stated about a key up to a point, in the order of
 * code units. A transaction does not depend on what it is told here.
 */
export function keyspacesAt(point: KeyReadPoint): string[] {
  const { keyIndex, tables } = point
  const states = new KeyStates(point)
  const hasKeys = (keyspace: number): boolean => {
    const cursor = keyIndex.cursor(keyspace)
    let isOn = cursor.seekAtOrAfter('')
    while (isOn && !states.hasHistory(cursor.value)) isOn = cursor.next()
    return isOn
  }
  const found = keyIndex.keyspaces().filter(hasKeys)
  const names = found.map((keyspace) => tables.symbols.name(keyspace))
  return names.filter((name) => name !== schemaKeyspace).sort()
}

import { type DiskNode, type SimulatedDisk } from './simulated-disk.ts'
import { SimulatedNames } from './simulated-names.ts'
import { databasePath } from './workload-run.ts'

/** Where texts lie in the files of the database, those put into quarantine apart. */
export function marksOnDisk(disk: SimulatedDisk, marks: readonly string[]): string[] {
  const root = new SimulatedNames(disk).find(databasePath)
  if (root === undefined || marks.length === 0) return []
  return find(root, databasePath, marks)
}

function find(node: DiskNode, path: string, marks: readonly string[]): string[] {
  if (node.type === 'directory') {
    return [...node.names]
      .filter(([name]) => name !== 'quarantine')
      .flatMap(([name, inner]) => find(inner, `${path}/${name}`, marks))
  }
  const bytes = Buffer.alloc(node.size)
  node.cache.read(bytes, 0)
  return marks.filter((mark) => bytes.includes(mark)).map((mark) => `${mark} in ${path}`)
}

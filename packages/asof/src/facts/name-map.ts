import { createReadStream } from 'node:fs'
import { CommandFailure, usageFailure } from '../failure.ts'
import { csvFormat } from './csv.ts'
import { tabFormat } from './row.ts'
import { readRows } from './row-reader.ts'

/** Which columns of a file of names hold the name and the id. */
export interface NameColumns {
  readonly name: number
  readonly id: number
}

/** Reads `name=0,id=1`. */
export function parseNameColumns(text: string): NameColumns {
  const match = /^name=(\d+),id=(\d+)$|^id=(\d+),name=(\d+)$/.exec(text.replaceAll(' ', ''))
  if (match === null) {
    throw usageFailure(`--names-columns does not understand '${text}'`, {
      hint: 'write name=0,id=1',
    })
  }
  const [, name = match[4], id = match[3]] = match
  return { name: Number(name), id: Number(id) }
}

/** Names by the id that the facts use. */
export async function readNames(path: string, columns: NameColumns): Promise<Map<string, string>> {
  const format = path.endsWith('.csv') ? csvFormat : tabFormat
  const names = new Map<string, string>()
  const idsByName = new Map<string, string>()
  for await (const { rows } of readRows(createReadStream(path), format)) {
    for (const { line, fields, problem } of rows) {
      const name = fields[columns.name]
      const id = fields[columns.id]
      if (problem !== undefined || name === undefined || id === undefined) {
        const what = problem ?? `has ${fields.length} fields; --names-columns says which to use`
        throw new CommandFailure(`${path}:${line}: ${what}`)
      }
      const other = idsByName.get(name)
      if (other !== undefined && other !== id) {
        throw new CommandFailure(`${path}:${line}: the name ${name} is that of ${other} too`)
      }
      names.set(id, name)
      idsByName.set(name, id)
    }
  }
  return names
}

import { mapName, sqliteName } from './key-stores.ts'
import { makeRow, type Row } from './report.ts'
import { scaled, type Setting } from './setting.ts'
import { runTask } from './tasks.ts'
import { isObject } from './values.ts'

const keysFull = 1_000_000
const keysLarge = 10_000_000
const unit = 'bytes'

/**
 * What a key costs in memory, everything included: in processes of their own, beside what else is
 * in memory. lmdb and classic-level keep their data in files and in the cache of the system, so
 * they have no such figure. Then ten million keys.
 */
export async function benchKeyMemory(setting: Setting): Promise<Row[]> {
  const count = scaled(setting, keysFull, 1000)
  const folder = setting.workspace.folder('key-memory')
  setting.say(`Measuring the memory of ${count} keys ...`)
  const measure = async (name: 'measureKeys' | 'measureMap' | 'measureSqlite'): Promise<number> => {
    const call = { folder, sizes: [count] }
    return (await runTask(setting, { name, call }, isMemory)).bytesPerKey
  }
  const ours = await measure('measureKeys')
  const what = 'a key of 24 bytes and its value of 98, in order: resident'
  const row = (id: string, against: string, theirs: number | undefined): Row =>
    makeRow({ id, what, unit }, ours, { against, theirs })
  const sqlite = setting.peers.sqlite === undefined ? undefined : await measure('measureSqlite')
  return [
    row('keys.memory', mapName, await measure('measureMap')),
    row('keys.memory.sqlite', `${sqliteName}, in memory`, sqlite),
    ...(await benchMany(setting)),
  ]
}

async function benchMany(setting: Setting): Promise<Row[]> {
  const count = scaled(setting, keysLarge, 1000)
  const folder = setting.workspace.folder('many-keys')
  const call = { folder, sizes: [count] }
  setting.say(`Loading ${count} keys ...`)
  const load = await runTask(setting, { name: 'loadManyKeys', call }, isLoading)
  setting.say('Opening them ...')
  const opened = await runTask(setting, { name: 'openManyKeys', call }, isOpening)
  const none = { against: 'nothing', theirs: undefined }
  const millions = `${count / 1e6} M keys`
  const row = (id: string, what: string, figure: number, of = 's'): Row =>
    makeRow({ id: `keys.large.${id}`, what: `${millions}: ${what}`, unit: of }, figure, none)
  return [
    row('load', 'put into files in batches of 10,000, not synced', load.seconds),
    row('checkpoint', 'closed with a checkpoint', load.closeSeconds),
    row('open', 'opened', opened.seconds),
    row('first', 'opened, one read and a range of 1,000', opened.firstSeconds),
    row('memory', 'a key with its value after loading: resident', load.bytesPerKey, unit),
    row('memory.opened', 'the same after opening', opened.bytesPerKey, unit),
  ]
}

interface Memory {
  readonly bytesPerKey: number
}

interface Loading extends Memory {
  readonly seconds: number
  readonly closeSeconds: number
}

interface Opening extends Memory {
  readonly seconds: number
  readonly firstSeconds: number
}

function isMemory(value: unknown): value is Memory {
  return hasNumbers(value, ['bytesPerKey'])
}

function isLoading(value: unknown): value is Loading {
  return hasNumbers(value, ['bytesPerKey', 'seconds', 'closeSeconds'])
}

function isOpening(value: unknown): value is Opening {
  return hasNumbers(value, ['bytesPerKey', 'seconds', 'firstSeconds'])
}

function hasNumbers(value: unknown, names: readonly string[]): boolean {
  return isObject(value) && names.every((name) => typeof Reflect.get(value, name) === 'number')
}

import { cpSync } from 'node:fs'
import { makeRow, type Row } from './report.ts'
import { compete, type Contestant, median } from './rounds.ts'
import { scaled, type Setting } from './setting.ts'
import { runTask } from './tasks.ts'
import { isObject } from './values.ts'

const nodesFull = 1_000_000
const edgesPerNode = 5

const questions = [
  ['openMs', 'open', 'opening itself'],
  ['step', 'step', 'the first step along edges after it'],
  ['back', 'back', 'the first step against edges'],
  ['key', 'key', 'the first key'],
  ['keys', 'keys', 'a thousand keys after that'],
  ['label', 'label', 'the first node with a label'],
  ['property', 'property', 'the first node by a property with an index'],
] as const

type Times = Readonly<Record<(typeof questions)[number][0], number>>

/** Opening with images of the indexes and without, and the first question to each index. */
export async function benchOpenImages(setting: Setting): Promise<Row[]> {
  const nodeCount = scaled(setting, nodesFull, 1000)
  const edgeCount = nodeCount * edgesPerNode
  const withImages = setting.workspace.folder('images')
  setting.say(`Building ${nodeCount} nodes, ${edgeCount} edges, ${nodeCount} keys ...`)
  const sizes = [nodeCount, edgeCount]
  await runTask(setting, { name: 'buildIndexed', call: { folder: withImages, sizes } }, isObject)
  const without = setting.workspace.folder('no-images')
  cpSync(withImages, without, { recursive: true })
  setting.say('Opening it with images of its indexes and without ...')
  const samples = { ours: new Array<Times>(), theirs: new Array<Times>() }
  const opener = (name: 'ours' | 'theirs'): Contestant => ({
    name,
    async run() {
      const folder = name === 'ours' ? withImages : without
      const call = { folder, sizes: [nodeCount, name === 'ours' ? 1 : 0] }
      const times = await runTask(setting, { name: 'openIndexed', call }, isTimes)
      samples[name].push(times)
      return times.openMs
    },
  })
  const { counted, warmUps } = setting.rounds
  const plan = { counted: Math.min(counted, 5), warmUps: Math.min(warmUps, 1) }
  await compete([opener('ours'), opener('theirs')], plan)
  const of = (name: 'ours' | 'theirs', read: (one: Times) => number): number =>
    median(samples[name].map(read)) / 1000
  const row = (id: string, what: string, read: (one: Times) => number): Row => {
    const theirs = { against: 'indexes derived from the tables', theirs: of('theirs', read) }
    return makeRow({ id: `open.images.${id}`, what, unit: 's' }, of('ours', read), theirs)
  }
  return [
    ...questions.map(([field, id, what]) => row(id, what, (one) => one[field])),
    row('toFirstStep', 'from opening to the end of the first step', (one) => one.openMs + one.step),
    row('toFirstKey', 'from opening to the first key', (one) => one.openMs + one.key),
  ]
}

function isTimes(value: unknown): value is Times {
  if (!isObject(value)) return false
  return questions.every(([name]) => typeof Reflect.get(value, name) === 'number')
}

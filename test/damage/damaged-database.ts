import {
  type Database,
  open,
  type OpenOptions,
  type Transaction,
} from '../../packages/asofdb/src/index.ts'
import { type Image, ImageFiles } from './image-files.ts'
import { hostOver } from './image-host.ts'

export const directory = '/database'

/** Two segments, with a few small commits in each. */
const segmentBytesMax = 5120

/** Opens what the files hold; small segments, checkpoints only when asked for. */
export function openImage(
  files: ImageFiles,
  seed = 'damage',
  options: OpenOptions = {},
): Promise<Database> {
  const host = hostOver(files, seed)
  return open(directory, { host, segmentBytesMax, checkpointLogBytes: Infinity, ...options })
}

export type Ending = 'killed' | 'closed'

export interface Built {
  readonly image: Image
  readonly ending: Ending
  /** Everything that a database of so many commits answers, by their number. */
  readonly histories: readonly string[]
}

/** The first commits, which the manifest vouches for: they are in a checkpoint. */
export const checkpointed = 3

/**
 * `killed`: a checkpoint, and commits in two segments. `closed`: three checkpoints, each on top of
 * the one before, the last one by closing, and what the log still has to hold.
 */
export async function buildDatabase(ending: Ending, seed = 'damage'): Promise<Built> {
  const files = new ImageFiles({ files: new Map(), directories: new Set(['', directory]) })
  const database = await openImage(files, seed)
  const histories = [historyOf(database)]
  for (const [index, commit] of commits.entries()) {
    await database.write(commit)
    histories.push(historyOf(database))
    const isCheckpointed = index === checkpointed - 1
    if (isCheckpointed || (ending === 'closed' && index === 4)) await database.checkpoint()
  }
  const { image } = files
  if (ending === 'killed') return { image, histories, ending }
  await database.close()
  return { image: files.image, histories, ending }
}

const commits: readonly ((tx: Transaction) => unknown)[] = [
  (tx) => tx.createNode('A', { name: 'one', text: 'x'.repeat(400) }, { valid: 'always' }),
  (tx) => tx.createNode(['A', 'B'], { name: 'two', n: 2 }),
  (tx) => tx.createEdge(1, 'KNOWS', 5, { since: 3 }, { bounds: 'clip' }),
  (tx) => tx.keys('words').put('k', 'v'),
  (tx) => tx.patch(1, { name: 'uno' }),
  (tx) => tx.put(5, { name: 'two', n: 3n ** 30n }),
  (tx) => tx.delete(2),
]

/** Every commit and what it stated, as text. */
export function commitsOf(database: Database): string {
  return [database.sequence, ...[...database.changes()].map(show)].join('\n')
}

/** All there is to know, as text that begins with the commits. */
export function historyOf(database: Database): string {
  const view = database.snapshot()
  const entities = [1, 5, 2, 9].map((id) => show([view.timeline(id), view.provenance(id)]))
  const keys = show([...view.keys('words').range({})])
  const edges = show(view.out(1).map(({ id, target }) => [id, target]))
  return [commitsOf(database), ...entities, keys, edges].join('\n')
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? String(one) : one))
}

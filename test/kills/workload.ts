import type { Transaction, View } from 'asofdb'
import { RandomStream } from '../../simulation/random.ts'

/** What a step does to one of a few places, so that places are written again and again. */
export type Action =
  | { readonly type: 'putKey'; readonly key: number; readonly text: string }
  | { readonly type: 'deleteKey'; readonly key: number }
  | { readonly type: 'putNode'; readonly slot: number; readonly text: string }
  | { readonly type: 'deleteNode'; readonly slot: number }
  | { readonly type: 'link'; readonly from: number; readonly to: number }
  | { readonly type: 'unlink'; readonly from: number; readonly to: number }

/** The commit with this number, as the life of a writer with that number makes it. */
export interface Step {
  readonly number: number
  readonly actions: readonly Action[]
}

const keys = 60
const slots = 25
const actionsMax = 3
const textUsualMax = 400
const textLargeMax = 100_000
const shareOfLarge = 0.01

/** Every so many lives write so much at once that a kill may hit the middle of a write. */
export const livesPerLargeLife = 6
const textHugeMax = 8_000_000
const shareOfHuge = 0.1

/**
 * Each commit is a function of the seed, its number and the life that made it, and of the commits
 * before; so a list of who made which commit is enough to say all that a database must hold.
 */
export function stepOf(seed: string, number: number, life: number): Step {
  const random = new RandomStream(`${seed}/${number}/${life}`)
  const count = 1 + random.below(actionsMax)
  const isLargeLife = life % livesPerLargeLife === 0
  const share = isLargeLife ? shareOfHuge : shareOfLarge
  const most = isLargeLife ? textHugeMax : textLargeMax
  const text = (): string => {
    const length = random.below(random.chance(share) ? most : textUsualMax)
    const letter = String.fromCharCode('a'.charCodeAt(0) + random.below(26))
    return `${number} of ${life} ${letter.repeat(length)}`
  }
  const action = (): Action => {
    const kind = random.below(10)
    if (kind < 3) return { type: 'putKey', key: random.below(keys), text: text() }
    if (kind < 4) return { type: 'deleteKey', key: random.below(keys) }
    if (kind < 6) return { type: 'putNode', slot: random.below(slots), text: text() }
    if (kind < 7) return { type: 'deleteNode', slot: random.below(slots) }
    const between = { from: random.below(slots), to: random.below(slots) }
    return { type: kind < 9 ? 'link' : 'unlink', ...between }
  }
  return { number, actions: Array.from({ length: count }, action) }
}

/** Bytes of the texts of a step: less than its record has. */
export function textBytesOf({ actions }: Step): number {
  const texts = actions.map((action) => ('text' in action ? action.text.length : 0))
  return texts.reduce((sum, length) => sum + length, 0)
}

/** The number of the newest commit that a transaction or a view sees. */
export function countIn(view: Pick<View, 'keys'>): number {
  return Number(view.keys('state').get('count') ?? 0)
}

const always = { valid: 'always' } as const

/** Makes a step in a transaction. */
export function applyStep(tx: Transaction, { number, actions }: Step): void {
  tx.keys('state').put('count', number)
  for (const action of actions) applyAction(tx, action, number)
}

function applyAction(tx: Transaction, action: Action, number: number): void {
  switch (action.type) {
    case 'putKey':
      tx.keys('texts').put(action.key, action.text)
      break
    case 'deleteKey':
      tx.keys('texts').delete(action.key)
      break
    case 'putNode': {
      const { slot, text } = action
      const id = nodeAt(tx, slot)
      if (id !== undefined) tx.patch(id, { number, text }, always)
      else tx.keys('slots').put(slot, tx.createNode('N', { slot, number, text }, always).id)
      break
    }
    case 'deleteNode': {
      const id = nodeAt(tx, action.slot)
      if (id === undefined) break
      tx.delete(id, { ...always, detach: true })
      tx.keys('slots').delete(action.slot)
      break
    }
    case 'link': {
      const [from, to] = [nodeAt(tx, action.from), nodeAt(tx, action.to)]
      if (from === undefined || to === undefined || edgeBetween(tx, from, to) !== undefined) break
      tx.createEdge(from, 'T', to, { number }, always)
      break
    }
    case 'unlink': {
      const [from, to] = [nodeAt(tx, action.from), nodeAt(tx, action.to)]
      if (from === undefined || to === undefined) break
      const edge = edgeBetween(tx, from, to)
      if (edge !== undefined) tx.delete(edge, always)
    }
  }
}

function nodeAt(view: View, slot: number): number | undefined {
  const id = view.keys('slots').get(slot)
  return id === undefined ? undefined : Number(id)
}

function edgeBetween(view: View, source: number, target: number): number | undefined {
  return view.out(source, 'T').find((edge) => edge.target === target)?.id
}

import { isDatabaseError, type Transaction, type View } from '../../packages/asofdb/src/index.ts'
import type { Operation } from '../operation-script.ts'
import { instantsOf } from '../oracle.ts'
import type { RandomStream } from '../random.ts'
import type { Perform, Scene } from '../scene.ts'
import { Divergence } from '../workload-run.ts'
import { Actor } from './actor.ts'

const accounts = 4
const opening = 100
const keyspace = 'bank'
const label = 'Account'
/** Two accounts that together, and not each, must stay above nothing. */
const joint = { left: 'left', right: 'right' } as const

const always = { valid: 'always' } as const

/**
 * Transfers between accounts that are keys and accounts that are nodes, and withdrawals from one of
 * two accounts that are only covered together: each reads, decides, and writes.
 */
export class Bank extends Actor {
  override async act(): Promise<void> {
    const random = this.random
    const [from, to] = [random.below(accounts), random.below(accounts)]
    const amount = 1 + random.below(30)
    const isJoint = random.chance(0.3)
    const side = random.pick([joint.left, joint.right])
    const isByNode = random.chance(0.5)
    // The name of what may be created: the same in each run of the body.
    this.scene.archive.entities += 1
    const number = this.scene.archive.entities
    await this.scene.write((tx, perform) => {
      if (accountsOf(tx).length === 0) return openAccounts(number, perform)
      if (isJoint) return withdraw({ tx, perform, side, amount })
      if (from === to) return
      if (isByNode) return transferNodes({ tx, perform, from, to, amount, scene: this.scene })
      transferKeys({ tx, perform, from, to, amount })
    })
  }
}

function openAccounts(number: number, perform: Perform): void {
  for (let account = 0; account < accounts; account += 1) {
    perform({ verb: 'putKey', keyspace, key: account, value: opening })
    perform({
      verb: 'createNode',
      name: `bank${number}-${account}`,
      labels: [label],
      properties: { account, balance: opening },
      period: always,
    })
  }
  for (const key of Object.values(joint)) {
    perform({ verb: 'putKey', keyspace: 'joint', key, value: opening })
  }
}

interface Transfer {
  readonly tx: Transaction
  readonly perform: Perform
  readonly from: number
  readonly to: number
  readonly amount: number
}

function transferKeys({ tx, perform, from, to, amount }: Transfer): void {
  const keys = tx.keys(keyspace)
  const put = (key: number, value: number): Operation => ({ verb: 'putKey', keyspace, key, value })
  const [source, target] = [mustBeNumber(keys.get(from)), mustBeNumber(keys.get(to))]
  perform(put(from, source - amount))
  perform(put(to, target + amount))
}

function transferNodes(transfer: Transfer & { readonly scene: Scene }): void {
  const { tx, perform, from, to, amount, scene } = transfer
  const nodes = accountsOf(tx)
  const change = (account: number, by: number): void => {
    const node = nodes.find((one) => one.get('account') === account)
    if (node === undefined) throw new Divergence(`account ${account} has no node`)
    const balance = mustBeNumber(node.get('balance')) + by
    const entity = scene.chronicle.nameOf(node.id)
    perform({ verb: 'patch', entity, changes: { balance } })
  }
  change(from, -amount)
  change(to, amount)
}

/** Each withdrawal alone is covered; two at once would not be, if neither saw the other. */
function withdraw(of: { tx: Transaction; perform: Perform; side: string; amount: number }): void {
  const { tx, perform, side, amount } = of
  const keys = tx.keys('joint')
  const balance = mustBeNumber(keys.get(side))
  const other = side === joint.left ? joint.right : joint.left
  const left = balance + mustBeNumber(keys.get(other)) - amount
  const value = left >= 0 ? balance - amount : balance + opening
  perform({ verb: 'putKey', keyspace: 'joint', key: side, value })
}

function accountsOf(view: Pick<View, 'nodes'>) {
  return [...view.nodes(label)]
}

function mustBeNumber(value: unknown): number {
  if (typeof value === 'number') return value
  throw new Divergence(`an account has the balance ${String(value)}`)
}

/** Sums all accounts at random points of both times: the total never changes. */
export class Auditor extends Actor {
  override act(): Promise<void> {
    this.scene.catchUp()
    audit(this.scene, this.random)
    return Promise.resolve()
  }
}

export function audit(scene: Scene, random: RandomStream): void {
  const { model } = scene.chronicle
  const { readers } = scene
  mustBalance(scene, readers.snapshot(), 'now')
  if (model.sequence === 0) return
  const instants = instantsOf(model)
  for (let count = 0; count < 3; count += 1) {
    const valid = random.pick(instants) + BigInt(random.below(3) - 1)
    const sequence = random.below(model.sequence + 1)
    const where = `${valid} as of commit ${sequence}`
    try {
      mustBalance(scene, readers.asOf({ valid, sequence }), where)
    } catch (error) {
      const isPruned = sequence < model.forgetting.latest() || scene.chronicle.isPruning
      if (!isPruned || !isDatabaseError(error, 'HistoryPruned')) throw error
    }
  }
}

function mustBalance(scene: Scene, view: View, where: string): void {
  const nodes = accountsOf(view).map((node) => mustBeNumber(node.get('balance')))
  const keys = [...view.keys(keyspace).range({})].map(({ value }) => mustBeNumber(value))
  const both = [...view.keys('joint').range({})].map(({ value }) => mustBeNumber(value))
  if (nodes.length + keys.length + both.length === 0) return
  const whole = `${accounts} accounts, ${accounts * opening} in all`
  const show = (balances: readonly number[]) =>
    `${balances.length} accounts, ${balances.reduce((sum, one) => sum + one, 0)} in all`
  scene.mustAnswer(`nodes of the bank at ${where}`, whole, show(nodes))
  scene.mustAnswer(`keys of the bank at ${where}`, whole, show(keys))
  const left = both.reduce((sum, one) => sum + one, 0)
  scene.mustAnswer(`the joint accounts at ${where}`, 'covered', left < 0 ? `${left}` : 'covered')
}

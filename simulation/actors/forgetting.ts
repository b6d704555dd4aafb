import { isDatabaseError, type DatabaseError, type View } from '../../packages/asofdb/src/index.ts'
import { answerFromView } from '../../test/conformance/engine-answers.ts'
import { answerQuery } from '../../test/conformance/model-answers.ts'
import type { Attempt } from '../attempts.ts'
import { keyName, type Query, type ScriptKey, toScriptKey } from '../operation-script.ts'
import { edgeTypes, labels } from '../operation-questions.ts'
import { systemAt } from '../oracle.ts'
import type { Horizon } from '../reference-forgetting.ts'
import type { EntityKind } from '../reference-history.ts'
import type { Scene } from '../scene.ts'
import { isNameUsed } from '../told.ts'
import { Divergence } from '../workload-run.ts'
import { Actor } from './actor.ts'
import { KnownPools } from './pools.ts'

/** Compacts at any moment; sometimes it is called off. */
export class CompactionMaker extends Actor {
  override async act(): Promise<void> {
    const scene = this.scene
    const calledOff = new AbortController()
    const reason = new Error('called off')
    if (this.random.chance(0.2)) {
      void scene.pass(this.random.pick([0, 0.5, 5, 500])).then(() => calledOff.abort(reason))
    }
    try {
      const { signal } = calledOff
      const { checkpoint } = await scene.compacting(() => scene.database.compact({ signal }))
      scene.makeDurable(checkpoint.sequence)
    } catch (error) {
      if (error !== reason && !scene.isExpected(error)) throw error
    }
  }
}

/** It may have been committed before it failed; only what is refused outright never is. */
function settleFailure(scene: Scene, attempt: Attempt, error: DatabaseError): void {
  const isRefused = error.kind === 'invalid' || error.code === 'LogFull'
  attempt.outcome = isRefused ? 'refused' : 'unknown'
  if (isRefused) scene.chronicle.forget(attempt)
}

/** Sets horizons, of everything or of a few names, with and without compacting. */
export class Pruner extends Actor {
  override async act(): Promise<void> {
    const scene = this.scene
    scene.catchUp()
    const { chronicle } = scene
    const { model } = chronicle
    if (model.sequence === 0) return
    const random = this.random
    const names = this.#drawNames()
    const isNow = Object.keys(names).length > 0 && random.chance(0.3)
    const sequence = isNow ? scene.database.sequence : random.below(model.sequence + 1)
    const before = isNow ? undefined : systemAt(model, sequence, random)
    const subjects = Object.entries(names).flatMap(([list, given]) =>
      given.map((name) => ({ kind: kinds[list] ?? 'node', name })),
    )
    const horizons = subjects.length === 0 ? [undefined] : subjects
    const upkeep = { horizons: horizons.map((of): Horizon => ({ of, sequence })) }
    const attempt = scene.noteAttempt({ isolation: 'serializable', upkeep })
    const options = {
      ...names,
      ...(before === undefined ? {} : { before }),
      compact: random.chance(0.5),
      meta: { who: attempt.who },
    }
    try {
      const report = await scene.compacting(() => scene.database.prune(options))
      if (scene.isOver) return
      attempt.outcome = 'acknowledged'
      scene.catchUp()
      if (report.compaction !== undefined) {
        scene.makeDurable(report.compaction.checkpoint.sequence)
      }
      this.#mustBeSet(attempt, report.sequence)
    } catch (error) {
      if (isDatabaseError(error)) settleFailure(scene, attempt, error)
      if (!scene.isExpected(error)) throw error
    }
  }

  /** A name that nobody has used gets no horizon, so only others are drawn; none: everything. */
  #drawNames(): { readonly [list: string]: readonly string[] } {
    const random = this.random
    if (random.chance(0.2)) return {}
    const list = random.pick(['labels', 'types', 'keyspaces'] as const)
    const known = {
      labels: [...labels, 'Account'],
      types: edgeTypes,
      keyspaces: ['words', 'numbers', 'pairs', 'bank'],
    }[list]
    const { model } = this.scene.chronicle
    const kind = kinds[list] ?? 'node'
    const used = known.filter((name) => isNameUsed(model, { kind, name }, model.sequence))
    if (used.length === 0) return {}
    const names = used.filter(() => random.chance(0.4))
    return { [list]: names.length === 0 ? [random.pick(used)] : names }
  }

  #mustBeSet(attempt: Attempt, sequence: number | undefined): void {
    const { chronicle, database } = this.scene
    const made = chronicle.sequenceOf(attempt)
    if (made !== sequence) {
      throw new Divergence(`a prune says commit ${sequence}, and is commit ${made}`)
    }
    chronicle.forget(attempt)
    const horizon = chronicle.model.forgetting.latest()
    if (horizon === 0) return
    const isRefused = (work: () => unknown): boolean => {
      try {
        work()
        return false
      } catch (error) {
        return isDatabaseError(error, 'HistoryPruned')
      }
    }
    if (!isRefused(() => database.changes({ after: horizon - 1 }))) {
      throw new Divergence(`changes behind commit ${horizon - 1} are told, below the horizon`)
    }
  }
}

const heldMax = 3

const heldQueries: readonly Query[] = [
  { ask: 'nodes' },
  { ask: 'edges' },
  { ask: 'keyRange', keyspace: 'words', range: {} },
]

const consonants = 'bcdfghjkmpqrtvwxz'.split('')

const kinds: Readonly<Record<string, EntityKind>> = {
  labels: 'node',
  types: 'edge',
  keyspaces: 'key',
}

/** Plants entities with payloads that are easily found, and erases those and others. */
export class Eraser extends Actor {
  readonly #pools = new KnownPools(this.scene, this.random)
  /** Made earlier in this life. What is erased since is not in them either. */
  readonly #held: View[] = []

  override async act(): Promise<void> {
    this.scene.catchUp()
    if (this.#held.length >= heldMax) this.#held.shift()
    this.#held.push(this.scene.readers.snapshot())
    if (this.random.chance(0.5)) await this.#plant()
    else await this.#erase()
  }

  async #plant(): Promise<void> {
    const { archive } = this.scene
    const random = this.random
    const draw = () => Array.from({ length: 12 }, () => random.pick(consonants)).join('')
    const [text, key] = [draw(), draw()]
    const name = this.#pools.takeName('node')
    archive.marks.set(name, text)
    archive.marks.set(keyName({ keyspace: 'words', key }), key)
    const period = random.chance(0.5) ? ({ valid: 'always' } as const) : undefined
    const [label, a] = [random.pick(labels), random.below(6)]
    await this.scene.write((_, perform) => {
      perform({
        verb: 'createNode',
        name,
        labels: [label],
        properties: { s: text, a },
        ...(period === undefined ? {} : { period }),
      })
      perform({ verb: 'putKey', keyspace: 'words', key, value: key })
    })
  }

  async #erase(): Promise<void> {
    const scene = this.scene
    const names = this.#drawTargets()
    if (names.length === 0) return
    const { chronicle } = scene
    const targets = names.map((name) => this.#targetOf(name))
    const upkeep = { erase: names }
    const attempt = scene.noteAttempt({ isolation: 'serializable', upkeep })
    try {
      const report = await scene.compacting(() =>
        scene.database.erase(targets, { meta: { who: attempt.who } }),
      )
      if (scene.isOver) return
      attempt.outcome = 'acknowledged'
      scene.catchUp()
      scene.makeDurable(report.compaction.checkpoint.sequence)
      this.#mustBeErased(attempt, report.sequence)
      chronicle.forget(attempt)
      for (const view of this.#held) this.#lookAt(view)
      if (report.remaining.length === 0) this.#mustBeGone(names)
    } catch (error) {
      if (isDatabaseError(error)) settleFailure(scene, attempt, error)
      if (!scene.isExpected(error)) throw error
    }
  }

  #lookAt(view: View): void {
    const { chronicle } = this.scene
    const { model, names } = chronicle
    const { sequence } = view
    const valid = view.valid.epochMicroseconds
    for (const query of heldQueries) {
      const actual = answerFromView(view, query, names)
      const expected = () => answerQuery(model.viewAt(sequence, valid), query)
      const told = chronicle.holds(() => expected() === actual) ? actual : expected()
      const asked = `${JSON.stringify(query)} of a snapshot after commit ${sequence}, held since`
      this.scene.mustAnswer(asked, told, actual)
    }
  }

  #drawTargets(): string[] {
    const random = this.random
    const { archive, chronicle } = this.scene
    const { model } = chronicle
    const isThere = new Set(
      model
        .viewAt(model.sequence, 0n)
        .entities()
        .map(({ name }) => name),
    )
    const marked = [...archive.marks.keys()].filter((name) => isThere.has(name))
    const { nodes, edges } = this.#pools
    const { keyspace, key } = this.#pools.questions.key()
    const others = [nodes, edges, [keyName({ keyspace, key })]].filter(({ length }) => length > 0)
    return Array.from({ length: 1 + random.below(3) }, () =>
      random.pick(marked.length > 0 && random.chance(0.6) ? marked : random.pick(others)),
    )
  }

  #targetOf(name: string): number | { keyspace: string; key: ScriptKey } {
    const slash = name.indexOf('/')
    if (slash < 0) return this.scene.chronicle.names.id(name)
    return { keyspace: name.slice(0, slash), key: toScriptKey(JSON.parse(name.slice(slash + 1))) }
  }

  #mustBeErased(attempt: Attempt, sequence: number): void {
    const { chronicle } = this.scene
    const made = chronicle.sequenceOf(attempt)
    const isThere = made === undefined || made === sequence
    if (!isThere) throw new Divergence(`an erasure says commit ${sequence}, and is commit ${made}`)
    if (made !== undefined || attempt.upkeep === undefined || !('erase' in attempt.upkeep)) return
    const { model } = chronicle
    // A key that holds nothing may have gone by its horizon, name and all.
    const left = model.erasedWith(attempt.upkeep.erase).filter((name) => !isOfKey(name))
    if (left.length === 0) return
    throw new Divergence(`an erasure of ${left.join(', ')} made no commit`)
  }

  /** No file of the database holds a byte of what was erased. */
  #mustBeGone(names: readonly string[]): void {
    const { archive, chronicle } = this.scene
    const { forgetting } = chronicle.model
    const texts = names
      .filter((name) => forgetting.erasedAt(name) > 0)
      .flatMap((name) => archive.marks.get(name) ?? [])
    this.scene.mustBeGone(texts)
  }
}

function isOfKey(name: string): boolean {
  return name.includes('/')
}

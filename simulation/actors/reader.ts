import { answerFromView } from '../../test/conformance/engine-answers.ts'
import { answerQuery } from '../../test/conformance/model-answers.ts'
import type { Query } from '../operation-script.ts'
import { describe, instantsOf, type Question, systemAt } from '../oracle.ts'
import type { RandomStream } from '../random.ts'
import type { ReferenceModel } from '../reference-model.ts'
import type { Remembered, Scene } from '../scene.ts'
import { answerTold, tellingOf } from '../told.ts'
import { Actor } from './actor.ts'
import { KnownPools } from './pools.ts'

/** Asks anything, as of any point that readers may see, and holds it against the model. */
export class Reader extends Actor {
  readonly #pools = new KnownPools(this.scene, this.random)

  override act(): Promise<void> {
    const scene = this.scene
    scene.catchUp()
    for (let count = 0; count < 4; count += 1) {
      const question = drawQuestion(scene, this.#pools, this.random)
      if (question === undefined) return Promise.resolve()
      scene.mustTell(question)
    }
    this.#askSnapshot()
    return Promise.resolve()
  }

  #askSnapshot(): void {
    const { readers, chronicle } = this.scene
    const snapshot = readers.snapshot()
    const query: Query = { ask: 'nodes' }
    const valid = snapshot.valid.epochMicroseconds
    const actual = answerFromView(snapshot, query, chronicle.names)
    const expected = () => answerQuery(chronicle.model.viewAt(snapshot.sequence, valid), query)
    const isSo = chronicle.holds(() => expected() === actual)
    const asked = `a snapshot after commit ${snapshot.sequence}`
    this.scene.mustAnswer(asked, isSo ? actual : expected(), actual)
  }
}

/** A question as of a point at or before the last commit; none while there is nothing to ask. */
function drawQuestion(
  { chronicle: { model } }: Scene,
  pools: KnownPools,
  random: RandomStream,
): Question | undefined {
  if (pools.nodes.length === 0) return undefined
  const { sequence: newest } = model
  const sequence = random.chance(0.4) ? newest : random.below(newest + 1)
  const valid = random.chance(0.5)
    ? random.pick(instantsOf(model)) + BigInt(random.below(3) - 1)
    : BigInt(pools.instant())
  const query = withKnownEdge(pools.questions.view(), model, sequence)
  const question = { sequence, valid, query }
  // Above the last commit no system time keeps its answer over a crash.
  const system =
    sequence < newest && random.chance(0.5) ? systemAt(model, sequence, random) : undefined
  return system === undefined ? question : { ...question, system }
}

/** An edge to go on after has no place in the order of a past that does not know it. */
function withKnownEdge(query: Query, model: ReferenceModel, sequence: number): Query {
  if (!('after' in query)) return query
  const { after, ...rest } = query
  const known = model.viewAt(sequence, 0n).entities()
  return known.some(({ name }) => name === after) ? query : rest
}

const rememberedMax = 40

/** Remembers answers as of the past, and asks again later: also after crashes and openings. */
export class Traveller extends Actor {
  readonly #pools = new KnownPools(this.scene, this.random)

  override act(): Promise<void> {
    const { archive } = this.scene
    this.scene.catchUp()
    this.#remember()
    if (archive.answers.length > 0) askAgain(this.scene, this.random.pick(archive.answers))
    return Promise.resolve()
  }

  #remember(): void {
    const scene = this.scene
    const question = drawQuestion(scene, this.#pools, this.random)
    if (question === undefined) return
    const { answers } = scene.archive
    if (answers.length >= rememberedMax) answers.splice(this.random.below(answers.length), 1)
    const { chronicle } = scene
    // What is being forgotten may yet be lost, and then it is told again.
    if (chronicle.isErasing || chronicle.isPruning) return
    answers.push(remember(scene, question))
  }
}

function remember({ chronicle, readers }: Scene, question: Question): Remembered {
  const { model, names, sequence } = chronicle
  return {
    // The entities of the question may have come after the point that it looks at.
    sequence,
    question,
    answer: answerTold(readers, question, { model, names, isPruning: false }),
    forgettings: model.forgetting.count,
  }
}

/** The answer of old, unless something was forgotten since: then that of the model. */
export function askAgain(scene: Scene, remembered: Remembered): void {
  const { question, answer: expected, forgettings } = remembered
  const { chronicle, archive } = scene
  const { isErasing, isPruning, model } = chronicle
  const isSame = model.forgetting.count === forgettings
  if (isErasing || isPruning || !isSame || tellingOf(model, question) !== 'told') {
    scene.mustTell(question)
    if (isErasing || isPruning) return
    const index = archive.answers.indexOf(remembered)
    if (index >= 0) archive.answers[index] = remember(scene, question)
    return
  }
  const { answer: actual } = remember(scene, question)
  const show = (answer: string | undefined) => answer ?? 'HistoryPruned'
  scene.mustAnswer(`asked again: ${describe(question)}`, show(expected), show(actual))
}

/** One side of a comparison. */
export interface Contestant {
  readonly name: string
  /** Takes one round and returns its figure, in the unit of the row. */
  run(round: number): number | Promise<number>
}

export interface RoundPlan {
  /** Rounds that are run first and not counted: they compile the code and warm the caches. */
  readonly warmUps: number
  readonly counted: number
}

/** The medians of contestants that ran in the same rounds. */
export class Figures {
  readonly #medians = new Map<string, number>()

  set(name: string, median: number): void {
    this.#medians.set(name, median)
  }

  /** Undefined when there was no such contestant, because its engine is not installed. */
  get(name: string): number | undefined {
    return this.#medians.get(name)
  }

  mustGet(name: string): number {
    const figure = this.#medians.get(name)
    if (figure === undefined) throw new Error(`there is no contestant '${name}'`)
    return figure
  }

  best(
    names: readonly string[],
    wanted: 'larger' | 'smaller',
  ): { readonly name: string; readonly figure: number } | undefined {
    let best: { name: string; figure: number } | undefined
    for (const name of names) {
      const figure = this.get(name)
      if (figure === undefined) continue
      const isBetter =
        best === undefined || (wanted === 'larger' ? figure > best.figure : figure < best.figure)
      if (isBetter) best = { name, figure }
    }
    return best
  }
}

/**
 * Runs every contestant once a round, so that a busy spell of the machine meets them all, each
 * round beginning with another of them. Returns the median of each. Nothing forces a garbage
 * collection in between: a full one takes the compiled code of whoever has no object alive.
 */
export async function compete(
  contestants: readonly (Contestant | undefined)[],
  plan: RoundPlan,
): Promise<Figures> {
  const present = contestants.filter((one) => one !== undefined)
  const samples = new Map(present.map((one) => [one.name, new Array<number>()]))
  for (let round = -plan.warmUps; round < plan.counted; round++) {
    for (let turn = 0; turn < present.length; turn++) {
      const contestant = present[(turn + round + plan.warmUps) % present.length]
      if (contestant === undefined) continue
      const figure = await contestant.run(round + plan.warmUps)
      if (round >= 0) samples.get(contestant.name)?.push(figure)
    }
  }
  const figures = new Figures()
  for (const [name, sample] of samples) {
    figures.set(name, median(sample))
    if (process.env['ASOF_BENCH_SAMPLES'] !== undefined) {
      const shown = sample.map((figure) => figure.toPrecision(4)).join(' ')
      process.stderr.write(`  ${name}: ${shown}\n`)
    }
  }
  return figures
}

export function median(sample: readonly number[]): number {
  const sorted = sample.toSorted((a, b) => a - b)
  const upper = sorted[sorted.length >> 1]
  const lower = sorted[(sorted.length - 1) >> 1]
  if (upper === undefined || lower === undefined) throw new Error('no sample to take a median of')
  return (lower + upper) / 2
}

/**
 * Nanoseconds a step of `body`, which takes `steps` of them and returns a sum of what it read.
 * The sum is held against the one expected, so a read that was skipped or wrong fails the run.
 */
export async function nanosecondsEach(
  body: () => number | Promise<number>,
  expected: { readonly steps: number; readonly sum: number },
): Promise<number> {
  const began = readClockMs()
  const made = body()
  const sum = typeof made === 'number' ? made : await made
  const elapsedMs = readClockMs() - began
  mustBe(sum === expected.sum, `a sum of ${sum} was read where ${expected.sum} is right`)
  return (elapsedMs * 1e6) / expected.steps
}

/**
 * With `ASOF_BENCH_CLOCK=cpu` reads are timed by the processor time of this process, its threads
 * included: for a look at the code on a machine that is busy with something else.
 */
function readClockMs(): number {
  if (process.env['ASOF_BENCH_CLOCK'] !== 'cpu') return performance.now()
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** A check of correctness, outside the timed part: a figure for a wrong answer is none. */
export function mustBe(condition: boolean, message: string): void {
  if (!condition) throw new Error(`the benchmark got a wrong answer: ${message}`)
}

/**
 * Work that was begun and is not durable yet, at most so much of it. The first failure is thrown
 * by the next call, and nothing is left unhandled. Work is expected to end in the order it began.
 */
export class InFlight {
  readonly #max: number
  #pending: Promise<void>[] = []
  #failure: { readonly error: unknown } | undefined

  constructor(max: number) {
    this.#max = max
  }

  /** Resolves when there is room for more. */
  async add(work: Promise<unknown>): Promise<void> {
    const ended = work.then(
      () => {},
      (error: unknown) => {
        this.#failure ??= { error }
      },
    )
    this.#pending.push(ended)
    if (this.#pending.length >= this.#max) {
      // Half at once, so that the queue is not shifted for every piece of work.
      const first = this.#pending.splice(0, Math.ceil(this.#max / 2))
      await Promise.all(first)
    }
    this.#mustBeWell()
  }

  /** Resolves when everything is done. */
  async settle(): Promise<void> {
    const all = this.#pending
    this.#pending = []
    await Promise.all(all)
    this.#mustBeWell()
  }

  #mustBeWell(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

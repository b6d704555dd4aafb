import type { CommandContext } from '../command.ts'
import type { Json } from './typed-json.ts'

/** Where text goes that may be much. */
export interface TextTarget {
  /** Resolves when there is room for more; with false when nobody wants it. */
  write(text: string): Promise<boolean>
}

const chunkCharacters = 64 * 1024

export function standardOutput({ terminal }: CommandContext): TextTarget {
  return {
    write: (text) => {
      terminal.write(text)
      return terminal.ready?.() ?? Promise.resolve(true)
    },
  }
}

/** Why no more lines are wanted. */
export type StopReason = 'interrupted' | 'unread'

/** Lines on their way out, in chunks, no faster than they are taken. */
export class LineOutput {
  readonly #target: TextTarget
  readonly #signal: AbortSignal
  #chunk = ''
  #stopReason: StopReason | undefined

  constructor(target: TextTarget, signal: AbortSignal) {
    this.#target = target
    this.#signal = signal
  }

  /** Undefined while more is wanted. */
  get stopReason(): StopReason | undefined {
    return this.#signal.aborted ? 'interrupted' : this.#stopReason
  }

  add(line: string): void {
    this.#chunk += `${line}\n`
  }

  addJson(json: { readonly [name: string]: Json | undefined }): void {
    this.add(JSON.stringify(json))
  }

  /** Whether it is time to call `flush`. */
  get isFull(): boolean {
    return this.#chunk.length >= chunkCharacters || this.stopReason !== undefined
  }

  /** Hands over what there is; resolves with whether more is wanted. */
  async flush(): Promise<boolean> {
    if (this.stopReason !== undefined) return false
    const chunk = this.#chunk
    this.#chunk = ''
    if (chunk !== '' && !(await this.#target.write(chunk))) this.#stopReason = 'unread'
    return this.stopReason === undefined
  }
}

/** Where a command writes. Results go to standard output, everything else to standard error. */
export interface Terminal {
  write(text: string | Uint8Array): void
  note(text: string): void
  /**
   * Resolves when there is room for more on standard output; with false when nobody reads it any
   * more. Where it is absent there is room always.
   */
  ready?(): Promise<boolean>
  /** Columns of standard output. */
  readonly columns: number
  /** Standard output shows colours. */
  readonly hasColor: boolean
  /** Standard error is a terminal, so that a line on it can be written anew. */
  readonly isInteractive: boolean
}

const columnsDefault = 100
const columnsMin = 40

/** The streams of this process. A reader that goes away (`| head`) ends the output only. */
export function processTerminal(): Terminal {
  let hasReader = true
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error
      if (stream === process.stdout) hasReader = false
    })
  }
  const columns = Number(process.env['COLUMNS'] ?? process.stdout.columns ?? columnsDefault)
  return {
    write: (text) => {
      if (hasReader) process.stdout.write(text)
    },
    note: (text) => {
      process.stderr.write(text)
    },
    ready: async () => {
      if (hasReader && process.stdout.writableNeedDrain) await drained(process.stdout)
      return hasReader
    },
    columns: Math.max(columnsMin, Number.isFinite(columns) ? Math.floor(columns) : columnsDefault),
    hasColor: wantsColor(),
    isInteractive: process.stderr.isTTY === true && process.env['TERM'] !== 'dumb',
  }
}

/** Resolves when what was written has gone out, or never will. */
function drained(stream: NodeJS.WriteStream): Promise<void> {
  const names = ['drain', 'error', 'close'] as const
  return new Promise((resolve) => {
    const done = (): void => {
      for (const name of names) stream.off(name, done)
      resolve()
    }
    for (const name of names) stream.once(name, done)
  })
}

/** The convention of no-color.org: a variable that is set and not empty turns colours off. */
function wantsColor(): boolean {
  const { NO_COLOR: off, FORCE_COLOR: on, TERM: term } = process.env
  if (off !== undefined && off !== '') return false
  if (on !== undefined && on !== '') return on !== '0'
  return process.stdout.isTTY === true && term !== 'dumb'
}

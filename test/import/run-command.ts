import { runProgram } from '../../packages/asof/src/program.ts'

/** How a command ended and what it wrote: to standard output, and beside it. */
export interface Ran {
  readonly code: number
  readonly out: string
  readonly notes: string
}

/** Runs the command `asof` within this process, its output caught as by a pipe. */
export function runCommand(...args: string[]): Promise<Ran> {
  return run(args, new AbortController().signal)
}

/** The same with Ctrl-C pressed at once. */
export function runInterrupted(...args: string[]): Promise<Ran> {
  return run(args, AbortSignal.abort())
}

async function run(args: readonly string[], signal: AbortSignal): Promise<Ran> {
  let out = ''
  let notes = ''
  const code = await runProgram(args, {
    signal,
    terminal: {
      write: (text) => void (out += text),
      note: (text) => void (notes += text),
      columns: 100,
      hasColor: false,
      isInteractive: false,
    },
  })
  return { code, out, notes }
}

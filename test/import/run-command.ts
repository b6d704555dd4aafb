import { runProgram } from '../../packages/asof/src/program.ts'

/** How a command ended and what it wrote: to standard output, and beside it. */
export interface Ran {
  readonly code: number
  readonly out: string
  readonly notes: string
}

/** Runs the command `asof` within this process, its output caught as by a pipe. */
export async function runCommand(...args: string[]): Promise<Ran> {
  let out = ''
  let notes = ''
  const code = await runProgram(args, {
    signal: new AbortController().signal,
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

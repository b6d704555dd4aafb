import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const loader = new URL('../scripts/typescript-loader.mjs', import.meta.url).href

/** What starts a script of this folder in a Node of its own, as the first element and the rest. */
export function childCommand(script: string, args: readonly string[]): string[] {
  const file = fileURLToPath(new URL(script, import.meta.url))
  return [process.execPath, '--expose-gc', '--import', loader, file, ...args]
}

/** Runs a script of this folder to its end and returns the last line it printed, as JSON. */
export async function askChild<T>(
  script: string,
  args: readonly string[],
  isAnswer: (value: unknown) => value is T,
): Promise<T> {
  const child = startChild(script, args)
  const chunks: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  const output = Buffer.concat(chunks).toString()
  if (code !== 0) throw new Error(`${script} ${args.join(' ')} ended with code ${code}`)
  const answer: unknown = JSON.parse(output.trim().split('\n').at(-1) ?? '')
  if (!isAnswer(answer)) throw new Error(`${script} ${args.join(' ')} answered ${output}`)
  return answer
}

export function startChild(script: string, args: readonly string[]): ChildProcess {
  const [command = process.execPath, ...rest] = childCommand(script, args)
  return spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
}

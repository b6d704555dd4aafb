import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const loader = ['--import', './scripts/typescript-loader.mjs', 'packages/asof/src/main.ts']
const built = ['packages/asof/dist/main.js']

/** What to run: what was built, which starts faster, unless a source is younger. */
const program = ['packages/asof', 'packages/asofdb'].every(isBuilt) ? built : loader

/** The compiler leaves a note of each build; it too compares the age of that with the sources. */
function isBuilt(folder: string): boolean {
  const note = join(root, folder, 'dist', '.tsbuildinfo')
  if (!existsSync(note) || !existsSync(join(root, ...built))) return false
  const builtAtMs = statSync(note).mtimeMs
  const source = join(root, folder, 'src')
  return readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .every((path) => statSync(join(source, path)).mtimeMs <= builtAtMs)
}

export interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves when standard error holds `text`, or at the end. */
  said(text: string): Promise<void>
}

/** Runs the command of this repository in a process of its own. */
export function startCommand(args: readonly string[]): Running {
  const child = spawn(process.execPath, [...program, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  const waiting: { readonly text: string; readonly done: () => void }[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    for (const one of waiting) if (stderr.includes(one.text)) one.done()
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      for (const one of waiting) one.done()
      resolve({ code, signal, stdout, stderr })
    })
  })
  const said = (text: string): Promise<void> =>
    stderr.includes(text)
      ? Promise.resolve()
      : new Promise((done) => {
          waiting.push({ text, done })
        })
  return { child, ended, said }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { measureCheckpoints } from './checkpoint-tasks.ts'
import {
  loadManyKeys,
  measureKeys,
  measureMap,
  measureSqlite,
  openManyKeys,
} from './key-memory-tasks.ts'
import { measureLoading, measureOpening } from './memory-tasks.ts'
import { buildIndexed, openIndexed } from './open-images-tasks.ts'
import { buildGraph, fillLog, openGraph, openTail, readBytes } from './open-tasks.ts'
import type { Setting } from './setting.ts'

/** A part of a benchmark that wants a process of its own: its memory, its opening, its end. */
export type Task = (folder: string, sizes: readonly number[]) => Promise<object>

const tasks = {
  buildGraph,
  readBytes,
  openGraph,
  fillLog,
  openTail,
  buildIndexed,
  openIndexed,
  measureLoading,
  measureOpening,
  measureCheckpoints,
  measureKeys,
  measureMap,
  measureSqlite,
  loadManyKeys,
  openManyKeys,
}

export type TaskName = keyof typeof tasks

export interface TaskCall {
  readonly folder: string
  readonly sizes?: readonly number[]
}

const loader = new URL('../scripts/typescript-loader.mjs', import.meta.url).href

export function findTask(name: string): Task | undefined {
  return new Map<string, Task>(Object.entries(tasks)).get(name)
}

/**
 * Runs a task in a process of its own and returns its answer, or here where a smoke test has no
 * use for the processes.
 */
export async function runTask<T>(
  setting: Setting,
  task: { readonly name: TaskName; readonly call: TaskCall },
  isAnswer: (value: unknown) => value is T,
): Promise<T> {
  const { name, call } = task
  const answer: unknown = setting.areTasksInline
    ? await tasks[name](call.folder, call.sizes ?? [])
    : await askProcess(name, call)
  if (!isAnswer(answer)) throw new Error(`${name} answered ${JSON.stringify(answer)}`)
  return answer
}

async function askProcess(name: TaskName, call: TaskCall): Promise<unknown> {
  const child = startTask(name, call)
  const chunks: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  if (code !== 0) throw new Error(`${name} ended with code ${code}: its errors are above`)
  return JSON.parse(Buffer.concat(chunks).toString())
}

/** Starts the process of a task; its output is a line of JSON. */
export function startTask(name: TaskName, call: TaskCall): ChildProcess {
  const args = [name, call.folder, ...(call.sizes ?? []).map(String)]
  const [command = process.execPath, ...rest] = scriptCommand('task-process.ts', args)
  return spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** The command, its parameters included, that runs a script of this folder. */
export function scriptCommand(script: string, args: readonly string[]): string[] {
  const file = fileURLToPath(new URL(script, import.meta.url))
  return [process.execPath, '--expose-gc', '--import', loader, file, ...args]
}

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { WriterTask } from './writer.ts'

/** What a writer was doing when it died, as far as the pipe tells. */
export type Phase = 'opening' | 'committing' | 'rotating' | 'checkpointing' | 'closing' | 'closed'

/** What a writer has said. */
export interface WriterWords {
  /** Commits that opening found; undefined before it is open. */
  opened: number | undefined
  tornBytes: number
  /** The newest number of an acknowledged commit, and how many there were. */
  acknowledged: number
  acknowledgements: number
  /** The newest commit that was promised to outlive the process, by any promise. */
  promised: number
  segmentsBegun: number
  segmentsInUse: number
  largeWrites: number
  checkpointsBegun: number
  checkpointsDone: number
  isClosing: boolean
  isClosed: boolean
  failure: string | undefined
}

const patienceMs = 60_000
/** How long a stopped process may take to be seen as stopped, where that can't be asked. */
const stopMs = 20

/** A writer in a process of its own, and what it has said so far. */
export class WriterProcess {
  readonly words: WriterWords = {
    opened: undefined,
    tornBytes: 0,
    acknowledged: 0,
    acknowledgements: 0,
    promised: 0,
    segmentsBegun: 0,
    segmentsInUse: 0,
    largeWrites: 0,
    checkpointsBegun: 0,
    checkpointsDone: 0,
    isClosing: false,
    isClosed: false,
    failure: undefined,
  }
  /** Resolves when it is gone and all it said was heard. */
  readonly gone: Promise<void>
  readonly #child: ChildProcess
  #isReady = false
  #isGone = false
  #unheard = ''
  #complaint = ''
  #waiting: (() => void)[] = []

  constructor(module: string) {
    const script = `import(${JSON.stringify(module)})`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child = child
    child.stdin.on('error', () => undefined)
    child.stdout.setEncoding('utf8').on('data', (text: string) => this.#hear(text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint += text
    })
    // A suspended one would stay for ever.
    const killIt = (): void => void child.kill('SIGKILL')
    process.once('exit', killIt)
    this.gone = new Promise((resolve) => {
      child.once('close', () => {
        process.off('exit', killIt)
        this.#isGone = true
        this.#wake()
        resolve()
      })
    })
  }

  /** Hands it the task as soon as it is ready; returns in that moment. */
  async start(task: WriterTask): Promise<void> {
    await this.until(() => this.#isReady)
    this.#child.stdin?.write(`${JSON.stringify(task)}\n`)
  }

  /** Resolves when that has become true, or never will because it failed; false then. */
  async until(isTrue: (words: WriterWords) => boolean): Promise<boolean> {
    const deadline = setTimeout(() => {
      this.words.failure ??= `nothing happened for ${patienceMs} ms: ${JSON.stringify(this.words)}`
      this.#wake()
    }, patienceMs)
    try {
      while (!isTrue(this.words)) {
        if (this.#isGone) this.words.failure ??= `it ended by itself: ${this.#complaint}`
        if (this.words.failure !== undefined) return false
        await new Promise<void>((resolve) => this.#waiting.push(resolve))
      }
      return true
    } finally {
      clearTimeout(deadline)
    }
  }

  /** Suspends it; resolves when it stands still. */
  async suspend(): Promise<void> {
    this.#child.kill('SIGSTOP')
    if (process.platform !== 'linux') return delay(stopMs)
    while (this.#state !== 'T') await delay(1)
  }

  resume(): void {
    this.#child.kill('SIGCONT')
  }

  /** Kills it and resolves with what it had been doing. */
  async kill(): Promise<Phase> {
    this.#child.kill('SIGKILL')
    await this.gone
    return phaseOf(this.words)
  }

  get #state(): string | undefined {
    const status = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8')
    // The name before it stands in brackets, and may have some of its own.
    return status.slice(status.lastIndexOf(')') + 2)[0]
  }

  #hear(text: string): void {
    const lines = (this.#unheard + text).split('\n')
    // What has no end was never said as a whole.
    this.#unheard = lines.pop() ?? ''
    for (const line of lines) this.#take(line)
    this.#wake()
  }

  #take(line: string): void {
    const { words } = this
    const [word = '', first = '', second = ''] = line.split(' ')
    const number = Number(first)
    if (word === 'ready') this.#isReady = true
    else if (word === 'opened') {
      words.opened = number
      words.tornBytes = Number(second)
      // The one that opening may have begun; only a change to the next one is told.
      words.segmentsInUse = words.segmentsBegun
    } else if (word === 'a') {
      words.acknowledged = Math.max(words.acknowledged, number)
      words.acknowledgements += 1
    } else if (word === 'k') words.promised = Math.max(words.promised, number)
    else if (word === 'r+') words.segmentsBegun += 1
    else if (word === 'r-') words.segmentsInUse = words.segmentsBegun
    else if (word === 'w+') words.largeWrites += 1
    else if (word === 'c+') words.checkpointsBegun += 1
    else if (word === 'c-') {
      words.checkpointsDone = words.checkpointsBegun
      words.promised = Math.max(words.promised, number)
    } else if (word === 'x+') words.isClosing = true
    else if (word === 'x-') {
      words.isClosed = true
      words.promised = Math.max(words.promised, words.acknowledged)
    } else words.failure = line
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

function phaseOf(words: WriterWords): Phase {
  if (words.opened === undefined) return 'opening'
  if (words.isClosed) return 'closed'
  if (words.isClosing) return 'closing'
  if (words.segmentsBegun > words.segmentsInUse) return 'rotating'
  if (words.checkpointsBegun > words.checkpointsDone) return 'checkpointing'
  return 'committing'
}

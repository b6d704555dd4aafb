import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { CommandFailure, isErrno } from '../failure.ts'

/**
 * Variables by which git learns of a repository from its surroundings. A hook sets them, and they
 * would win over the repository that was asked for.
 */
const localVariables = [
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_CONFIG',
  'GIT_CONFIG_COUNT',
  'GIT_CONFIG_PARAMETERS',
  'GIT_DIR',
  'GIT_GRAFT_FILE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_NAMESPACE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_REPLACE_REF_BASE',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
]

/** The environment for git: English messages, no prompts, no repository but the one we name. */
export function gitEnvironment(): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env }
  for (const name of localVariables) delete environment[name]
  return { ...environment, LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0' }
}

export interface GitOutput {
  readonly stdout: Readable
  /** Resolves when git has ended well; rejects with what it said when it has not. */
  readonly ended: Promise<void>
  /** Ends git early; `ended` then resolves. */
  stop(): void
}

/** How much of what git complains about is kept for the message. */
const complaintCharactersMax = 2000

/** Runs git in a repository. `input` goes to its standard input. */
export function startGit(repository: string, args: readonly string[], input = ''): GitOutput {
  const child = spawn('git', ['-C', repository, ...args], {
    env: gitEnvironment(),
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  })
  let complaint = ''
  let isStopped = false
  child.stderr.setEncoding('utf8')
  child.stderr.on('data', (text: string) => {
    complaint = (complaint + text).slice(-complaintCharactersMax)
  })
  // Git may end before it has read its input; what it says about that is in its exit code.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', (error) => reject(startFailure(error)))
    child.on('close', (code, signal) => {
      if (code === 0 || isStopped) resolve()
      else reject(endFailure(args, { code, signal, complaint }))
    })
  })
  // Whoever awaits `ended` gets the failure; until then it is not unhandled.
  ended.catch(() => {})
  const stop = (): void => {
    isStopped = true
    child.kill()
  }
  return { stdout: child.stdout, ended, stop }
}

/** The whole output of a git command that prints little. */
export async function askGit(
  repository: string,
  args: readonly string[],
  input = '',
): Promise<string> {
  const git = startGit(repository, args, input)
  const chunks: Buffer[] = []
  try {
    for await (const chunk of git.stdout) chunks.push(toBuffer(chunk))
  } finally {
    await git.ended
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** A chunk of a stream without an encoding. */
export function toBuffer(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk
  throw new TypeError('a stream without an encoding gives buffers')
}

function startFailure(error: Error): CommandFailure {
  const message = isErrno(error, 'ENOENT')
    ? 'git was not found; install git and make sure that it is on the PATH'
    : `git did not start: ${error.message}`
  return new CommandFailure(message, { cause: error })
}

interface GitEnd {
  readonly code: number | null
  readonly signal: string | null
  readonly complaint: string
}

function endFailure(args: readonly string[], end: GitEnd): CommandFailure {
  const said = end.complaint.trim().replace(/^fatal: /, '')
  const how = end.signal === null ? `exit code ${String(end.code)}` : `signal ${end.signal}`
  const subcommand = args.find((one) => /^[a-z][a-z-]+$/.test(one)) ?? ''
  const message = said === '' ? `git ${subcommand} ended with ${how}` : `git: ${said}`
  return new CommandFailure(message, { details: { git: said } })
}

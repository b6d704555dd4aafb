import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { isErrno } from './files.ts'

/** Names the present run of the machine; empty where the platform has no such name. */
export async function bootIdentity(): Promise<string> {
  if (process.platform !== 'linux') return ''
  return (await readOptional('/proc/sys/kernel/random/boot_id')).trim()
}

export interface FoundProcess {
  readonly isAlive: boolean
  /** Tells two processes with one number apart; empty when it could not be learned. */
  readonly start: string
}

/** Looks a process of this machine up by its number. */
export async function findProcess(pid: number): Promise<FoundProcess> {
  if (!hasProcess(pid)) return { isAlive: false, start: '' }
  if (process.platform === 'win32') return { isAlive: true, start: '' }
  const found = process.platform === 'linux' ? await findInProc(pid) : await findWithPs(pid)
  // A dead process that its parent has not collected yet still answers to its number.
  return { isAlive: !/^[ZX]/.test(found.state), start: found.start }
}

function hasProcess(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Refused means that there is somebody to refuse for.
    return isErrno(error, 'EPERM')
  }
}

/** The name of the program, second in `stat`, is in brackets and may itself hold any of them. */
async function findInProc(pid: number): Promise<{ state: string; start: string }> {
  const text = await readOptional(`/proc/${pid}/stat`)
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '', start: fields[19] ?? '' }
}

/** `lstart` is the full date of the start; the environment fixes its language and time zone. */
export function findWithPs(pid: number): Promise<{ state: string; start: string }> {
  const environment = { ...process.env, LC_ALL: 'C', TZ: 'UTC' }
  return new Promise((resolve) => {
    execFile(
      'ps',
      ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)],
      { env: environment },
      (error, output) => {
        const words = error ? [] : output.trim().split(/\s+/)
        resolve({ state: words[0] ?? '', start: words.slice(1).join(' ') })
      },
    )
  })
}

async function readOptional(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return ''
  }
}

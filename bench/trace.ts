import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { levelSync, lmdbPut, ourKeys, sqliteEach, sqliteGrouped } from './commit-stores.ts'
import type { Peers } from './installed-peers.ts'
import { makeRow, type Row } from './report.ts'
import { mustBe } from './rounds.ts'
import { scaled, type Setting } from './setting.ts'
import { scriptCommand } from './tasks.ts'

/** What makes bytes durable, and what tells the files that need no such call. */
const tracedCalls = 'openat,write,pwrite64,pwritev,writev,fsync,fdatasync,msync'

const syncCalls = new Set(['fsync', 'fdatasync', 'msync'])
const writeCalls = new Set(['write', 'writev', 'pwrite64', 'pwritev'])

/**
 * What an acknowledgement means, seen from outside: for each commit, whether a sync began after it
 * was asked for and succeeded before it was acknowledged. A write to a file opened with O_DSYNC or
 * O_SYNC counts as both.
 */
export async function traceCommits(setting: Setting): Promise<Row[]> {
  if (spawnSync('strace', ['-V']).status !== 0) {
    throw new Error('this needs strace, which is not installed; on Debian: apt-get install strace')
  }
  const commits = scaled(setting, 200, 20)
  const rows: Row[] = []
  for (const callers of [1, 20]) {
    const shares = new Map<string, number>()
    for (const name of [ourKeys.name, ...peerNames(setting.peers)]) {
      setting.say(`Tracing ${name}, callers: ${callers} ...`)
      shares.set(name, traceStore(setting, name, { commits, callers }))
    }
    const ours = shares.get(ourKeys.name) ?? 0
    for (const [against, theirs] of shares) {
      const who = against === ourKeys.name ? 'every one' : against
      const id = `commit.trace.callers${callers}${suffixes.get(against) ?? ''}`
      const what = `share of acknowledgements after a sync of their own, callers: ${callers}`
      const limit = against === ourKeys.name ? 1 : theirs
      rows.push(makeRow({ id, what, unit: 'share' }, ours, { against: who, theirs: limit }))
    }
  }
  return rows
}

const suffixes = new Map([
  [sqliteEach, '.sqlite'],
  [sqliteGrouped, '.grouped'],
  [levelSync, '.level'],
  [lmdbPut, '.lmdb'],
])

function peerNames(peers: Peers): string[] {
  const { sqlite, level, lmdb } = peers
  return [
    ...(sqlite === undefined ? [] : [sqliteEach, sqliteGrouped]),
    ...(level === undefined ? [] : [levelSync]),
    ...(lmdb === undefined ? [] : [lmdbPut]),
  ]
}

function traceStore(
  setting: Setting,
  name: string,
  run: { readonly commits: number; readonly callers: number },
): number {
  const folder = setting.workspace.folder('trace')
  const output = join(folder, 'trace')
  const args = [name, folder, String(run.commits), String(run.callers)]
  const traced = spawnSync(
    'strace',
    ['-f', '-qq', '-s', '40', '-e', `trace=${tracedCalls}`, '-o', output].concat(
      scriptCommand('trace-process.ts', args),
    ),
    { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, UV_USE_IO_URING: '0' } },
  )
  mustBe(traced.status === 0, `the traced ${name} ended with code ${traced.status}`)
  const judged = judgeTrace(readFileSync(output, 'utf8'))
  mustBe(judged.acknowledged === run.commits, `the trace shows ${judged.acknowledged} commits`)
  return judged.synced / judged.acknowledged
}

/**
 * Reads the output of `strace -f`. A call that another thread interrupted stands on two lines; its
 * beginning and its end are told by line numbers.
 */
export function judgeTrace(text: string): { acknowledged: number; synced: number } {
  const asked = new Map<string, number>()
  const unfinished = new Map<string, number>()
  const selfSyncing = new Set<string>()
  const syncs: { began: number; ended: number }[] = []
  let acknowledged = 0
  let synced = 0
  for (const [lineNumber, line] of text.split('\n').entries()) {
    const mark = /"(asked|acknowledged) (\d+);"/.exec(line)
    if (mark !== null) {
      const [, what, number = ''] = mark
      if (what === 'asked') asked.set(number, lineNumber)
      else {
        acknowledged++
        const from = asked.get(number) ?? lineNumber
        if (syncs.some(({ began, ended }) => began > from && ended < lineNumber)) synced++
      }
      continue
    }
    const opened = /openat\(.*= (\d+)$/.exec(line)?.[1]
    if (opened !== undefined) {
      if (/O_D?SYNC/.test(line)) selfSyncing.add(opened)
      else selfSyncing.delete(opened)
    }
    const call = readCall(line)
    if (call === undefined || !isSync(call, selfSyncing)) continue
    const key = `${call.thread} ${call.name}`
    if (call.part === 'begun') unfinished.set(key, lineNumber)
    else if (!call.isFailed) {
      const began = call.part === 'ended' ? unfinished.get(key) : lineNumber
      if (began !== undefined) syncs.push({ began, ended: lineNumber })
      unfinished.delete(key)
    }
  }
  return { acknowledged, synced }
}

interface TracedCall {
  readonly thread: string
  readonly name: string
  readonly part: 'whole' | 'begun' | 'ended'
  /** The file, unknown at the end of an interrupted call. */
  readonly file: string | undefined
  readonly isFailed: boolean
}

function readCall(line: string): TracedCall | undefined {
  const isFailed = / = -1 /.test(line)
  const resumed = /^(\d+) +<\.\.\. (\w+) resumed>/.exec(line)
  if (resumed !== null) {
    const [, thread = '', name = ''] = resumed
    return { thread, name, part: 'ended', file: undefined, isFailed }
  }
  const call = /^(\d+) +(\w+)\((\d+|0x\w+)?/.exec(line)
  if (call === null) return undefined
  const [, thread = '', name = '', file] = call
  const part = line.endsWith('<unfinished ...>') ? 'begun' : 'whole'
  return { thread, name, part, file, isFailed }
}

function isSync(call: TracedCall, selfSyncing: ReadonlySet<string>): boolean {
  if (syncCalls.has(call.name)) return true
  if (!writeCalls.has(call.name)) return false
  return call.part === 'ended' || (call.file !== undefined && selfSyncing.has(call.file))
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { WatchSelection } from 'asofdb'
import type { Arguments } from '../arguments.ts'
import type { Command } from '../command.ts'
import { exitCodes, usageFailure } from '../failure.ts'
import {
  boundOptions,
  boundsOf,
  hasBounds,
  keyOptions,
  notationHelp,
} from '../keys/key-arguments.ts'
import { FollowedDatabase, type KeyCommit } from '../keys/followed-database.ts'
import { LineOutput, standardOutput } from '../keys/line-output.ts'
import { periodToJson } from '../keys/period-json.ts'
import { type Json, valueToJson } from '../keys/typed-json.ts'
import { mustBeAtMost, mustHaveFolder } from '../session.ts'

const usage = 'keys watch DIR [SPACE]'
const secondsDefault = 1
const secondsMin = 0.05
const secondsMax = 86_400

export const keysWatchCommand: Command = {
  name: 'keys watch',
  summary: 'what is committed to keys, as JSON lines, until Ctrl-C',
  usage: 'DIR [SPACE] [options]',
  examples: [
    { command: 'asof keys watch db', meaning: 'every change of a key from now on' },
    { command: 'asof keys watch db users --prefix a', meaning: 'only of these keys' },
    { command: 'asof keys watch db users --after 12', meaning: 'go on behind commit 12' },
    { command: 'asof keys watch db users --after 0 --once', meaning: 'all so far, and no more' },
  ],
  details: [
    [
      'A line is a commit:',
      '{"sequence":13,"system":…,"meta":{"who":…},"changes":[{"keyspace":…,',
      '"key":…,"valid":[FROM,TO],"value":…}]}, with "isDeleted":true in place of a value that',
      'was taken away. Keep the sequence of the last line that you are done with, and give it',
      'to --after to go on without a gap. Where the retention has forgotten what comes after',
      'it, that is HistoryPruned.',
    ].join('\n'),
    [
      'It takes no lock, so the database may be open in another process, or in none, and is',
      'not disturbed. It looks at the files every --every seconds, and only where they have',
      'changed reads them all again, which takes as long as opening the database:',
      'milliseconds for thousands of versions, about a second for a million; then it rests',
      'for as long at least. It tells what the owner has written to its files: with',
      'durability sync, interval and os nearly at once, without a log only after checkpoints.',
      'A commit may be told just before its writer hears of it. A program that owns the',
      'database watches with db.watch, which costs nothing of this.',
    ].join('\n'),
    notationHelp,
  ],
  options: {
    ...keyOptions,
    ...boundOptions,
    after: { type: 'string', value: 'N', help: 'begin behind commit N (default: the newest now)' },
    every: { type: 'string', value: 'SECONDS', help: `look so often (default: ${secondsDefault})` },
    once: { type: 'boolean', help: 'tell what there is, and end' },
  },
  async run(input, context) {
    const folder = mustHaveFolder(input, usage)
    mustBeAtMost(input, 2, usage)
    const everyMs = secondsOf(input) * 1000
    const followed = new FollowedDatabase(folder, selectionOf(input), afterOf(input))
    const { signal } = context
    const lines = new LineOutput(standardOutput(context), signal)
    while (!signal.aborted) {
      const began = performance.now()
      for await (const commit of followed.commits()) {
        lines.addJson(commitToJson(commit))
        if (lines.isFull && !(await lines.flush())) break
      }
      const isWanted = await lines.flush()
      if (input.flag('once') || (!isWanted && !signal.aborted)) return exitCodes.ok
      // Interrupted is all that can be wrong with it.
      const restMs = Math.max(everyMs, performance.now() - began)
      await sleep(restMs, undefined, { signal }).catch(() => undefined)
    }
    return exitCodes.interrupted
  },
}

function selectionOf(input: Arguments): WatchSelection | undefined {
  const [, keyspace] = input.positionals
  if (keyspace !== undefined) return { keyspace, ...boundsOf(input) }
  if (!hasBounds(input)) return undefined
  throw usageFailure('bounds are of the keys of one keyspace', { hint: `usage: asof ${usage}` })
}

function afterOf(input: Arguments): number | undefined {
  const text = input.text('after')
  if (text === undefined) return undefined
  if (/^#?\d{1,15}$/.test(text)) return Number(text.replace('#', ''))
  throw usageFailure(`--after takes the number of a commit, not '${text}'`)
}

function secondsOf(input: Arguments): number {
  const text = input.text('every')
  if (text === undefined) return secondsDefault
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0
  if (seconds >= secondsMin && seconds <= secondsMax) return seconds
  throw usageFailure(
    `--every takes a number of seconds from ${secondsMin} to ${secondsMax}, not '${text}'`,
  )
}

function commitToJson({ sequence, system, meta, changes }: KeyCommit): { [name: string]: Json } {
  return {
    sequence,
    system: system.toString(),
    ...(meta === undefined ? {} : { meta: { ...meta } }),
    changes: changes.map(({ keyspace, key, valid, value }) => ({
      keyspace,
      key: valueToJson(key),
      valid: periodToJson(valid),
      ...(value === undefined ? { isDeleted: true } : { value: valueToJson(value) }),
    })),
  }
}

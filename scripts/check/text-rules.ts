import { posix } from 'node:path'
import type { Finding } from './finding.ts'
import { isTest, type TextFile } from './source-files.ts'

const columnsMax = 100

/** Characters beyond ASCII that prose and text pictures may use. */
const listedCharacters = new Set(
  '§°±²³µ·×÷«»–—‘’“”†•…′″←↑→↓↔⇒∅∈∞∧∨∩∪≈≠≤≥⊂⊆−√≡⟨⟩✓✗' +
    '─━│┃┄┆┈┊┌┐└┘├┤┬┴┼╭╮╯╰╌╎╱╲═║╔╗╚╝╠╣╦╩╬╴╵╶╷' +
    '▀▁▂▃▄▅▆▇█▉▊▋▌▍▎▏▐░▒▓■□▪▫▲△▶▷▼▽◀◁◆◇○●◦',
)

/**
 * First and last of the ranges of characters that nobody sees: controls, the soft hyphen, direction
 * marks, joiners, line separators, the byte order mark.
 */
const unseenRanges: readonly (readonly [first: number, last: number])[] = [
  [0x00, 0x08],
  [0x0b, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0xfeff, 0xfeff],
]

interface LineRule {
  readonly pattern: RegExp
  readonly message: string
  /** Files the rule is not about. */
  readonly exempt?: (path: string) => boolean
}

const isCode = (path: string): boolean => /\.(?:ts|mjs|js)$/.test(path)
const isLicence = (path: string): boolean => /(?:^|\/)LICENSE$/.test(path)

/** Built from parts, because this file is checked too. */
const reminderWords = ['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK']

const lineRules: readonly LineRule[] = [
  {
    pattern: new RegExp(`\\b(?:${reminderWords.join('|')})\\b`),
    message: 'a reminder left behind: do it, or open an issue',
    exempt: isLicence,
  },
  {
    pattern: /(?:^|[\s'"`(=:])\/(?:work|root|home\/[a-z]\w*|Users\/[a-z]\w*)\//,
    message: 'a path of one machine: write a relative one',
  },
  {
    pattern: /\bregistry\.[a-z]+\.(?:org|com|io)\b|"resolved": "[h]ttp/,
    message: 'the address of a package registry: leave it to the settings of npm',
  },
  {
    pattern: /\/\/\s*@ts-(?:ignore|nocheck)|(?:eslint|oxlint)-disable/,
    message: 'turns a checker off: mend the cause',
  },
  {
    pattern: /(?:\/\/|\*).*\b(?:now supports|newly added|in this change|used to be called)[ .,]/,
    message: 'a comment tells the history of the change: say what is and why',
    exempt: (path) => !isCode(path),
  },
]

/** The rules that look at lines and characters of any text file. */
export function checkText(file: TextFile): Finding[] {
  const findings: Finding[] = []
  for (const [index, line] of file.text.split('\n').entries()) {
    const message = judgeLine(file.path, line)
    if (message !== undefined) findings.push({ file: file.path, line: index + 1, message })
  }
  if (file.path.endsWith('.md')) findings.push(...checkTitles(file))
  return findings
}

function judgeLine(path: string, line: string): string | undefined {
  for (const rule of lineRules) {
    if (rule.pattern.test(line) && !rule.exempt?.(path)) return rule.message
  }
  if (path.endsWith('package-lock.json')) return undefined
  const columns = Array.from(line).length
  if (isCode(path) && columns > columnsMax) {
    return `${columns} columns, at most ${columnsMax}: break the line`
  }
  if (isCode(path) && /[ \t]+$/.test(line)) return 'blanks at the end of the line: remove them'
  return judgeCharacters(path, line)
}

function judgeCharacters(path: string, line: string): string | undefined {
  for (const character of line) {
    const code = character.codePointAt(0) ?? 0
    if (code >= 0x20 && code < 0x7f) continue
    const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
    if (unseenRanges.some(([first, last]) => code >= first && code <= last)) {
      return `${name} cannot be seen: write it as an escape`
    }
    if (code === 0x09 || listedCharacters.has(character) || isTest(path)) continue
    return `${name} (${character}) is not a listed character: use ASCII or an escape`
  }
  return undefined
}

/** A document has exactly one title, outside of code blocks. */
export function checkTitles(file: TextFile): Finding[] {
  const titles: number[] = []
  let fence: string | undefined
  for (const [index, line] of file.text.split('\n').entries()) {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1]
    if (mark !== undefined) {
      if (fence === undefined) fence = mark
      else if (line.trim() === fence) fence = undefined
    } else if (fence === undefined && line.startsWith('# ')) {
      titles.push(index + 1)
    }
  }
  if (titles.length === 1) return []
  const message = `${titles.length} titles (lines starting with '# '): a document has exactly one`
  return [{ file: file.path, line: titles[1] ?? 0, message }]
}

/** Links of documents to files of the repository lead somewhere. */
export function checkLinks(files: readonly TextFile[], paths: readonly string[]): Finding[] {
  const known = new Set(paths)
  const isKnown = (path: string): boolean =>
    known.has(path) || paths.some((one) => one.startsWith(path.replace(/\/?$/, '/')))
  const findings: Finding[] = []
  for (const file of files.filter((one) => one.path.endsWith('.md'))) {
    for (const [index, line] of file.text.split('\n').entries()) {
      for (const [, link = ''] of line.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
        if (/^[a-z]+:/.test(link)) continue
        const target = posix.join(posix.dirname(file.path), link)
        if (isKnown(target)) continue
        findings.push({ file: file.path, line: index + 1, message: `no file at ${target}` })
      }
    }
  }
  return findings
}

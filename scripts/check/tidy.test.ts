import { describe, expect, test } from 'vitest'
import type { Allowance } from './allowances.ts'
import { describeFinding } from './finding.ts'
import { withFiles } from './fixture.ts'
import { checkTidy } from './tidy.ts'

const path = 'packages/asofdb/src/encoding/bytes.ts'

function complaints(
  files: Record<string, string>,
  allowed: readonly Allowance[] = [],
): string[] {
  return withFiles(files, (root) => checkTidy(root, allowed).findings.map(describeFinding))
}

/** Each row: the text of a file of the engine, and what the check says of it. */
const bad: readonly (readonly [rule: string, text: string, said: string])[] = [
  ['any', 'export type A = any\n', ":1  'any' turns the checker off"],
  ['non-null', 'export const a = [1][0]!\n', ":1  '!' claims without proof"],
  ['cast', 'export const a = 1 as number\n', ":1  'as' belongs in decoders"],
  ['old cast', 'export const a = <number>1\n', ":1  'as' belongs in decoders"],
  ['semicolon', 'export const a = 1;\n', ':1  ends in a semicolon'],
  ['member semicolon', 'export interface A {\n  a: 1;\n}\n', ':2  ends in a semicolon'],
  ['quotes', 'export const a = "b"\n', ':1  double quotes'],
  ['four parameters', 'export function f(a: A, b: B, c: C, d: D) {}\n', ':1  f takes 4'],
  ['equal types', 'export function f(a: string, b: string) {}\n', ':1  f takes two of'],
  ['constructor', 'class A {\n  constructor(a: bigint, b: bigint) {}\n}\n', ':2  constructor'],
  ['empty name', 'export function f(data: A) {}\n', ":1  a parameter named 'data'"],
  ['clock', 'export const a = new Date()\n', ':1  reads the clock'],
  ['clock as text', 'export const a = Date()\n', ':1  reads the clock'],
  ['way round the host', 'export const a = globalThis\n', ':1  globalThis goes around the host'],
  ['long body', `function f() {\n${'  g()\n'.repeat(71)}}\n`, ':1  a body of 71 lines'],
  ['long file', 'g()\n'.repeat(601), '601 lines, at most 600'],
  ['long line', `// ${'x'.repeat(98)}\n`, ':1  101 columns'],
  ['reminder', `// ${'TO'}${'DO'} later\n`, ':1  a reminder left behind'],
  ['blanks', 'g() \n', ':1  blanks at the end'],
  ['character', '// na\u00efve\n', ':1  U+00EF'],
  ['unseen character', '// a\u200bb\n', ':1  U+200B cannot be seen'],
  ['machine path', `const a = '${'/ho'}${'me/ada/x'}'\n`, ':1  a path of one machine'],
  ['registry', `// registry${'.npmjs'}.org\n`, ':1  the address of a package registry'],
  ['checker off', `// @ts-${'ignore'}\n`, ':1  turns a checker off'],
  ['history', `// it now ${'supports'} keys.\n`, ':1  a comment tells the history'],
]

describe('a file of the engine', () => {
  test.each(bad)('with %s fails', (_rule, text, said) => {
    const found = complaints({ [path]: text })
    expect(found).toContainEqual(expect.stringContaining(said))
    expect(found).toHaveLength(1)
  })

  test('that follows the rules passes', () => {
    const text =
      "export const a = ['b', \"it's\"] as const\nexport const c = new Date(0)\n" +
      'function f(a: number, b: number): void {}\n' +
      'export const g = (from: number, to: number): void => f(from, to)\n' +
      'export function compareWords(left: string, right: string): boolean {\n' +
      '  for (let i = 0; i < 1; i += 1) return left < right\n  return true\n}\n'
    expect(complaints({ [path]: text })).toEqual([])
  })

  test('may break a rule that is allowed to it, and an allowance nobody needs fails', () => {
    const files = { [path]: 'export const a = 1 as number\n' }
    const cast = { rule: 'cast', files: [path], reason: 'decoder' } as const
    const other = { rule: 'parameters', files: [path], reason: 'hot path' } as const
    expect(complaints(files, [cast])).toEqual([])
    expect(complaints(files, [cast, other])).toEqual([
      expect.stringContaining(`nothing needs 'parameters ${path}'`),
    ])
  })
})

test('a test left focused or skipped fails', () => {
  const text = "test.only('a', f)\ndescribe.skip('b', f)\nit.skipIf(c)('d', f)\n"
  expect(complaints({ 'test/a.test.ts': text })).toEqual([
    expect.stringContaining('test/a.test.ts:1  .only left behind'),
    expect.stringContaining('test/a.test.ts:2  .skip left behind'),
  ])
})

test('a file name that is a drawer fails', () => {
  const found = complaints({ 'scripts/stringUtils.ts': '', 'packages/asof/src/shared/a.ts': '' })
  expect(found).toEqual([
    expect.stringContaining("packages/asof/src/shared/a.ts  'shared' in a file name"),
    expect.stringContaining("scripts/stringUtils.ts  'utils' in a file name"),
  ])
})

test('a document has one title, titles in code aside, and its links lead somewhere', () => {
  const good = '# A\n\n```sh\n# no title\n```\n\n[b](docs/b.md#c) [c](https://example.org)\n'
  expect(complaints({ 'a.md': good, 'docs/b.md': '# B\n' })).toEqual([])
  expect(complaints({ 'a.md': '# A\n# B\n[c](c.md)\n', 'b.md': 'text\n' })).toEqual([
    expect.stringContaining('a.md:2  2 titles'),
    expect.stringContaining('b.md  0 titles'),
    expect.stringContaining('a.md:3  no file at c.md'),
  ])
})

test('the engine has no dependency and nothing runs at installation', () => {
  const manifest = { dependencies: { 'left-pad': '1' }, scripts: { postinstall: 'x' } }
  const found = complaints({ 'packages/asofdb/package.json': JSON.stringify(manifest) })
  expect(found).toEqual([
    expect.stringContaining("the script 'postinstall' runs at installation"),
    expect.stringContaining("dependencies names 'left-pad'"),
  ])
})

test('the engine may have the peers that are listed, if they are optional', () => {
  const peers = { peerDependencies: { '@opentelemetry/api': '1', 'left-pad': '1' } }
  const optional = { '@opentelemetry/api': { optional: true }, 'left-pad': { optional: true } }
  const complaintsOf = (manifest: object): string[] =>
    complaints({ 'packages/asofdb/package.json': JSON.stringify(manifest) })
  expect(complaintsOf({ ...peers, peerDependenciesMeta: optional })).toEqual([
    expect.stringContaining("peerDependencies names 'left-pad'"),
  ])
  expect(complaintsOf(peers)).toHaveLength(2)
})

test('a durable folder with few assertions fails', () => {
  const lines = 'g()\n'.repeat(400)
  const asserting = `${lines}${"invariant(true, 'a')\n".repeat(20)}`
  const record = 'packages/asofdb/src/log/record.ts'
  expect(complaints({ [record]: asserting })).toEqual([])
  expect(complaints({ [record]: lines })).toEqual([
    expect.stringContaining('0.0 assertions per 1000 lines, at least 25'),
  ])
})

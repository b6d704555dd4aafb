import { expect, test } from 'vitest'
import { describeFinding } from './finding.ts'
import { withFiles } from './fixture.ts'
import { checkLadder } from './ladder.ts'

const law = '# Law\n\n```ladder\nlow\nleft | right | (later)\nindex.ts\n```\n'
const engine = 'packages/asofdb/src'
const sound = {
  'ARCHITECTURE.md': law,
  [`${engine}/low/a.ts`]: 'export type A = 1\n',
  [`${engine}/left/b.ts`]: "import type { A } from '../low/a.ts'\nexport type B = A\n",
  [`${engine}/right/c.ts`]: 'export type C = 1\n',
  [`${engine}/index.ts`]: "export type { B } from './left/b.ts'\n",
  'packages/asof/src/main.ts':
    "import 'node:fs'\nimport type { B } from 'asofdb'\nexport type X = B\n",
}

function complaints(changes: Record<string, string>): string[] {
  return withFiles({ ...sound, ...changes }, (root) =>
    checkLadder(root).findings.map(describeFinding),
  )
}

test('a sound tree passes', () => {
  expect(complaints({})).toEqual([])
})

test('an import up the ladder fails, also of a type inside an expression', () => {
  const path = `${engine}/low/a.ts`
  const message = expect.stringContaining(`${path}:1  low is below left and must not import it`)
  expect(complaints({ [path]: "export type A = import('../left/z.ts').Z\n" })).toEqual([message])
})

test('siblings that import each other fail', () => {
  const path = `${engine}/left/b.ts`
  const text = "export {}\nexport type { C } from '../right/c.ts'\n"
  const message = expect.stringContaining(`${path}:2  left and right are siblings`)
  expect(complaints({ [path]: text })).toEqual([message])
})

test('files that import each other fail, with the way round', () => {
  const found = complaints({
    [`${engine}/low/a.ts`]: "import './z.ts'\n",
    [`${engine}/low/z.ts`]: "export type { A } from './a.ts'\n",
  })
  expect(found).toEqual([expect.stringContaining('import cycle a.ts -> z.ts -> a.ts')])
})

test('the engine imports no package and nothing outside itself', () => {
  const found = complaints({
    [`${engine}/low/a.ts`]: "import 'left-pad'\nimport '../../../../simulation/disk.ts'\n",
  })
  expect(found).toEqual([
    expect.stringContaining("a.ts:1  imports 'left-pad': the engine has no dependencies"),
    expect.stringContaining('a.ts:2'),
  ])
})

test('an entry for an optional peer imports that alone, and nothing imports the entry', () => {
  const entry = `${engine}/opentelemetry.ts`
  const withEntry = {
    'ARCHITECTURE.md': law.replace('index.ts\n', 'index.ts\nopentelemetry.ts | level\n'),
    [entry]: "import '@opentelemetry/api'\n",
    [`${engine}/level/index.ts`]: "import 'abstract-level'\nimport './walk.ts'\n",
    [`${engine}/level/walk.ts`]: "import '../index.ts'\n",
  }
  expect(complaints(withEntry)).toEqual([])
  const others = {
    [entry]: "import '@opentelemetry/sdk-metrics'\n",
    [`${engine}/index.ts`]: "import './opentelemetry.ts'\nimport '@opentelemetry/api'\n",
  }
  expect(complaints({ ...withEntry, ...others })).toEqual([
    expect.stringContaining('index.ts:1  index.ts is below opentelemetry.ts'),
    expect.stringContaining("index.ts:2  imports '@opentelemetry/api': the engine has no"),
    expect.stringContaining("opentelemetry.ts:1  imports '@opentelemetry/sdk-metrics'"),
  ])
})

test('a door imports asofdb and never a file of the engine', () => {
  const found = complaints({
    'packages/asof/src/main.ts': "import '../../asofdb/src/index.ts'\nimport 'asofdb/dist/x.js'\n",
  })
  expect(found).toEqual([
    expect.stringContaining('main.ts:1'),
    expect.stringContaining("main.ts:2  imports 'asofdb/dist/x.js'"),
  ])
})

test('what exists is on the ladder and what is on the ladder exists', () => {
  const found = complaints({
    'ARCHITECTURE.md': law.replace('low\n', 'low\nghost\n'),
    [`${engine}/later/d.ts`]: 'export {}\n',
    [`${engine}/other/e.ts`]: 'export {}\n',
  })
  expect(found).toEqual([
    expect.stringContaining("'later' exists: take it out of its parentheses"),
    expect.stringContaining("'other' is not on the ladder"),
    expect.stringContaining("ARCHITECTURE.md:3  the rung 'ghost' names nothing"),
  ])
})

test('a document without the block fails', () => {
  expect(complaints({ 'ARCHITECTURE.md': '# Law\n' })).toHaveLength(1)
})

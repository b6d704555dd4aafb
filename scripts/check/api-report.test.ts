import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkApi, describeApi, reportPath } from './api-report.ts'
import { withFiles } from './fixture.ts'

const entry = 'packages/asofdb/dist/index.d.ts'
const files = {
  [entry]: "export { B } from './b.ts'\nexport declare const a: 1\n",
  'packages/asofdb/dist/b.d.ts':
    'interface Inner {\n  x: 1\n}\n/** Prose. */\nexport declare class B {\n' +
    '  #secret\n  private hidden\n  /** More. */\n  get(inner: Inner): string\n}\nexport {}\n',
}

test('the report holds every exported name with its members and nothing private', () => {
  const report = withFiles(files, (root) => describeApi(join(root, entry)))
  expect(report).toContain('### B\n\n```ts\nclass B {\n    get(inner: Inner): string;\n}\n```')
  expect(report).toContain('### a\n\n```ts\nconst a: 1;\n```')
  expect(report).not.toMatch(/secret|hidden|Prose|More/)
})

test('the report names types that a signature uses and nobody can import', () => {
  const report = withFiles(files, (root) => describeApi(join(root, entry)))
  expect(report).toContain('## Named in signatures, not exported\n\n- `Inner`\n')
})

test('a changed signature fails with the line of the report', () => {
  const committed = withFiles(files, (root) => describeApi(join(root, entry)))
  const same = withFiles({ ...files, [reportPath]: committed }, checkApi)
  expect(same.findings).toEqual([])
  const changed = committed.replace('const a: 1', 'const a: 2')
  const line = committed.split('\n').indexOf('const a: 1;') + 1
  const { findings } = withFiles({ ...files, [reportPath]: changed }, checkApi)
  expect(findings).toMatchObject([{ file: reportPath, line }])
})

test('the report holds the further entries of the package', () => {
  const further = 'packages/asofdb/dist/opentelemetry.d.ts'
  const all = { ...files, [further]: 'export declare function observe(): void\n' }
  const message = 'this line should be: ## Entry asofdb/opentelemetry'
  const committed = withFiles(files, (root) => describeApi(join(root, entry)))
  const { findings } = withFiles({ ...all, [reportPath]: `${committed}\n` }, checkApi)
  expect(findings).toEqual([expect.objectContaining({ message: expect.stringContaining(message) })])
})

test('a missing build fails', () => {
  expect(withFiles({}, checkApi).findings).toMatchObject([{ file: entry }])
})

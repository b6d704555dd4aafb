import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { checkExamples, findExamples } from './examples.ts'
import { withFiles } from './fixture.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))

function check(readme: string): string[] {
  const files = {
    'README.md': readme,
    'packages/asofdb/package.json':
      '{ "name": "asofdb", "type": "module", "types": "./dist/index.d.ts", ' +
      '"exports": "./dist/index.js" }',
    'packages/asofdb/dist/index.js': 'export const answer = 42\n',
    'packages/asofdb/dist/index.d.ts': 'export declare const answer: number\n',
  }
  return withFiles(files, (root) => {
    symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'), 'junction')
    return checkExamples(root).findings.map(({ line, message }) => `${line} ${message}`)
  })
}

const block = (code: string, mark = ''): string => `# A\n\n\`\`\`ts${mark}\n${code}\n\`\`\`\n`
const use = "import { answer } from 'asofdb'\n"

test('an example that runs passes', () => {
  expect(check(block(`${use}if (answer !== 42) throw new Error('wrong')`))).toEqual([])
})

test('an example with a wrong type fails at its line in the document', () => {
  const found = check(block(`${use}const a: string = answer\nconsole.log(a)`))
  expect(found).toEqual([expect.stringMatching(/^5 TS2322/)])
})

test('an example that throws fails, unless it is marked no-run', () => {
  const code = `${use}throw new Error('wrong ' + answer)`
  expect(check(block(code))).toEqual([expect.stringContaining('4 the example fails')])
  expect(check(block(code, ' no-run'))).toEqual([])
})

test('in other documents only blocks marked run are examples', () => {
  const text = `${block('1')}${block('2', ' run')}`
  expect(findExamples({ path: 'docs/a.md', text })).toMatchObject([{ code: '2\n', isRun: true }])
})

import { expect, it } from 'vitest'
import { examplesOf, printedLines, promisedLines } from './example.ts'

/** The code of the first example of a document. */
function firstExample(path: string): string {
  const [code] = examplesOf(path, 'ts')
  if (code === undefined) throw new Error(`${path} has no example`)
  return code
}

it('the example of the README prints what its comments say', async () => {
  const code = firstExample('README.md')
  const printed = await printedLines(code)
  expect(printed.length).toBeGreaterThan(0)
  expect(printed).toEqual(promisedLines(code))
})

it('the engine shows the example of the README', () => {
  expect(firstExample('packages/asofdb/README.md')).toBe(firstExample('README.md'))
})

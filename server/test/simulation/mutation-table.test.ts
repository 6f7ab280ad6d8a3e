import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { mutations, ruleTests } from './mutation-table.ts'

const ROOT = resolve(import.meta.dirname, '../../..')

it('the mutations fit the sources as they are: each text is found once', () => {
  const misfits: string[] = []
  for (const { does, edits } of mutations)
    for (const { file, from } of edits) {
      const path = join(ROOT, file)
      const count = existsSync(path) ? readFileSync(path, 'utf8').split(from).length - 1 : -1
      if (count !== 1) misfits.push(`${does}: ${count < 0 ? 'no file' : count} in ${file}: ${from}`)
    }
  expect(misfits).toEqual([])
})

it('the tests that hold a mutation are there', () => {
  const tests = ruleTests.map((file) => readFileSync(join(ROOT, file), 'utf8')).join('\n')
  // One of `it.each` has a gap in its title.
  const titles = Array.from(tests.matchAll(/'((?:OB|FE)\d[^'\n]*)'/g), ([, title = '']) =>
    title.split('%s'),
  )
  const isThere = (test: string): boolean =>
    titles.some(([start = '', end = '']) => test.startsWith(start) && test.endsWith(end))
  const missing = mutations.flatMap(({ test }) => (test && !isThere(test) ? [test] : []))
  expect(missing).toEqual([])
})

import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const spec = readFileSync(`${root}/docs/spec.md`, 'utf8')

/** `TR1-TR4, TR22` as single ids. */
function idsOf(heading: string): string[] {
  return heading.split(',').flatMap((part) => {
    const [, prefix = '', first = '', last = first] =
      /^\s*([A-Z]{2})(\d+)(?:-(?:[A-Z]{2})?(\d+))?\s*$/.exec(part) ?? []
    const count = Number(last) - Number(first) + 1
    return Array.from({ length: count }, (_, index) => `${prefix}${Number(first) + index}`)
  })
}

const rules = [...spec.matchAll(/^- \*\*([A-Z]{2}\d[^*]*)\*\*/gm)].flatMap(([, ids = '']) => {
  return idsOf(ids)
})

function testsOf(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return files.filter((file) => file.endsWith('.ts')).map((file) => `${folder}/${file}`)
}

/** Ids at the beginning of a test's title, each with a file that cites it. */
const cited = new Map<string, string>()
const examples = readdirSync(`${root}/examples`).map((name) => `examples/${name}`)
const folders = ['protocol', 'server', 'client', ...examples].map((name) => `${name}/test`)
// The suites that every implementation of a seam runs are exported, and so stand among the sources.
for (const folder of [...folders, 'server/src/testing/contracts'])
  for (const file of testsOf(`${root}/${folder}`)) {
    const text = readFileSync(file, 'utf8')
    for (const [, ids = ''] of text.matchAll(/[`'"]\[?((?:[A-Z]{2}\d+[,:\]]?\s?)+)/g))
      for (const [id] of ids.matchAll(/[A-Z]{2}\d+/g)) cited.set(id, file)
  }

test('each rule of docs/spec.md has a number of its own', () => {
  expect(rules.length).toBeGreaterThan(200)
  expect(rules.filter((id, index) => rules.indexOf(id) !== index)).toEqual([])
})

test('each rule of docs/spec.md is cited by a test', () => {
  expect(rules.filter((id) => !cited.has(id))).toEqual([])
})

test('what tests cite is a rule of docs/spec.md', () => {
  const prefixes = new Set(rules.map((id) => id.slice(0, 2)))
  const unknown = [...cited].filter(([id]) => prefixes.has(id.slice(0, 2)) && !rules.includes(id))
  expect(unknown).toEqual([])
})

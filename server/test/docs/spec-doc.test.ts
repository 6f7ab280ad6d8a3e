import { readFileSync, readdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const spec = readFileSync(`${root}/docs/spec.md`, 'utf8')

/** The longest rule, in words without its file: a longer one is several rules. */
const MAX_WORDS = 70

/** Each bullet that is a rule: its heading, and its text up to the next line that is not part of it. */
const bullets = [...spec.matchAll(/^- \*\*([A-Z]{2}\d[^*]*)\*\* (.*(?:\n {2}.*)*)/gm)].map(
  ([, heading = '', text = '']) => ({ heading, text }),
)

const rules = bullets.map(({ heading }) => heading)

/** Paths from the root of the repository in backticks, whether there is such a file or not. */
const PATH = /`([\w.-]+(?:\/[\w.-]+)*(?:\.(?:ts|mjs|js|json|css)|\/))`/g

function filesOf(text: string): string[] {
  return [...text.matchAll(PATH)].map(([, path = '']) => path)
}

function isFile(path: string): boolean {
  return statSync(`${root}/${path}`, { throwIfNoEntry: false })?.isFile() ?? false
}

function testsOf(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })) return []
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return files.filter((file) => file.endsWith('.ts')).map((file) => `${folder}/${file}`)
}

/** Ids at the beginning of a test's title, each with a file that cites it. */
const cited = new Map<string, string>()
const examples = readdirSync(`${root}/examples`).map((name) => `examples/${name}`)
const folders = ['protocol', 'server', 'client', 'loadtest', ...examples].map(
  (name) => `${name}/test`,
)
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

test('each bullet of docs/spec.md is one rule', () => {
  expect(rules.filter((heading) => !/^[A-Z]{2}\d+$/.test(heading))).toEqual([])
})

test('each rule of docs/spec.md names exactly one file, which exists', () => {
  const wrong = bullets.filter(({ text }) => {
    const [file, ...others] = filesOf(text)
    return file === undefined || others.length > 0 || !isFile(file)
  })
  expect(wrong.map(({ heading, text }) => [heading, ...filesOf(text)])).toEqual([])
})

test('a rule of docs/spec.md is no essay', () => {
  const long = bullets.filter(({ text }) => {
    return text.replace(PATH, '').trim().split(/\s+/).length > MAX_WORDS
  })
  expect(long.map(({ heading }) => heading)).toEqual([])
})

test('each rule of docs/spec.md is cited by a test', () => {
  expect(rules.filter((id) => !cited.has(id))).toEqual([])
})

test('what tests cite is a rule of docs/spec.md', () => {
  const prefixes = new Set(rules.map((id) => id.slice(0, 2)))
  const unknown = [...cited].filter(([id]) => prefixes.has(id.slice(0, 2)) && !rules.includes(id))
  expect(unknown).toEqual([])
})

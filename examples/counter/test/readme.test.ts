import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { findPages } from './docs/blocks.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const readme = read('README.md')

describe('README.md', () => {
  const shown = [...readme.matchAll(/^`(examples\/\S+\.ts)`\n\n```ts\n([\s\S]*?)^```$/gm)]

  it('shows the contract, the server and the client of the counter', () => {
    expect(shown.map(([, path]) => path)).toEqual([
      'examples/counter/src/game.ts',
      'examples/counter/src/server.ts',
      'examples/counter/src/client.ts',
    ])
  })

  it.each(shown.map(([, path = '', code = '']) => ({ path, code })))(
    'shows $path as it stands',
    ({ path, code }) => {
      expect(code).toBe(read(path))
      expect(code.trimEnd().split('\n').length).toBeLessThanOrEqual(40)
    },
  )

  it('names npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = [...readme.matchAll(/npm (?:run )?(start|test|chat|counter|check|bench)\b/g)]
    expect(named.length).toBeGreaterThan(3)
    for (const [, name] of named) expect(scripts).toHaveProperty(`${name}`)
  })
})

describe('docs/testing.md', () => {
  const page = read('docs/testing.md')
  const shown = [...page.matchAll(/^`(examples\/\S+\.ts)`\n\n```ts\n([\s\S]*?)^```$/gm)]

  it('shows every test of the guide as it stands', () => {
    const folder = 'examples/counter/test/guide'
    const files = readdirSync(join(root, folder)).map((name) => `${folder}/${name}`)
    expect(shown.map(([, path]) => `${path}`).sort()).toEqual(files.sort())
    for (const [, path = '', code] of shown) expect(code, path).toBe(read(path))
  })
})

describe('documents', () => {
  it.each(findPages().filter((page) => page !== 'CHANGELOG.md'))(
    '%s links to files that exist',
    (page) => {
      const links = [...read(page).matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map(([, link]) => link)
      for (const link of links)
        expect(existsSync(join(root, dirname(page), `${link}`)), link).toBe(true)
    },
  )

  it('docs/spec.md names files that exist', () => {
    const files = [
      ...read('docs/spec.md').matchAll(/`((?:protocol|server|client|examples)\/[^`]+)`/g),
    ]
    expect(files.length).toBeGreaterThan(10)
    for (const [, file] of files) expect(existsSync(join(root, `${file}`)), file).toBe(true)
  })

  it('docs/spec.md has every rule that a test names', () => {
    const rules = documentedRules()
    const missing = new Set<string>()
    for (const file of testFiles())
      for (const [, id] of read(file).matchAll(/['"`]([A-Z]{2}\d+)\b[-:, ]/g))
        if (id !== undefined && !rules.has(id)) missing.add(`${id} of ${file}`)
    expect(rules.size).toBeGreaterThan(50)
    expect([...missing]).toEqual([])
  })
})

/** Lists every file of a test folder, from the root. */
function testFiles(): string[] {
  const examples = readdirSync(join(root, 'examples')).map((name) => join('examples', name))
  return ['protocol', 'server', 'client', ...examples]
    .map((folder) => join(folder, 'test'))
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => join(folder, name)),
    )
}

/** Reads the ids at the head of the rules: `**OB1**`. */
function documentedRules(): Set<string> {
  const heads = read('docs/spec.md').matchAll(/^- \*\*([A-Z]{2}\d+)\*\*/gm)
  return new Set([...heads].map(([, id = '']) => id))
}

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const PAGES = ['docs/rooms.md', 'docs/operations.md', 'server/README.md', 'client/README.md']

/** The snippets may use these without saying where they come from. */
const GLOBALS = `
import type { Logger, Server } from '@ringside/server'
import type { game as contract } from './game.js'
declare global {
  const game: typeof contract
  const server: Server<typeof contract>
  const logger: Logger
  const uri: string
  const id: string
}
`

const OPTIONS = {
  extends: '../../tsconfig.test.json',
  // It is as strict as `strict`, and no stricter than a reader's own settings may be.
  compilerOptions: { noUnusedLocals: false, noUnusedParameters: false, allowJs: false },
  include: ['*.ts'],
}

test('documents: every snippet of the guides compiles', () => {
  mkdirSync(join(root, '.cache'), { recursive: true })
  const folder = mkdtempSync(join(root, '.cache', 'snippets-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)
  write('tsconfig.json', JSON.stringify(OPTIONS))
  write('globals.ts', GLOBALS)
  for (const page of PAGES) {
    const text = readFileSync(join(root, page), 'utf8')
    const snippets = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)]
    expect(snippets.length, page).toBeGreaterThan(0)
    for (const [index, [, code = '']] of snippets.entries()) {
      const [, name] = /^\/\/ (\w+\.ts)\n/.exec(code) ?? []
      // Each is a module of its own, whether it imports anything or not.
      write(name ?? `${page.replace(/\W/g, '-')}-${index}.ts`, `${code}\nexport {}\n`)
    }
  }
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, '-p', folder])
  expect(`${String(stdout)}${String(stderr)}`).toBe('')
  expect(status).toBe(0)
}, 120_000)

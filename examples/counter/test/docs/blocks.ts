import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../../..', import.meta.url))

/** A block of code in a page. */
export interface Block {
  /** The page, its heading and the place under it: `docs/rooms.md, Teams, 2`. */
  readonly id: string
  readonly page: string
  readonly language: string
  readonly code: string
  /** Its file, from a line before it (`src/game.ts` in backticks) or from its first line (`// game.ts`). */
  readonly file: string | null
  /** Why it cannot be run, from a comment before it. */
  readonly notRun: string | null
}

/** Every page that a reader may copy code from. */
export function findPages(): string[] {
  const readmes = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !/^(\.|node_modules$)/.test(entry.name))
    .flatMap(({ name }) => readmesOf(name))
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
  return ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...readmes, ...docs].sort()
}

function readmesOf(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return /^(node_modules|dist)$/.test(entry.name) ? [] : readmesOf(path)
    return entry.name === 'README.md' ? [path] : []
  })
}

export function readPage(page: string): string {
  return readFileSync(join(root, page), 'utf8')
}

/** Reads the blocks that name a language; the others are pictures and bytes, which a reader cannot run. */
export function readBlocks(page: string, text: string): Block[] {
  const blocks: Block[] = []
  const counts = new Map<string, number>()
  let heading = 'top'
  const parts =
    /^#+ (.*)$|^((?:<!-- not run: (.*) -->|`([\w./-]+\.\w+)`)\n\n)?```(\w+)\n([\s\S]*?)^```$/gm
  for (const match of text.matchAll(parts)) {
    const [, title, , notRun = null, path = null, language = '', code = ''] = match
    if (title !== undefined) {
      heading = blocks.length === 0 && counts.size === 0 && heading === 'top' ? 'top' : title
      counts.set(heading, counts.get(heading) ?? 0)
      continue
    }
    const count = (counts.get(heading) ?? 0) + 1
    counts.set(heading, count)
    const file = path ?? /^\/\/ ([\w/-]+\.ts)\n/.exec(code)?.[1] ?? null
    blocks.push({ id: `${page}, ${heading}, ${count}`, page, language, code, file, notRun })
  }
  return blocks
}

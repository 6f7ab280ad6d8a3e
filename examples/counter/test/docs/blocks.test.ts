import { randomInt } from 'node:crypto'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { findPages, readBlocks, readPage, root } from './blocks.ts'
import type { Block } from './blocks.ts'
import { plays } from './plays.ts'
import type { Run } from './plays.ts'

/** What the blocks may use without saying where it comes from. */
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
  include: ['**/*.ts'],
}

/** These pages' blocks are whole projects, which tests of their own carry out as a reader would. */
const PROJECTS: Readonly<Record<string, string>> = {
  'docs/guide.md': 'examples/counter/test/docs/guide.browser.test.ts',
  'docs/deploying.md': 'examples/counter/test/docs/deploying.test.ts',
}

/** Single blocks that are carried out elsewhere. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'docs/operations.md, Behind a proxy, under a path, 1':
    'examples/counter/test/docs/deploying.test.ts',
}

const blocks = findPages().flatMap((page) => readBlocks(page, readPage(page)))
/** A block that is shown from a file is that file (readme.test.ts), which runs where it is. */
const isFile = ({ file }: Block): boolean => file?.startsWith('examples/') === true
const loose = blocks.filter(
  (block) => !(block.page in PROJECTS) && !(block.id in ELSEWHERE) && !isFile(block),
)
const typescript = loose.filter(({ language }) => language === 'ts')

describe('TK19 every block of code in the documents is compiled and run', () => {
  let folder = ''
  beforeAll(() => {
    folder = newFolder()
  })
  afterAll(() => rmSync(folder, { recursive: true }))
  beforeEach(() => void vi.restoreAllMocks())

  it('there are blocks, each with a way to run it, and each way has its block', () => {
    expect(blocks.length).toBeGreaterThan(25)
    const runnable = loose.filter(({ notRun }) => notRun === null).map(({ id }) => id)
    expect(Object.keys(plays).sort()).toEqual(runnable.sort())
    for (const [place, file] of Object.entries({ ...PROJECTS, ...ELSEWHERE })) {
      expect(blocks.filter(({ page, id }) => page === place || id === place)).not.toEqual([])
      expect(existsSync(join(root, file)), file).toBe(true)
    }
  })

  it('those that are not run say why, and are these', () => {
    const left = blocks.filter(({ notRun }) => notRun !== null)
    expect(left.map(({ id, notRun }) => `${id}: ${notRun}`)).toEqual([
      'README.md, Run it, 1: npm test is what runs this; the arena has tests of its own',
      'docs/deploying.md, The process, 2: there is no Docker where the tests run',
      'docs/deploying.md, Caddy, 1: there is no Caddy where the tests run',
      'protocol/interop/README.md, top, 1: protocol/interop has tests of its own',
      'server/README.md, uWebSockets.js, 1: it installs from GitHub',
    ])
  })

  it('compiles', () => {
    for (const block of typescript) write(folder, block)
    writeFileSync(join(folder, 'globals.ts'), GLOBALS)
    expect(compile(folder)).toBe('')
  }, 120_000)

  it.each(loose.filter(({ notRun }) => notRun === null))(
    '$id runs',
    async (block) => {
      const play = plays[block.id]
      if (!play) throw new Error(`Expected a way to run ${block.id}`)
      await carryOut(block, play)
    },
    60_000,
  )
})

describe('TK20 a block that is wrong is found', () => {
  const page = (code: string): Block[] =>
    readBlocks('page.md', `# Page\n\n\`\`\`ts\n${code}\n\`\`\`\n`)

  it('one that does not compile', () => {
    const folder = newFolder()
    onTestFinished(() => rmSync(folder, { recursive: true }))
    for (const block of page("import { connekt } from '@ringside/client'")) write(folder, block)
    expect(compile(folder)).toContain("no exported member named 'connekt'")
  }, 60_000)

  it('one that compiles and does not work: an onEvent that waits for snapshots', async () => {
    const id = 'client/README.md, top, 5'
    const block = typescript.find((one) => one.id === id)
    const code = String(block?.code)
    const broken = code
      .replace('state: watched,', '')
      .replace('onEvent(event) {', '$& watched.apply(event as never)')
    expect(broken).not.toBe(code)
    const play = plays[id]
    if (!block || !play) throw new Error(`Expected ${id}`)
    await expect(carryOut({ ...block, code: broken }, play)).rejects.toThrow()
  }, 60_000)

  it('one that throws', async () => {
    const [block] = page("throw new Error('no such thing')")
    if (!block) throw new Error('Expected a block')
    await expect(carryOut(block, async (run) => void (await run.load()))).rejects.toThrow('no such')
  })

  it('a block in a page under a heading is told apart from the next', () => {
    const text =
      '# A\n\n```ts\n1\n```\n\n## B\n\n<!-- not run: no -->\n\n```sh\nls\n```\n\n`x/y.ts`\n\n```ts\n2\n```\n'
    expect(readBlocks('p', text)).toMatchObject([
      { id: 'p, top, 1', language: 'ts', notRun: null, file: null },
      { id: 'p, B, 1', language: 'sh', notRun: 'no' },
      { id: 'p, B, 2', file: 'x/y.ts', code: '2\n' },
    ])
  })
})

/** A folder in the repository, so that its modules find the packages. */
function newFolder(): string {
  mkdirSync(join(root, '.cache'), { recursive: true })
  return mkdtempSync(join(root, '.cache', 'blocks-'))
}

/** Writes a block as a module of its own, whether it imports anything or not, and says which file it is. */
function write(folder: string, { id, code, file }: Block): string {
  const name = file ?? `${id.replace(/\W+/g, '-')}.ts`
  writeFileSync(join(folder, name), `${code}\nexport {}\n`)
  return join(folder, name)
}

function compile(folder: string): string {
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(OPTIONS))
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout, stderr } = spawnSync(process.execPath, [compiler, '-p', folder])
  return `${String(stdout)}${String(stderr)}`
}

/** Runs one block beside those that are named files, on free ports in the place of those that it names. */
async function carryOut(block: Block, play: (run: Run) => Promise<void>): Promise<void> {
  const folder = newFolder()
  const ports = { own: await freePort(), other: await freePort() }
  const here = (text: string): string =>
    text
      .replaceAll('https://arena.example', `http://127.0.0.1:${ports.own}`)
      .replace(/(?<=localhost:|127\.0\.0\.1:|port: )8080/g, `${ports.own}`)
      .replace(/(?<=localhost:)9000/g, `${ports.other}`)
  const lines: unknown[][] = []
  const print = vi.spyOn(console, 'log').mockImplementation((...line) => void lines.push(line))
  const endings: (() => Promise<void> | void)[] = []
  try {
    for (const named of typescript) if (named.file !== null) write(folder, named)
    const names = [...block.code.matchAll(/^(?:const|function) (\w+)/gm)].map(([, name]) => name)
    const exported = block.language === 'ts' ? `\nexport { ${names.join(', ')} }\n` : ''
    const path = write(folder, { ...block, code: `${here(block.code)}${exported}` })
    await play({
      address: `http://127.0.0.1:${ports.own}`,
      otherPort: ports.other,
      port: ports.own,
      lines,
      onEnd: (end) => void endings.push(end),
      load: async (globals = {}) => {
        Object.assign(globalThis, globals)
        endings.push(() => {
          for (const name of Object.keys(globals)) Reflect.deleteProperty(globalThis, name)
        })
        return (await import(/* @vite-ignore */ pathToFileURL(path).href)) as Record<string, never>
      },
      modules: (name) => import(/* @vite-ignore */ pathToFileURL(join(folder, name)).href),
      shell: (replaced = {}) => {
        let command = here(block.code)
        for (const [text, by] of Object.entries(replaced)) command = command.replaceAll(text, by)
        return runShell(command)
      },
    })
  } finally {
    print.mockRestore()
    for (const end of endings.reverse()) await end()
    rmSync(folder, { recursive: true })
  }
}

/** Runs a command as it stands in a page; `curl -N` never ends, so that it is ended after a while. */
function runShell(command: string): Promise<string> {
  const seconds = command.startsWith('curl -N') ? 3 : 30
  const child = spawn('timeout', [`${seconds}`, 'bash', '-c', command], { cwd: root })
  let output = ''
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  return new Promise((resolve) => child.on('close', () => resolve(output)))
}

/** Below the range from which the system takes ports of its own, so that nobody is given it before it is used. */
const PORTS = { first: 20_000, count: 12_000 }

async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.first + randomInt(PORTS.count)
    const server = createHttpServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('listening', () => resolve(true))
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1')
    })
    if (!isFree) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}

import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { mutations, ruleTests } from './mutation-table.ts'
import type { Mutation } from './mutation-table.ts'

const ROOT = resolve(import.meta.dirname, '../../..')
const COPIED = ['protocol/src', 'protocol/package.json', 'server/src', 'server/package.json']

/**
 * Breaks each rule on purpose, in a copy of the sources, and runs the simulation until a seed goes red, or the
 * one test that holds the guard: `--seeds 2000` for each (default), `--only <text>` for those whose rule or description holds the text.
 * Prints the table of docs/spec.md; exit code 1 if a mutation survives or its text is no longer there.
 */
async function main(): Promise<void> {
  const only = argument('--only') ?? ''
  const seedCount = Number(argument('--seeds') ?? 2_000)
  const chosen = mutations.filter(({ rule, does }) => `${rule} ${does}`.includes(only))
  let survived = 0
  console.log('| rule | mutation | caught by | seen as |')
  console.log('| ---- | -------- | --------- | ------- |')
  // Two at a time: most end with the first seeds.
  const running: Promise<Caught | null>[] = []
  for (const [index, mutation] of chosen.entries()) {
    for (const ahead of chosen.slice(running.length, index + 2))
      running.push(tryOut(ahead, seedCount))
    const caught = await running[index]
    if (!caught) survived++
    const verdict = caught ? `${caught.by} | ${caught.seenAs}` : `**none of ${seedCount}** |`
    console.log(`| ${mutation.rule} | ${mutation.does} | ${verdict} |`)
  }
  console.log(`\n${chosen.length - survived} of ${chosen.length} mutations were caught`)
  process.exitCode = survived === 0 ? 0 : 1
}

interface Caught {
  /** A seed, or the test. */
  readonly by: string
  /** The rule whose check went red. */
  readonly seenAs: string
}

async function tryOut(mutation: Mutation, seedCount: number): Promise<Caught | null> {
  const folder = await mkdtemp(join(tmpdir(), 'ringside-mutation-'))
  try {
    for (const path of COPIED) await cp(join(ROOT, path), join(folder, path), { recursive: true })
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    await mkdir(join(folder, 'server/node_modules'), { recursive: true })
    await cp(join(ROOT, 'server/test'), join(folder, 'server/test'), { recursive: true })
    await cp(join(ROOT, 'vitest.config.ts'), join(folder, 'vitest.config.ts'))
    await cp(join(ROOT, 'tsconfig.base.json'), join(folder, 'tsconfig.json'))
    for (const name of ['tsconfig.base.json', 'tsconfig.test.json'])
      await cp(join(ROOT, name), join(folder, name))
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
    for (const { file, from, to } of mutation.edits) {
      const text = await readFile(join(folder, file), 'utf8')
      if (text.split(from).length !== 2)
        throw new Error(`Expected once in ${file}, for '${mutation.does}': ${from}`)
      await writeFile(
        join(folder, file),
        text.replace(from, () => to),
      )
    }
    const { test } = mutation
    return test === undefined
      ? await simulate(folder, seedCount, mutation)
      : await runTest(folder, test)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function simulate(
  folder: string,
  seedCount: number,
  { isRestored, isPublished }: Mutation,
): Promise<Caught | null> {
  const script = join(folder, 'server/test/simulation/run.ts')
  const range = ['--seeds', String(seedCount)]
  const kind = [...(isRestored ? ['--restores'] : []), ...(isPublished ? ['--publishes'] : [])]
  const flags = ['--conditions=source', '--import', 'tsx', script, ...range, ...kind, '--stop']
  const { code, output } = await run(folder, flags)
  const found = /^seed (\d+) FAILED ([^:]+):/m.exec(output)
  if (found) return { by: found[1] ?? '', seenAs: found[2] ?? '' }
  if (code !== 0) throw new Error(`The simulation did not run:\n${output}`)
  return null
}

/** Red for the one test, and for nothing else: a copy that does not run catches nothing. */
async function runTest(folder: string, title: string): Promise<Caught | null> {
  const report = join(folder, 'report.json')
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
  const choice = [
    '--root',
    folder,
    ...ruleTests,
    '-t',
    title,
    '--reporter=json',
    `--outputFile=${report}`,
  ]
  const { output } = await run(folder, [vitest, 'run', ...choice])
  const { testResults } = JSON.parse(await readFile(report, 'utf8')) as VitestReport
  const found = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find((result) => result.title === title)
  if (found?.status !== 'failed' && found?.status !== 'passed')
    throw new Error(`The test '${title}' did not run:\n${output}`)
  return found.status === 'failed' ? { by: 'its test', seenAs: title.split(' ')[0] ?? '' } : null
}

interface VitestReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[]
  }[]
}

async function run(folder: string, args: readonly string[]): Promise<Run> {
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const code = await new Promise<number | null>((done) => child.on('close', done))
  return { code, output }
}

interface Run {
  readonly code: number | null
  readonly output: string
}

function argument(name: string): string | undefined {
  const at = process.argv.indexOf(name)
  return at < 0 ? undefined : process.argv[at + 1]
}

await main()

// Every result is reported with this head, into the file that keeps them.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const file = fileURLToPath(new URL('../../docs/results/bench.md', import.meta.url))
const HEAD = `# Benchmarks

Written by \`npm run bench -- --write\`, or with names of benchmarks before \`--write\`; the section of a benchmark is
replaced when it is run. What is compared was run side by side, on one machine: the ratios are what counts.
`

/** Makes lines of markdown: the machine, its load, the commit, the day. */
export function machineFacts() {
  const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout?.trim()
  const isChanged =
    git('status', '--porcelain', '--untracked-files=no', '--', ':!docs/results') !== ''
  const cpu = `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}`
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`
  return [
    `- machine: ${cpu}, ${memory}, Node.js ${process.versions.node}; load before the run ${loadavg()[0].toFixed(1)}`,
    `- commit: ${git('rev-parse', '--short', 'HEAD') || 'unknown'}${isChanged ? ', with changes' : ''}`,
    `- date: ${new Date().toISOString().slice(0, 10)}`,
  ]
}

/** Puts a section into the file, in place of the one of that name; sections are in the order of their names. */
export function writeSection({ name, facts, table }) {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const sections = new Map(
    text
      .split(/^## /m)
      .slice(1)
      .map((section) => [section.slice(0, section.indexOf('\n')).trim(), `## ${section.trim()}\n`]),
  )
  sections.set(name, `## ${name}\n\n${facts.join('\n')}\n\n${table}\n`)
  const inOrder = [...sections].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, section]) => section)
  writeFileSync(file, [HEAD, ...inOrder].join('\n'))
}

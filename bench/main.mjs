// Runs the benchmarks beside this file and prints a markdown table of each: npm run bench [-- name ...] [--write]
// `--write` puts the tables into docs/results/bench.md too, in place of those of an earlier run.
// Each exports `run(): Promise<Row[]>`, a row being {name, ours, bare, ratio, bar}; or `columns` of its own, and rows
// {name, values, ratio, bar, notes}.
import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { machineFacts, writeSection } from './parts/report.mjs'

/** These take minutes, or gigabytes, and run only when they are named, and so not in CI. */
const ONLY_BY_NAME = new Set(['flat', 'publish', 'streams'])
const COLUMNS = ['what', 'ours', 'bare', 'ours / bare', 'bar']

const folder = new URL('./', import.meta.url)
const all = readdirSync(fileURLToPath(folder))
  .filter((file) => file.endsWith('.mjs') && file !== 'main.mjs')
  .map((file) => file.replace('.mjs', ''))
  .sort()
const { values: flags, positionals } = parseArgs({
  options: { write: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const unknown = positionals.filter((name) => !all.includes(name))
if (unknown.length > 0) {
  console.error(`bench: expected some of ${all.join(', ')}, got '${unknown.join("', '")}'`)
  process.exit(1)
}
const names = all.filter((name) =>
  positionals.length === 0 ? !ONLY_BY_NAME.has(name) : positionals.includes(name),
)

for (const fact of machineFacts()) console.log(fact)
let hasFailed = false
for (const name of names) {
  // The load is read before the run, which is a load itself.
  const facts = machineFacts()
  const { run, columns = COLUMNS } = await import(new URL(`${name}.mjs`, folder).href)
  console.log(`\n## ${name}\n`)
  try {
    const rows = await run()
    // A table without rows would pass for one that was measured.
    if (rows.length === 0) throw new Error('it measured nothing')
    const table = tableOf(columns, rows)
    console.log(table)
    if (flags.write) writeSection({ name, facts: [...facts, commandOf(name)], table })
  } catch (error) {
    hasFailed = true
    console.error(`bench: ${name}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
// A benchmark may leave servers of other libraries open.
process.exit(hasFailed ? 1 : 0)

function commandOf(name) {
  const settings = Object.entries(process.env).filter(([key]) => key.startsWith('BENCH_'))
  const prefix = settings.map(([key, value]) => `${key}=${value} `).join('')
  return `- command: \`${prefix}npm run bench -- ${name}\``
}

/** A markdown table whose columns line up, as the formatter would leave it. */
function tableOf(columns, rows) {
  const cells = rows.map(({ name, ours, bare, values = [ours, bare], ratio, bar, notes = [] }) =>
    [name, ...values, ratio, bar, ...notes].map(shown),
  )
  for (const row of cells)
    if (row.length !== columns.length) throw new Error(`expected a cell for each of '${columns}'`)
  const isNumber = columns.map((_, at) =>
    rows.some(({ values = [0, 0] }) => at > 0 && at <= values.length + 1),
  )
  const widths = columns.map((title, at) =>
    Math.max(3, title.length, ...cells.map((row) => row[at].length)),
  )
  const line = (row) =>
    `| ${row.map((cell, at) => (isNumber[at] ? cell.padStart(widths[at]) : cell.padEnd(widths[at]))).join(' | ')} |`
  const rule = widths.map((width, at) =>
    isNumber[at] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  )
  return [line(columns), line(rule), ...cells.map(line)].join('\n')
}

function shown(value) {
  if (typeof value !== 'number') return value ?? ''
  if (!Number.isFinite(value)) throw new Error(`expected a number, got ${value}`)
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(2)
}

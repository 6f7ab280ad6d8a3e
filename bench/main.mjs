// Runs every bench/*.mjs beside this file (each exports `run(): Promise<Row[]>`, a row being
// {name, ours, bare, ratio, bar}) and prints one markdown table. `npm run bench [-- name ...]`.
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

const folder = new URL('./', import.meta.url)
const wanted = process.argv.slice(2)
const files = readdirSync(fileURLToPath(folder))
  .filter((file) => file.endsWith('.mjs') && file !== 'main.mjs')
  .filter((file) => wanted.length === 0 || wanted.includes(file.replace('.mjs', '')))
  .sort()

console.log(`Machine: ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${gib(totalmem())} GiB`)
console.log(
  `Node ${process.version}, commit ${commit()}, ${new Date().toISOString().slice(0, 10)}\n`,
)
console.log('| what | ours | bare | ours / bare | bar |')
console.log('|---|---:|---:|---:|---|')
for (const file of files) {
  const { run } = await import(new URL(file, folder).href)
  for (const row of await run()) {
    const { name, ours, bare, ratio, bar } = row
    console.log(`| ${name} | ${shown(ours)} | ${shown(bare)} | ${shown(ratio)} | ${bar ?? ''} |`)
  }
}
// A benchmark may leave servers of other libraries open.
process.exit(0)

function shown(value) {
  if (typeof value !== 'number') return value ?? ''
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(2)
}

function gib(bytes) {
  return (bytes / 2 ** 30).toFixed(1)
}

function commit() {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: folder }).toString().trim()
  } catch {
    return 'unknown'
  }
}

// The long fault runs: a real replica set that is killed, stopped, cut off and filled up, and the simulation with
// many seeds. Writes docs/results/faults.md. Usage: npm run faults [-- --divide 10] [--only 'kill -9'] [--seeds n]
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const options = {
  divide: { type: 'string', default: '1' },
  only: { type: 'string', default: '' },
  seeds: { type: 'string', default: '20000' },
}
const { values } = parseArgs({ options })
const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' })

const results = [
  '# Fault runs',
  '',
  'Written by `npm run faults`. Ten rooms write 500 events a second on a real replica set while the fault happens.',
  'What the writer had acknowledged is compared with what the tails of the writer and of other processes showed, and',
  'with the log read by pages: nothing may be missing, doubled or out of order. The stall is the longest time in which',
  'any of them was shown nothing new.',
  '',
  `- machine: ${cpus().length} x ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB, Node.js ${process.versions.node}`,
  `- commit: ${commit.stdout.trim() || 'unknown'}`,
  `- date: ${new Date().toISOString().slice(0, 10)}`,
  `- command: \`npm run faults${values.divide === '1' ? '' : ` -- --divide ${values.divide}`}\``,
  '',
]
let failed = 0

await part('Replica set', join('server', 'test', 'faults', 'main.ts'), [
  `--divide=${values.divide}`,
  `--only=${values.only}`,
])
if (values.only === '') {
  await part('Simulation', join('server', 'test', 'simulation', 'run.ts'), [
    '--seeds',
    values.seeds,
  ])
  await part('Mutations', join('server', 'test', 'simulation', 'mutations.ts'), [])
}

const text = `${results.join('\n').trimEnd()}\n`
if (values.only === '') {
  mkdirSync(join(root, 'docs', 'results'), { recursive: true })
  writeFileSync(join(root, 'docs', 'results', 'faults.md'), text)
}
console.log(text)
process.exitCode = failed > 0 ? 1 : 0

/** Runs one script from source; what it prints is its section. */
async function part(title, script, args) {
  if (!existsSync(join(root, script))) return
  const flags = ['--conditions=source', '--import', 'tsx']
  const child = spawn(process.execPath, [...flags, script, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const forward = (signal) => child.kill(signal)
  process.on('SIGINT', forward).on('SIGTERM', forward)
  let out = ''
  child.stdout.on('data', (chunk) => {
    out += String(chunk)
    process.stderr.write(chunk)
  })
  const [code, signal] = await once(child, 'close')
  process.off('SIGINT', forward).off('SIGTERM', forward)
  if (code !== 0) failed++
  // Progress of the simulation is for whoever waits.
  const lines = out.split('\n').filter((line) => !/^\d+ of \d+ seeds/.test(line))
  results.push(`## ${title}`, '', lines.join('\n').trim(), '')
  if (code !== 0) results.push(`**Failed with ${code ?? signal}.**`, '')
}

// Makes the working copy runnable: packages, TypeScript, the arena's pages. Does only what is missing
// or stale. Usage: node scripts/prepare.mjs <arena|chat|counter|loadtest|protocol|server|client|all|packages>.
// Plain Node, for it runs before anything is installed; `npm pack` runs it too.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const modules = join(root, 'node_modules')
const lockfile = join(root, 'package-lock.json')
const installedMark = join(modules, '.ringside-lock')
const examples = ['arena', 'chat', 'counter']
const libraries = ['protocol', 'server', 'client']
const targets = [...examples, 'loadtest', ...libraries, 'all', 'packages']

/** Longest wait for another prepare in the same folder, in ms. */
const maxWaitMs = 600_000

class Failure extends Error {}

const isPacking = process.env.npm_lifecycle_event === 'prepack'

/** The settings of the npm that runs us say how it packs (`--workspaces`, `--dry-run`), not how to install. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !isPacking || !/^npm_config_/i.test(name)),
)

const target = process.argv[2] ?? 'all'
try {
  prepare()
} catch (error) {
  if (!(error instanceof Failure)) throw error
  console.error(`prepare: ${error.message}`)
  process.exitCode = 1
}

function prepare() {
  if (!targets.includes(target))
    throw new Failure(`expected one of ${targets.join(', ')}, got '${target}'`)
  checkNode()
  const endTurn = takeTurn()
  try {
    install()
    if (target === 'packages') return
    compile()
    if (target === 'arena' || target === 'all') buildPages()
  } finally {
    endTurn()
  }
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 11)) return
  throw new Failure(`Node.js 20.11 or newer is needed, this is ${process.versions.node}`)
}

/** Runs `npm ci` when the packages are missing or were installed from another lock file. */
function install() {
  const hash = createHash('sha256').update(readFileSync(lockfile)).digest('hex')
  if (readIfThere(installedMark) === hash) return
  // npm writes its own copy of the lock file at the end of an install: somebody ran npm by hand.
  const installed = join(modules, '.package-lock.json')
  const isFresh = existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockfile).mtimeMs
  if (!isFresh) {
    say('installing packages (npm ci)')
    run('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error'])
  }
  writeFileSync(installedMark, hash)
}

/** Runs tsc -b, which finds stale parts by itself. */
function compile() {
  const own = target === 'loadtest' ? target : join('examples', target)
  const isProgram = target === 'loadtest' || examples.includes(target)
  const projects = isProgram ? [...libraries, own] : libraries.includes(target) ? [target] : []
  const begun = Date.now()
  run(process.execPath, [join(modules, 'typescript', 'bin', 'tsc'), '-b', ...projects])
  if (Date.now() - begun > 1500) say(`compiled TypeScript in ${seconds(begun)}`)
}

/** Runs Vite when a source of the pages differs from those the last build was made of. */
function buildPages() {
  const arena = join(root, 'examples', 'arena')
  const mark = join(arena, 'dist', 'web', '.sources')
  const hash = hashOf([
    join(arena, 'src', 'web'),
    join(arena, 'src', 'shared'),
    join(arena, 'vite.config.ts'),
    join(root, 'protocol', 'src'),
    join(root, 'client', 'src'),
    lockfile,
  ])
  if (readIfThere(mark) === hash) return
  const begun = Date.now()
  say('building the pages of the arena (vite)')
  const vite = [join(modules, 'vite', 'bin', 'vite.js'), 'build', '--logLevel', 'error']
  run(process.execPath, vite, arena)
  writeFileSync(mark, hash)
  say(`built the pages in ${seconds(begun)}`)
}

function hashOf(paths) {
  const hash = createHash('sha256')
  const add = (path) => {
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat?.isDirectory()) for (const name of readdirSync(path).sort()) add(join(path, name))
    else if (stat) hash.update(`${relative(root, path)}\0`).update(readFileSync(path))
  }
  for (const path of paths) add(path)
  return hash.digest('hex')
}

/** Lets two commands that start together (arena and chat) take turns. Returns the function that ends the turn. */
function takeTurn() {
  const turn = join(root, '.cache', 'prepare')
  mkdirSync(dirname(turn), { recursive: true })
  for (const begun = Date.now(); ;) {
    try {
      writeFileSync(turn, String(process.pid), { flag: 'wx' })
      return () => rmSync(turn, { force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const owner = Number(readIfThere(turn))
    if (!isAlive(owner)) rmSync(turn, { force: true })
    else if (Date.now() - begun > maxWaitMs)
      throw new Failure(`process ${owner} prepares for over ten minutes; end it or remove ${turn}`)
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  }
}

function isAlive(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Runs a command to its end; its failure is ours. Nothing is read from stdin. */
function run(command, args, cwd = root) {
  const isScript = process.platform === 'win32' && command === 'npm'
  const result = spawnSync(command, args, {
    cwd,
    env: environment,
    // What npm prints of a package is the only thing on stdout: `npm pack --json` is read by programs.
    stdio: ['ignore', isPacking ? 2 : 'inherit', 'inherit'],
    shell: isScript,
  })
  if (result.error) throw new Failure(`could not run ${command}: ${result.error.message}`)
  if (result.status !== 0) throw new Failure(`${[command, ...args].join(' ')} failed`)
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

function seconds(begun) {
  return `${((Date.now() - begun) / 1000).toFixed(1)} s`
}

function say(text) {
  if (isPacking) console.error(`prepare: ${text}`)
  else console.log(`prepare: ${text}`)
}

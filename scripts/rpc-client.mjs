// Another implementation of JSON-RPC for tests: python's jsonrpcclient from PyPI, checked by its sha256 and kept
// under .cache, where `python3` finds it by PYTHONPATH.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const VERSION = '4.0.3'
const SHA256 = '3cbb9e27e1be29821becf135ea183144a836215422727e1ffe5056a49a670f0d'

const cacheFolder = join(dirname(dirname(fileURLToPath(import.meta.url))), '.cache')
const installed = join(cacheFolder, `jsonrpcclient-${VERSION}`)

const HINT =
  'Debian and Ubuntu: apt-get install python3 python3-pip. Elsewhere: put a python3 with pip on the PATH.'

/**
 * Gives the folder to put on PYTHONPATH, which is fetched the first time.
 * @throws Error that says what is missing and how to get it.
 */
export function findRpcClient() {
  if (!runs(['--version'])) throw new Error(`python3 was not found. ${HINT}`)
  if (existsSync(join(installed, 'jsonrpcclient'))) return installed
  if (!runs(['-m', 'pip', '--version'])) throw new Error(`python3 has no pip. ${HINT}`)
  mkdirSync(cacheFolder, { recursive: true })
  // It has another name first, for a second process must never see half a package.
  const half = mkdtempSync(join(cacheFolder, 'jsonrpcclient-'))
  try {
    const wanted = join(half, 'requirements.txt')
    writeFileSync(wanted, `jsonrpcclient==${VERSION} --hash=sha256:${SHA256}\n`)
    install(wanted, join(half, 'site'))
    rmSync(installed, { recursive: true, force: true })
    renameSync(join(half, 'site'), installed)
    return installed
  } finally {
    rmSync(half, { recursive: true, force: true })
  }
}

function install(wanted, target) {
  const args = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary=:all:']
  args.push('--require-hashes', '--disable-pip-version-check', '--retries', '1')
  args.push('--target', target, '-r', wanted)
  const { status, stderr, error } = spawnSync('python3', args, {
    encoding: 'utf8',
    timeout: 120_000,
  })
  if (status === 0) return
  const reason = error?.message ?? stderr.trim().split('\n').at(-1) ?? `pip ended with ${status}`
  throw new Error(`jsonrpcclient ${VERSION} could not be installed from PyPI: ${reason}`)
}

function runs(args) {
  return spawnSync('python3', args, { stdio: 'ignore', timeout: 20_000 }).status === 0
}

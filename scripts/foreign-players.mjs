// The players in other languages of protocol/interop, made ready for tests: Python's libraries come from PyPI and are
// kept under .cache, Go's from its module proxy.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const cacheFolder = join(root, '.cache')
const interop = join(root, 'protocol', 'interop')

/** protobuf's own runtime, its compiler, a WebSocket and a reader of feeds; grpcio-tools is here for the compiler alone. */
const PACKAGES = [
  'protobuf==7.36.2',
  'grpcio-tools==1.85.1',
  'websockets==17.4',
  'sseclient-py==1.9.0',
]
const site = join(cacheFolder, 'foreign-python-2')

const PYTHON_HINT =
  'Debian and Ubuntu: apt-get install python3 python3-pip. Elsewhere: put a python3 with pip on the PATH.'
const GO_HINT =
  'Debian and Ubuntu: apt-get install golang-go. Elsewhere: put a go of 1.19 or later on the PATH.'

/**
 * Gives the environment and command of the player in Python; fetches its libraries the first time.
 * @throws Error that says what is missing and how to get it.
 */
export function pythonPlayer() {
  if (!runs('python3', ['-m', 'pip', '--version']))
    throw new Error(`python3 with pip was not found. ${PYTHON_HINT}`)
  if (!existsSync(site)) {
    mkdirSync(cacheFolder, { recursive: true })
    // It has another name first, for a second process must never see half of them.
    const half = mkdtempSync(join(cacheFolder, 'foreign-'))
    try {
      const args = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary=:all:']
      args.push('--disable-pip-version-check', '--retries', '1', '--target', half, ...PACKAGES)
      run('python3', args, {}, 'Its libraries could not be installed from PyPI')
      rmSync(site, { recursive: true, force: true })
      renameSync(half, site)
    } finally {
      rmSync(half, { recursive: true, force: true })
    }
  }
  return {
    command: 'python3',
    args: [join(interop, 'python', 'ringside_client.py')],
    environment: { PYTHONPATH: site, PYTHONIOENCODING: 'utf-8' },
  }
}

/**
 * Gives the command of the readers of feeds in Python, without their URL.
 * @throws Error as {@link pythonPlayer}.
 */
export function pythonReader() {
  return { ...pythonPlayer(), args: [join(interop, 'python', 'feed_reader.py')] }
}

/**
 * Builds the player in Go and gives its command.
 * @throws Error that says what is missing and how to get it.
 */
export function goPlayer() {
  const go = [process.env.GO, 'go', '/usr/local/go/bin/go'].find(
    (path) => path && runs(path, ['version']),
  )
  if (!go) throw new Error(`go was not found. ${GO_HINT}`)
  mkdirSync(cacheFolder, { recursive: true })
  const binary = join(cacheFolder, 'foreign-go')
  run(go, ['build', '-o', binary, '.'], { cwd: join(interop, 'go') }, 'It could not be built')
  return { command: binary, args: [], environment: {} }
}

/**
 * Compiles a printed .proto with protoc, as any other language would, and gives the path of its descriptors.
 * @throws Error with what protoc says.
 */
export function compileProto(text, folder) {
  const { environment } = pythonPlayer()
  const [proto, descriptors] = [join(folder, 'game.proto'), join(folder, 'game.pb')]
  writeFileSync(proto, text)
  const args = ['-m', 'grpc_tools.protoc', `-I${folder}`, '--include_source_info']
  args.push(`--descriptor_set_out=${descriptors}`, proto)
  run('python3', args, { env: { ...process.env, ...environment } }, 'protoc refused the .proto')
  return descriptors
}

function run(command, args, options, what) {
  const { status, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 180_000,
    ...options,
  })
  if (status !== 0) throw new Error(`${what}: ${error?.message ?? stderr.trim()}`)
}

function runs(command, args) {
  return spawnSync(command, args, { stdio: 'ignore', timeout: 20_000 }).status === 0
}

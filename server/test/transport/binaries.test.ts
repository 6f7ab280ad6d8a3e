import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RingsideError } from '../../src/process/errors.ts'
import { runPruneCommand } from '../../src/transport/uws/prune-command.ts'
import { thisSystem } from '../../src/transport/uws/binaries.ts'
import type { System } from '../../src/transport/uws/binaries.ts'
import { loadUws, uwsFolder } from '../../src/transport/uws/load.ts'

const DEBIAN_12: System = {
  platform: 'linux',
  arch: 'x64',
  abi: '127',
  nodeVersion: '22.23.5',
  glibc: '2.36',
}
const installed = String(uwsFolder())

/** The message of what `listen` throws where loading fails with `cause`. */
function refusal(
  system: Partial<System>,
  cause = 'Error',
  folder: string | null = installed,
): string {
  try {
    loadUws(16_384, {
      load: () => {
        throw new Error(`This version of uWS.js supports only Node.js 16\n\n${cause}`)
      },
      folder,
      system: { ...DEBIAN_12, ...system },
    })
  } catch (error) {
    if (!(error instanceof RingsideError)) throw error
    expect(error.code).toBe('native_unusable')
    expect(error.cause).toBeInstanceOf(Error)
    return error.message
  }
  throw new Error('Expected it to throw')
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringside binaries-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

describe('EX7 a binary of uWebSockets.js that does not run is told of with what does', () => {
  it.each([
    ['127', '22.23.5'],
    ['137', '24.22.3'],
    ['141', '25.0.0'],
  ])(
    'ABI %s on Debian 12: the glibc it needs, the one there is, and Node 20',
    (abi, nodeVersion) => {
      const text = refusal({ abi, nodeVersion }, "libc.so.6: version `GLIBC_2.38' not found")
      expect(text).toContain('Expected glibc 2.38 or newer, got 2.36')
      expect(text).toContain(`Node.js ${nodeVersion} on linux x64`)
      expect(text).toMatch(
        /On this system Node\.js 20, 21 can: use one of these, or a newer system/,
      )
    },
  )

  it('a system older than every binary hears that none runs', () => {
    expect(refusal({ glibc: '2.17' })).toContain('No version of Node.js can on this system')
  })

  it('a version of Node without a binary hears which have one', () => {
    const text = refusal({ abi: '131', nodeVersion: '23.1.0', glibc: '2.41' })
    expect(text).toContain('has no binary for Node.js 23.1.0 on linux x64, or it was pruned')
    expect(text).toContain('Node.js 20, 21, 22, 24, 25 can')
  })

  it('Alpine hears of musl; no package, of an install; any other cause is shown', () => {
    expect(refusal({ glibc: null })).toContain('Alpine has musl')
    expect(refusal({}, '', null)).toContain('install the dependencies anew')
    expect(refusal({ glibc: '2.41' }, 'Error: file too short')).toContain(
      "got 'Error: file too sho",
    )
    expect(refusal({ platform: 'freebsd', glibc: null })).toContain('No version of Node.js can')
  })

  it('the system that runs this test is described, and loads it', () => {
    const system = thisSystem()
    expect(system.abi).toBe(process.versions.modules)
    if (process.platform === 'linux') expect(system.glibc).toMatch(/^2\.\d+$/)
    expect(typeof loadUws().App).toBe('function')
  })
})

describe('EX8 ringside-prune leaves the binaries that are needed, and no others', () => {
  /** Runs the command on a folder of small files with the names of the real ones. */
  function prune(args: string[], names = readdirSync(installed)): Record<string, unknown> {
    const folder = newFolder()
    for (const name of names) if (name.startsWith('uws')) writeFileSync(join(folder, name), 'x')
    const lines: string[] = []
    const print = (line: string): void => void lines.push(line)
    const code = runPruneCommand({ args, print, printError: print, folder })
    return { code, left: readdirSync(folder), line: lines.join('\n') }
  }
  const own = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`

  it('keeps that of the process, and the loader', () => {
    expect(prune([])).toMatchObject({ code: 0, left: [own, 'uws.js'].sort() })
  })

  it('keeps what it is told to', () => {
    const args = ['--keep', 'linux_arm64_115', '--keep', 'linux_x64_127']
    const left = ['uws.js', 'uws_linux_arm64_115.node', 'uws_linux_x64_127.node']
    expect(prune(args)).toMatchObject({ code: 0, left })
  })

  it('removes nothing when what is to be kept is not there, on a dry run or at a slip', () => {
    const names = ['uws.js', 'uws_linux_x64_115.node', 'uws_win32_x64_115.node']
    for (const [args, code] of [
      [['--keep', 'linux_x64_999'], 1],
      [['--keep', 'linux_x64_115', '--dry-run'], 0],
      [['--kep', 'linux_x64_115'], 2],
      [['--help'], 0],
    ] as const)
      expect(prune([...args], names)).toMatchObject({ code, left: names })
    expect(prune([], ['uws.js'])).toMatchObject({ code: 1, left: ['uws.js'] })
    const quiet = { args: [], print() {}, printError() {} }
    expect(runPruneCommand({ ...quiet, folder: null })).toBe(1)
  })

  it('a server with one binary starts, and weighs less than 15 MB instead of 250', () => {
    const root = newFolder()
    const copy = join(root, 'node_modules', 'uWebSockets.js')
    mkdirSync(copy, { recursive: true })
    for (const name of readdirSync(installed))
      if (/\.(js|node|mjs|json)$/.test(name)) copyFileSync(join(installed, name), join(copy, name))
    const sizeMb = (): number => {
      const { stdout } = spawnSync('du', ['-sm', copy], { encoding: 'utf8' })
      return Number.parseInt(stdout, 10)
    }
    const before = sizeMb()
    const ignore = (): void => {}
    expect(runPruneCommand({ args: [], print: ignore, printError: ignore, folder: copy })).toBe(0)
    expect(before).toBeGreaterThan(200)
    expect(sizeMb()).toBeLessThan(15)
    writeFileSync(
      join(root, 'main.cjs'),
      `const uws = require('uWebSockets.js')
       const app = uws.App().any('/*', (response) => response.end('hello'))
       app.listen('127.0.0.1', 0, (socket) => {
         fetch('http://127.0.0.1:' + uws.us_socket_local_port(socket))
           .then((answer) => answer.text())
           .then((text) => { console.log(text); app.close() })
       })`,
    )
    const ran = spawnSync(process.execPath, ['main.cjs'], { cwd: root, encoding: 'utf8' })
    expect(ran).toMatchObject({ status: 0, stdout: 'hello\n' })
  })
})

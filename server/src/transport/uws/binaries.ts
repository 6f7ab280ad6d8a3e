import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Where a process runs, as far as a binary of uWebSockets.js has to fit. */
export interface System {
  readonly platform: string
  readonly arch: string
  /** `process.versions.modules`: one for each major version of Node. */
  readonly abi: string
  readonly nodeVersion: string
  /** Such as `2.36`; null where there is none: another platform, or a Linux with musl. */
  readonly glibc: string | null
}

/** The versions of Node that this framework runs on, by their ABI. */
const NODE_BY_ABI: ReadonlyMap<string, number> = new Map([
  ['115', 20],
  ['120', 21],
  ['127', 22],
  ['131', 23],
  ['137', 24],
  ['141', 25],
])

/** Describes the process that asks. */
export function thisSystem(): System {
  const { platform, arch, versions, report } = process
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } }
  const glibc = header.glibcVersionRuntime ?? null
  return { platform, arch, abi: versions.modules, nodeVersion: versions.node, glibc }
}

/** The name of the binary that uWebSockets.js loads there. */
export function binaryName({ platform, arch, abi }: Omit<System, 'nodeVersion' | 'glibc'>): string {
  return `uws_${platform}_${arch}_${abi}.node`
}

/** Lists the binaries in the folder of the package. */
export function listBinaries(folder: string): string[] {
  return readdirSync(folder).filter((name) => /^uws_\w+\.node$/.test(name))
}

/**
 * Says why uWebSockets.js could not be loaded on this system, and what runs there. The loader's own text names the
 * versions that its makers build for, whatever the reason was.
 *
 * @param folder - that of the package; null: it is not installed.
 */
export function explainLoadFailure(cause: Error, system: System, folder: string | null): string {
  const { platform, arch, nodeVersion, glibc } = system
  if (folder === null)
    return 'Expected uWebSockets.js beside @ringside/server, got none: install the dependencies anew'
  const here = `Node.js ${nodeVersion} on ${platform} ${arch}`
  const others = runnable(system, folder)
  const advice =
    others.length > 0
      ? `On this system Node.js ${others.join(', ')} can: use one of these`
      : 'No version of Node.js can on this system'
  if (!listBinaries(folder).includes(binaryName(system)))
    return `Expected ${binaryName(system)} in ${folder}, got none: uWebSockets.js has no binary for ${here}, or it was pruned. ${advice}`
  if (platform === 'linux' && glibc === null)
    return `Expected a Linux with glibc, got one without (Alpine has musl): uWebSockets.js cannot run on it. Use a system or image of Debian or Ubuntu`
  const needed = neededGlibc(join(folder, binaryName(system)))
  if (glibc !== null && needed !== null && isOlder(glibc, needed))
    return `Expected glibc ${needed} or newer, got ${glibc}: the binary of uWebSockets.js for ${here} needs it. ${advice}, or a newer system (glibc 2.38: Debian 13, Ubuntu 24.04)`
  return `Expected uWebSockets.js to load for ${here}, got '${cause.message.trim().split('\n').at(-1)}'`
}

/** The major versions of Node whose binary fits this platform and its glibc. */
function runnable({ platform, arch, glibc }: System, folder: string): number[] {
  if (platform === 'linux' && glibc === null) return []
  const there = new Set(listBinaries(folder))
  return [...NODE_BY_ABI].flatMap(([abi, major]) => {
    const name = binaryName({ platform, arch, abi })
    if (!there.has(name)) return []
    const needed = glibc === null ? null : neededGlibc(join(folder, name))
    return needed !== null && glibc !== null && isOlder(glibc, needed) ? [] : [major]
  })
}

/** The newest glibc whose symbols the binary asks for: their names are text in it. */
function neededGlibc(path: string): string | null {
  let newest: string | null = null
  for (const [, version = ''] of readFileSync(path, 'latin1').matchAll(/GLIBC_(\d+\.\d+)/g))
    if (newest === null || isOlder(newest, version)) newest = version
  return newest
}

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [otherMajor = 0, otherMinor = 0] = than.split('.').map(Number)
  return major < otherMajor || (major === otherMajor && minor < otherMinor)
}

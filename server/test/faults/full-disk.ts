import { spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startReplicaSet } from '../../../scripts/replica-set.mjs'
import { primaryOf } from './members.ts'
import type { Member, ReplicaSet } from './members.ts'
import { playRound } from './round.ts'
import type { Fault, Round } from './round.ts'

const MEMBER_COUNT = 3
const SIZE_MB = 64
/** What mongod says of ENOSPC before it ends itself. */
const NO_SPACE = 'No space left on device'
const CHUNK = Buffer.alloc(64 * 1024, 1)

/** What this machine lacks is left out, but with CI=true it is a failure. */
export const isCi = process.env['CI'] === 'true' || process.env['CI'] === '1'

/** Small file systems in memory, one for each member; `reason` says why there are none. */
export type SmallDisks =
  | { readonly folders: readonly string[]; readonly reason: null; remove(): void }
  | { readonly folders: null; readonly reason: string }

/** Needs the right to mount: root, or sudo without a password. */
export function makeSmallDisks(): SmallDisks {
  const root = mkdtempSync(join(tmpdir(), 'ringside-disk-'))
  const folders: string[] = []
  const remove = (): void => {
    for (const folder of folders) asRoot(['umount', '--lazy', folder])
    rmSync(root, { recursive: true, force: true })
  }
  const owner = `uid=${process.getuid?.() ?? 0}`
  for (let index = 0; index < MEMBER_COUNT; index++) {
    const folder = join(root, `member-${index}`)
    mkdirSync(folder)
    const problem = asRoot([
      'mount',
      '-t',
      'tmpfs',
      '-o',
      `size=${SIZE_MB}m,${owner}`,
      'tmpfs',
      folder,
    ])
    if (problem !== null) {
      remove()
      return { folders: null, reason: problem }
    }
    folders.push(folder)
  }
  return { folders, reason: null, remove }
}

/** Runs a command, with sudo where that is needed. Why it could not be, or null. */
function asRoot(command: readonly string[]): string | null {
  const isRoot = process.getuid?.() === 0
  const [program = '', ...args] = isRoot ? command : ['sudo', '-n', ...command]
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (status === 0) return null
  return `${[program, ...args].slice(0, 3).join(' ')}: ${error?.message ?? stderr.trim()}`
}

export function startOnSmallDisks(
  folders: readonly string[],
  logFolder?: string,
): Promise<ReplicaSet> {
  return startReplicaSet({ count: MEMBER_COUNT, folders, ...(logFolder ? { logFolder } : {}) })
}

/** The disk of the primary, or of every member, is full for some seconds; then there is room again. */
export async function fillDisk(set: ReplicaSet, which: 'primary' | 'all'): Promise<Round> {
  const { member, term } = await primaryOf(set)
  const members = which === 'all' ? set.members : [member]
  const faults: string[] = []
  const logSizes = new Map<Member, number>()
  const heal = (): void => {
    for (const { folder } of members) rmSync(join(folder, 'filler'), { force: true })
    for (const each of members) each.restart()
  }
  const fault: Fault = {
    begin: () => {
      for (const each of members) logSizes.set(each, logBytes(each).length)
      for (const { folder } of members) fill(join(folder, 'filler'))
    },
    lastsMs: which === 'all' ? 5_000 : 3_000,
    end: () => {
      // A mongod that cannot write ends itself.
      const ended = members.filter(({ isRunning }) => !isRunning)
      if (ended.length === 0) faults.push('not struck: every mongod could write on')
      for (const each of ended)
        if (!saysNoSpace(each, logSizes.get(each) ?? 0))
          faults.push(`not struck: ${each.port} ended for another reason`)
      heal()
    },
    heal,
    missed: async () => {
      const isNew = (await primaryOf(set)).term > term
      return isNew ? faults : [...faults, 'not struck: no election']
    },
    leastStallMs: 300,
  }
  return playRound({ set, fault })
}

/** Looks at its log from `after` on; true without a log of its own. */
function saysNoSpace(member: Member, after: number): boolean {
  return member.logPath === null || logBytes(member).subarray(after).includes(NO_SPACE)
}

function logBytes({ logPath }: Member): Buffer {
  return logPath === null ? Buffer.alloc(0) : readFileSync(String(logPath))
}

function fill(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (let size = CHUNK.length; size >= 1; size = Math.floor(size / 2))
      while (hasWritten(file, size));
  } finally {
    closeSync(file)
  }
}

function hasWritten(file: number, size: number): boolean {
  try {
    return writeSync(file, CHUNK, 0, size) > 0
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOSPC') return false
    throw error
  }
}

import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startReplicaSet } from '../../../scripts/replica-set.mjs'
import { playRound, primaryOf, untilHealthy } from './scenarios.ts'
import type { ReplicaSet, Round } from './scenarios.ts'

const MEMBER_COUNT = 3
const SIZE_MB = 64
const CHUNK = Buffer.alloc(64 * 1024, 1)

/** Small file systems in memory, one for each member; `reason` says why there are none. */
export type SmallDisks =
  | { readonly folders: readonly string[]; readonly reason: null; remove(): void }
  | { readonly folders: null; readonly reason: string }

/** Needs the right to mount: root. */
export function makeSmallDisks(): SmallDisks {
  const root = mkdtempSync(join(tmpdir(), 'ringside-disk-'))
  const folders: string[] = []
  const remove = (): void => {
    for (const folder of folders) spawnSync('umount', ['--lazy', folder])
    rmSync(root, { recursive: true, force: true })
  }
  for (let index = 0; index < MEMBER_COUNT; index++) {
    const folder = join(root, `member-${index}`)
    mkdirSync(folder)
    const args = ['-t', 'tmpfs', '-o', `size=${SIZE_MB}m`, 'tmpfs', folder]
    const { status, stderr } = spawnSync('mount', args, { encoding: 'utf8' })
    if (status !== 0) {
      remove()
      return { folders: null, reason: `mount: ${stderr?.trim() || 'not found'}` }
    }
    folders.push(folder)
  }
  return { folders, reason: null, remove }
}

export function startOnSmallDisks(folders: readonly string[]): Promise<ReplicaSet> {
  return startReplicaSet({ count: MEMBER_COUNT, folders })
}

/** The disk of the primary, or of every member, is full for some seconds; then there is room again. */
export async function fillDisk(set: ReplicaSet, which: 'primary' | 'all'): Promise<Round> {
  await untilHealthy(set)
  const members = which === 'all' ? set.members : [await primaryOf(set)]
  const free = async (): Promise<void> => {
    for (const { folder } of members) rmSync(join(folder, 'filler'), { force: true })
    // A mongod that cannot write ends itself.
    for (const member of members) {
      if (which === 'primary') await member.kill()
      member.restart()
    }
  }
  try {
    return await playRound({
      uri: set.uri,
      readerUris: [set.uri],
      fault: {
        begin: () => {
          for (const { folder } of members) fill(join(folder, 'filler'))
        },
        lastsMs: which === 'all' ? 5_000 : 3_000,
        end: free,
      },
    })
  } finally {
    await free()
  }
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

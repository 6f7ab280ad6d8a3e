import { randomBytes } from 'node:crypto'
import { mkdir, open, opendir, readFile, rename, rm, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { checkMembers, checkText, invalid, shownNumber } from '../../process/argument.ts'
import { matchBytes, readMatch } from '../contract.ts'
import type { ArchiveDraft, ArchiveStats, ArchiveStore, ArchivedMatch } from '../contract.ts'
import { factsName, isDataName, newDataName, parseName, partName } from './file-names.ts'

/** The options of a folder. */
export interface FolderArchiveOptions {
  /** All matches together take no more bytes, 1 MiB and more; beyond it the oldest go first. Default 10 GiB. */
  readonly maxBytes?: number
}

const MIB = 1024 * 1024
const DEFAULT_MAX_BYTES = 10 * 1024 * MIB
/** What nobody has written on for so long was left behind by a process that died, in ms. */
const LEFT_BEHIND_MS = 24 * 3_600_000
/** Facts of a match are smaller, or they are none. */
const MAX_FACTS_BYTES = 16 * MIB

/**
 * An archive in a folder: of each match one file of its events (`<room>.<...>.ndjson.gz`, which `zcat` reads) and a
 * small one of its facts (`<room>.<...>.match.json`). The folder belongs to one server at a time; files that are none
 * of these are never touched. It is made when the server starts.
 * @throws RingsideError option_invalid.
 */
export function folderArchive(path: string, options: FolderArchiveOptions = {}): ArchiveStore {
  checkText('the folder of an archive', path)
  checkMembers('an option of a folder', options, ['maxBytes'])
  const { maxBytes = DEFAULT_MAX_BYTES } = options
  if (!(Number.isSafeInteger(maxBytes) && maxBytes >= MIB))
    throw invalid(`Expected maxBytes from ${MIB}, a whole number, got ${shownNumber(maxBytes)}`)
  return new FolderArchive(resolve(path), maxBytes)
}

/** What must be known of a match to choose which goes first. */
interface Listed {
  readonly keepUntil: number | null
  readonly age: number
  readonly bytes: number
}

/** The facts of a match, and the file that has its events. */
interface Stored {
  readonly match: ArchivedMatch
  readonly file: string
}

class FolderArchive implements ArchiveStore {
  readonly address: string
  readonly maxBytes: number
  /** Every match of the folder: a hundred bytes for each. */
  readonly #listed = new Map<string, Listed>()
  #bytes = 0

  constructor(address: string, maxBytes: number) {
    this.address = address
    this.maxBytes = maxBytes
  }

  async open(): Promise<void> {
    await mkdir(this.address, { recursive: true })
    this.#listed.clear()
    this.#bytes = 0
    const data = new Map<string, string[]>()
    const leftBehind: string[] = []
    for await (const entry of await opendir(this.address)) {
      const parsed = entry.isFile() ? parseName(entry.name) : null
      if (parsed?.kind === 'facts') {
        const stored = await this.#stored(parsed.room)
        if (stored) this.#list(stored.match)
      } else if (parsed?.kind === 'part') leftBehind.push(entry.name)
      else if (parsed) data.set(parsed.room, [...(data.get(parsed.room) ?? []), entry.name])
    }
    for (const [room, names] of data) {
      const stored = await this.#stored(room)
      leftBehind.push(...names.filter((name) => name !== stored?.file))
    }
    for (const name of leftBehind) await this.#deleteIfOld(name)
  }

  async close(): Promise<void> {}

  async find(room: string): Promise<ArchivedMatch | null> {
    return (await this.#stored(room))?.match ?? null
  }

  async read(match: ArchivedMatch, index: number): Promise<Uint8Array | null> {
    const chunk = match.chunks[index]
    const stored = await this.#stored(match.room)
    if (!chunk || stored?.match.version !== match.version) return null
    const offset = matchBytes({ chunks: match.chunks.slice(0, index) })
    const file = await orNull(open(join(this.address, stored.file), 'r'))
    if (!file) return null
    try {
      const data = Buffer.alloc(chunk.bytes)
      const { bytesRead } = await file.read(data, 0, chunk.bytes, offset)
      return bytesRead === chunk.bytes ? data : null
    } finally {
      await file.close()
    }
  }

  async begin(room: string): Promise<ArchiveDraft> {
    const name = newDataName(room)
    const part = join(this.address, partName(name))
    const file = await open(part, 'wx', 0o600)
    return {
      append: async (chunk) => {
        await writeAll(file, chunk)
      },
      commit: async (match) => {
        try {
          await file.sync()
        } finally {
          await file.close()
        }
        const before = await this.#stored(room)
        if ((before?.match.version ?? 0) !== match.version) {
          await rm(part, { force: true })
          return false
        }
        try {
          await rename(part, join(this.address, name))
          await this.#writeFacts({ match: { ...match, version: match.version + 1 }, file: name })
        } catch (error) {
          await this.#remove(name).catch(() => {})
          throw error
        }
        if (before && before.file !== name) await this.#remove(before.file)
        return true
      },
      abandon: async () => {
        await file.close().catch(() => {})
        await rm(part, { force: true })
      },
    }
  }

  async update(match: ArchivedMatch): Promise<boolean> {
    const before = await this.#stored(match.room)
    if (before?.match.version !== match.version) return false
    await this.#writeFacts({ match: { ...match, version: match.version + 1 }, file: before.file })
    return true
  }

  async delete(room: string): Promise<void> {
    const stored = await this.#stored(room)
    // Without its facts a match is not there; what is left then goes with the next start.
    await this.#remove(factsName(room))
    this.#unlist(room)
    if (stored) await this.#remove(stored.file)
  }

  expired(time: number, limit: number): Promise<ArchivedMatch[]> {
    return this.#some(limit, ({ keepUntil }) => keepUntil !== null && keepUntil <= time)
  }

  oldest(limit: number): Promise<ArchivedMatch[]> {
    return this.#some(limit, ({ keepUntil }) => keepUntil !== null)
  }

  async stats(): Promise<ArchiveStats> {
    return { matches: this.#listed.size, bytes: this.#bytes }
  }

  async #some(limit: number, isWanted: (listed: Listed) => boolean): Promise<ArchivedMatch[]> {
    const rooms = [...this.#listed]
      .filter(([, listed]) => isWanted(listed))
      .sort(([, one], [, other]) => one.age - other.age)
      .slice(0, limit)
    const found: ArchivedMatch[] = []
    for (const [room] of rooms) {
      const stored = await this.#stored(room)
      if (stored) found.push(stored.match)
      else this.#unlist(room)
    }
    return found
  }

  /** Null for what is not there, damaged, or none of ours. */
  async #stored(room: string): Promise<Stored | null> {
    const path = join(this.address, factsName(room))
    const facts = await orNull(stat(path))
    if (!facts || facts.size > MAX_FACTS_BYTES) return null
    const text = await orNull(readFile(path, 'utf8'))
    try {
      const value = JSON.parse(text ?? '') as { readonly file?: unknown } | null
      const match = readMatch(value)
      const file = value?.file
      return match?.room === room && isDataName(file, room) ? { match, file } : null
    } catch {
      return null
    }
  }

  async #writeFacts({ match, file }: Stored): Promise<void> {
    const name = factsName(match.room)
    const part = join(this.address, partName(`${name}.${randomBytes(6).toString('hex')}`))
    const handle = await open(part, 'wx', 0o600)
    try {
      await writeAll(handle, Buffer.from(JSON.stringify({ ...match, file })))
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(part, join(this.address, name))
    // The names are on the disk once the folder is; where a folder cannot be synced they are a little later.
    const folder = await orNull(open(this.address, 'r'))
    await folder?.sync().catch(() => {})
    await folder?.close()
    this.#list(match)
  }

  #list(match: ArchivedMatch): void {
    this.#unlist(match.room)
    const { keepUntil, createdAt, end } = match
    const bytes = matchBytes(match)
    this.#listed.set(match.room, { keepUntil, age: end?.at ?? createdAt, bytes })
    this.#bytes += bytes
  }

  #unlist(room: string): void {
    this.#bytes -= this.#listed.get(room)?.bytes ?? 0
    this.#listed.delete(room)
  }

  async #deleteIfOld(name: string): Promise<void> {
    const found = await orNull(stat(join(this.address, name)))
    if (found && Date.now() - found.mtimeMs > LEFT_BEHIND_MS) await this.#remove(name)
  }

  #remove(name: string): Promise<void> {
    return rm(join(this.address, name), { force: true })
  }
}

async function writeAll(file: FileHandle, data: Uint8Array): Promise<void> {
  for (let written = 0; written < data.length;)
    written += (await file.write(data, written, data.length - written)).bytesWritten
}

/** Null for a file that is not there, or may not be read; any other failure is one. */
async function orNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    const { code } = error as { readonly code?: unknown }
    if (code === 'ENOENT' || code === 'EISDIR') return null
    throw error
  }
}

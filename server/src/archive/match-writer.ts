import type { Outbox } from '../outbox/contract/outbox.ts'
import { roomEndOf } from '../outbox/contract/store.ts'
import type { LogEvent, RoomEnd, RoomRecord } from '../outbox/contract/store.ts'
import { ChunkMaker, readChunk } from './chunk-maker.ts'
import { matchBytes } from './contract.ts'
import type { ArchiveChunk, ArchiveDraft, ArchiveStore, ArchivedMatch } from './contract.ts'
import type { ArchivedState } from './lines.ts'

/** What must be known of a room to archive it. */
export type MatchFacts = Pick<RoomRecord, 'room' | 'type' | 'delayMs' | 'isPrivate' | 'createdAt'>

export interface MatchWriterParts {
  readonly store: ArchiveStore
  readonly outbox: Pick<Outbox, 'read' | 'snapshotAt' | 'floor' | 'origin' | 'now'>
  readonly keepMs: number
  /** The log is sealed up to here. */
  readonly upTo: number
}

/** So much of the log is taken in at once. */
const READ = { limit: 500, maxBytes: 1024 * 1024 }
/** One match takes at most this part of an archive: of one that never ends the oldest goes. */
const LARGEST_PART = 1 / 10

/**
 * Writes a match as the log has it up to `upTo`: what was archived before stays as it is, and the rest follows it.
 * Resolves with the match, or null where there is nothing of it.
 * @throws whatever the log or the store fails with; Error when another writer was first.
 */
export async function writeMatch(
  facts: MatchFacts,
  parts: MatchWriterParts,
): Promise<ArchivedMatch | null> {
  const before = await parts.store.find(facts.room)
  if (before?.end && (await isThisEnd(before, before.end, parts))) return before
  try {
    return await writeFrom(facts, parts, before?.end ? { ...before, chunks: [] } : before)
  } catch (error) {
    // What follows is not there any more, or what was archived is damaged: what the log has is worth more.
    if (!before || !(error instanceof RangeError || error instanceof SyntaxError)) throw error
    return writeFrom(facts, parts, { ...before, chunks: [] })
  }
}

/** A log that was restored may have gone on with a room that the archive has the end of. */
async function isThisEnd(
  { room }: ArchivedMatch,
  { seq, own }: RoomEnd,
  { outbox, upTo }: MatchWriterParts,
): Promise<boolean> {
  if (seq <= outbox.floor || seq <= outbox.origin) {
    const after = Math.max(outbox.floor, outbox.origin)
    return (await outbox.read({ room, after, upTo, limit: 1 })).events.length === 0
  }
  const { events } = await outbox.read({ room, after: seq - 1, upTo, limit: 1 })
  return events[0]?.own === own && roomEndOf(events[0]) !== null
}

async function writeFrom(
  facts: MatchFacts,
  parts: MatchWriterParts,
  before: ArchivedMatch | null,
): Promise<ArchivedMatch | null> {
  const { store, outbox, keepMs } = parts
  const draft = await store.begin(facts.room)
  try {
    const chunks = new ChunkList(draft)
    const maker = await makerFor(facts.room, { parts, before, chunks })
    const end = await addFromLog(facts.room, { parts, maker, chunks })
    await chunks.add(maker)
    const { room, type, delayMs, isPrivate, createdAt } = facts
    const match: ArchivedMatch = {
      room,
      type,
      delayMs,
      isPrivate,
      createdAt,
      end,
      keepUntil: (end?.at ?? outbox.now()) + keepMs,
      pins: before?.pins ?? [],
      chunks: chunks.all,
      version: before?.version ?? 0,
    }
    if (chunks.all.length === 0) {
      await draft.abandon()
      return null
    }
    if (!(await draft.commit(match))) throw new Error('Another writer of the match was first')
    return { ...match, version: match.version + 1 }
  } catch (error) {
    await draft.abandon().catch(() => {})
    throw error
  }
}

/** The chunks of a draft, as they are appended. */
class ChunkList {
  readonly all: ArchiveChunk[] = []
  readonly #draft: ArchiveDraft

  constructor(draft: ArchiveDraft) {
    this.#draft = draft
  }

  async copy(info: ArchiveChunk, data: Uint8Array): Promise<void> {
    await this.#draft.append(data)
    this.all.push(info)
  }

  async add(maker: ChunkMaker): Promise<void> {
    const made = await maker.take()
    if (made) await this.copy(made.info, made.data)
  }
}

interface Beginning {
  readonly parts: MatchWriterParts
  readonly before: ArchivedMatch | null
  readonly chunks: ChunkList
}

/**
 * Copies what was archived before, up to its last state, and makes the chunks anew from there. Without anything before
 * it begins with what the log has.
 */
async function makerFor(room: string, { parts, before, chunks }: Beginning): Promise<ChunkMaker> {
  const { store, outbox } = parts
  const old = before?.chunks ?? []
  if (!before || old.length === 0) return new ChunkMaker(await baseOf(room, outbox))
  const first = firstToKeep(old, store.maxBytes * LARGEST_PART)
  const resume = Math.max(
    first,
    old.findLastIndex(({ hasState }) => hasState),
  )
  let maker: ChunkMaker | null = null
  for (let index = first; index < old.length; index++) {
    const info = old[index] as ArchiveChunk
    const data = await store.read(before, index)
    if (!data) throw new RangeError('Expected the chunks of a match')
    if (index < resume) {
      await chunks.copy(info, data)
      continue
    }
    const { state, events } = await readChunk(room, info, data)
    maker ??= new ChunkMaker(
      state ?? (info.from === 1 ? null : unknownBefore(info.from, info.after)),
    )
    for (const event of events) {
      maker.add(event)
      if (maker.isFull) await chunks.add(maker)
    }
  }
  return maker ?? new ChunkMaker(null)
}

/** The first chunk that is copied: the oldest go where a match takes too much of the archive. */
function firstToKeep(chunks: readonly ArchiveChunk[], maxBytes: number): number {
  let first = 0
  while (matchBytes({ chunks: chunks.slice(first) }) > maxBytes) {
    const next = chunks.findIndex(({ hasState }, index) => index > first && hasState)
    if (next < 0) break
    first = next
  }
  return first
}

async function baseOf(
  room: string,
  outbox: MatchWriterParts['outbox'],
): Promise<ArchivedState | null> {
  const first = Math.max(outbox.floor, outbox.origin)
  const snapshot = await outbox.snapshotAt(room, first)
  const { events } = await outbox.read({ room, after: first, limit: 1 })
  const next = events[0]
  if (!next || next.n === 1) return null
  if (snapshot?.n === next.n - 1) {
    const { hiddenState: _hidden, runtime: _runtime, room: _room, ...state } = snapshot
    return state
  }
  return unknownBefore(next.n, next.seq - 1)
}

/** The log no longer has the state before the event n. */
function unknownBefore(n: number, seq: number): ArchivedState {
  return { n: n - 1, seq, epoch: 0, at: 0, patchN: 0, publicState: '' }
}

interface Rest {
  readonly parts: MatchWriterParts
  readonly maker: ChunkMaker
  readonly chunks: ChunkList
}

/** Adds what follows in the log. Resolves with the end of the room, or null while it goes on. */
async function addFromLog(room: string, { parts, maker, chunks }: Rest): Promise<RoomEnd | null> {
  const { outbox, upTo } = parts
  let last: LogEvent | null = null
  let after = Math.max(maker.last.seq, outbox.floor, outbox.origin)
  while (after < upTo) {
    const page = await outbox.read({ room, after, upTo, ...READ })
    for (const event of page.events) {
      maker.add(event)
      last = event
      if (maker.isFull) await chunks.add(maker)
    }
    if (page.next <= after) break
    after = page.next
  }
  return roomEndOf(last)
}

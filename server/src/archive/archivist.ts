import type { Clock } from '../process/clock.ts'
import { briefOf } from '../process/log-line.ts'
import type { Logger } from '../process/logger.ts'
import { Waits } from '../process/wait.ts'
import type { CutPart, Outbox } from '../outbox/contract/outbox.ts'
import type { RoomRecord } from '../outbox/contract/store.ts'
import type { ArchiveReader } from './archive-reader.ts'
import type { ArchiveStore } from './contract.ts'
import { writeMatch } from './match-writer.ts'
import type { MatchFacts } from './match-writer.ts'

export interface ArchivistParts {
  readonly store: ArchiveStore
  readonly reader: ArchiveReader
  readonly outbox: Pick<
    Outbox,
    'read' | 'snapshotAt' | 'roomRecord' | 'sealed' | 'floor' | 'origin' | 'now'
  >
  readonly clock: Clock
  readonly logger: Logger
  /** For how long matches of a type are kept, in ms; null: they are not archived. */
  readonly keepMsOf: (type: string) => number | null
  /** Retention waits so long for a match, and for an archive that fails, in ms. */
  readonly holdMs: number
}

interface Due {
  /** Its end was told: it is due until the archive has that. */
  isOver: boolean
  failures: number
  isBusy: boolean
}

/** Matches that wait to be written; those beyond it are written when the log is about to be cut. */
const MAX_DUE = 10_000
/** Rooms of which it is remembered how far the archive has them, or that it does not want them. */
const MAX_KNOWN = 20_000
/** Matches written at once: each reads the log. */
const AT_ONCE = 2
/** An end may be sealed a moment after it was told; a failure is tried again more slowly each time. */
const FIRST_RETRY_MS = 100
/** A process that closes waits so long for matches that are over, and looks so often. */
const DRAIN_MS = 5_000
const DRAIN_LOOK_MS = 50
const LONGEST_RETRY_MS = 30_000

/**
 * Writes matches into the archive: those that have ended, at once, and of those that go on what is about to leave the
 * log. Retention waits for it (FE119): for `holdMs` at most, so that an archive that fails is told of and does not keep
 * the log for ever.
 */
export class Archivist {
  readonly #parts: ArchivistParts
  readonly #waits: Waits
  readonly #due = new Map<string, Due>()
  /** The archive has all of the room up to this seq; Infinity: the whole match. */
  readonly #covered = new Map<string, number>()
  readonly #facts = new Map<string, MatchFacts | null>()
  /** Since when retention waits for a room. */
  readonly #heldSince = new Map<string, number>()
  #busy = new Set<Promise<void>>()
  #isOpen = false
  #isStopped = false
  #failingSince: number | null = null
  writtenCount = 0
  failureCount = 0
  /** Matches of which a part, or all, left the log without being archived. */
  lostCount = 0

  constructor(parts: ArchivistParts) {
    this.#parts = parts
    this.#waits = new Waits(parts.clock)
  }

  /** Matches that wait to be written. */
  get dueCount(): number {
    return this.#due.size
  }

  /** The last thing that was tried has failed. */
  get isFailing(): boolean {
    return this.#failingSince !== null
  }

  /** The store is open: what was told meanwhile is written. */
  begin(): void {
    this.#isOpen = true
    this.#writeSome()
  }

  /** The store works, or does not; told by whoever uses it. */
  noteFailure(error: unknown, what: string): void {
    if (this.#failingSince === null)
      this.#parts.logger.error(
        { archive: this.#parts.store.address, err: briefOf(error) },
        `the archive fails: ${what}`,
      )
    this.#failingSince ??= this.#parts.clock.now()
    this.failureCount++
  }

  noteSuccess(): void {
    if (this.#failingSince !== null)
      this.#parts.logger.info({ archive: this.#parts.store.address }, 'the archive works again')
    this.#failingSince = null
  }

  /** A room is over, and its record says so. */
  ended(record: RoomRecord): void {
    const { end, type, room } = record
    const { keepMsOf, outbox } = this.#parts
    // What left the log before is in the archive, or nowhere.
    if (!end || keepMsOf(type) === null || end.seq <= outbox.floor) return
    remember(this.#facts, room, record)
    this.#add(room, true)
  }

  /**
   * Says how far the log may be cut: up to `floor`, or less far while the archive lacks events that would go.
   * @throws whatever the log fails with.
   */
  async holdCut(parts: readonly CutPart[], floor: number): Promise<number> {
    const { clock, holdMs } = this.#parts
    const now = clock.now()
    const isGivenUp = this.#failingSince !== null && now - this.#failingSince > holdMs
    let allowed = floor
    for (const { room, first, last } of parts) {
      if ((this.#covered.get(room) ?? -1) >= last) continue
      if ((await this.#factsOf(room)) === null) continue
      this.#add(room, false)
      const since = this.#heldSince.get(room) ?? now
      remember(this.#heldSince, room, since)
      if (isGivenUp || now - since > holdMs) this.#giveUp(room, last)
      else allowed = Math.min(allowed, first - 1)
    }
    return allowed
  }

  /** Writes what the log has of a room now. @throws whatever the log or the archive fails with. */
  async write(room: string): Promise<void> {
    const { store, outbox, keepMsOf, reader } = this.#parts
    const facts = await this.#factsOf(room)
    const keepMs = facts && keepMsOf(facts.type)
    if (!facts || keepMs === null) return
    const upTo = outbox.sealed
    const match = await writeMatch(facts, { store, outbox, keepMs, upTo })
    reader.forget(room)
    if (!match) return
    this.writtenCount++
    remember(this.#covered, room, match.end ? Infinity : upTo)
    this.#heldSince.delete(room)
    if (match.end) this.#due.delete(room)
  }

  /** Resolves when no match that is over waits, or after a while, or at once when the archive fails. */
  async drain(): Promise<void> {
    const { clock } = this.#parts
    const until = clock.now() + DRAIN_MS
    while (this.#isOpen && !this.isFailing && clock.now() < until) {
      if (![...this.#due.values()].some(({ isOver }) => isOver)) return
      await this.#waits.sleep(DRAIN_LOOK_MS)
    }
  }

  stop(): void {
    this.#isStopped = true
    this.#waits.release()
    const matches = [...this.#due.values()].filter(({ isOver }) => isOver).length
    if (matches > 0)
      this.#parts.logger.warn({ matches }, 'matches were not archived yet: the next start does it')
  }

  #add(room: string, isOver: boolean): void {
    const known = this.#due.get(room)
    if (known) known.isOver ||= isOver
    else if (this.#due.size < MAX_DUE) this.#due.set(room, { isOver, failures: 0, isBusy: false })
    this.#writeSome()
  }

  #writeSome(): void {
    if (!this.#isOpen || this.#isStopped) return
    for (const [room, due] of this.#due) {
      if (this.#busy.size >= AT_ONCE) return
      if (due.isBusy) continue
      due.isBusy = true
      const work: Promise<void> = this.#writeDue(room, due).finally(() => {
        this.#busy.delete(work)
        this.#writeSome()
      })
      this.#busy.add(work)
    }
  }

  /** It never rejects. */
  async #writeDue(room: string, due: Due): Promise<void> {
    try {
      await this.write(room)
      this.noteSuccess()
      due.failures = 0
      // Its end is not sealed yet, or it has left the log: then there is nothing to wait for.
      if (due.isOver && this.#due.has(room) && !(await this.#isCut(room))) this.#later(room, due)
      else this.#due.delete(room)
    } catch (error) {
      due.failures++
      this.noteFailure(error, 'a match was not written')
      this.#later(room, due)
    }
  }

  /** It is tried again after a while, others first. */
  #later(room: string, due: Due): void {
    const ms = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(due.failures, 9))
    void this.#waits.sleep(ms).then(() => {
      due.isBusy = false
      if (!this.#due.delete(room)) return
      this.#due.set(room, due)
      this.#writeSome()
    })
  }

  async #isCut(room: string): Promise<boolean> {
    const { outbox } = this.#parts
    const record = await outbox.roomRecord(room)
    return !record?.end || record.end.seq <= outbox.floor
  }

  /** The log is cut without it. */
  #giveUp(room: string, last: number): void {
    this.#heldSince.delete(room)
    remember(this.#covered, room, Math.max(last, this.#covered.get(room) ?? 0))
    if (this.lostCount++ === 0)
      this.#parts.logger.error(
        { roomId: room },
        'a part of a match leaves the log without being archived',
      )
  }

  async #factsOf(room: string): Promise<MatchFacts | null> {
    const known = this.#facts.get(room)
    if (known !== undefined) return known
    const record = await this.#parts.outbox.roomRecord(room)
    const isWanted = record !== null && this.#parts.keepMsOf(record.type) !== null
    const facts = isWanted ? record : null
    remember(this.#facts, room, facts)
    return facts
  }
}

/** Keeps the newest. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key)
  map.set(key, value)
  const oldest = map.keys().next()
  if (map.size > MAX_KNOWN && !oldest.done) map.delete(oldest.value)
}

import type { PlayerPresence, PresenceSummary, RoomPresence } from '@ringside/protocol'
import { Rate } from '../limit/rate.ts'
import type { PresenceKind, PresenceNote, PresentRoom } from '../outbox/contract/presence-note.ts'
import type { LogEvent } from '../outbox/contract/store.ts'
import type { Clock } from '../process/clock.ts'
import type { Reading } from '../process/part.ts'
import { OwnTopic } from './own-topic.ts'
import type { OwnTopicParts } from './own-topic.ts'

export interface PresenceParts extends OwnTopicParts {
  readonly clock: Clock
  /** Calls for each run of events that were sealed, in their order. The result stops it. */
  readonly onSealed: (listener: (events: readonly LogEvent[]) => void) => () => void
  /** The room as it is now; null: it is not here. */
  readonly find: (
    roomId: string,
  ) => { readonly isPrivate: boolean; readonly isPaused: boolean } | null
  /** Calls with each room that was here and is another owner's from now on. The result stops it. */
  readonly onReleased: (listener: (roomId: string) => void) => () => void
  /** Age in ms of the oldest event that is not durable yet. */
  readonly lagMs: () => number
  readonly perSecond: number
}

/** One thing to be told. */
interface Change {
  /** `changed`: several things, of which `counts` has how many. */
  readonly kind: PresenceKind | 'ended' | 'changed'
  readonly player: PresenceNote['player']
  readonly counts: Counts | null
  readonly clients: number
  isPrivate: boolean
  /** The event of the log that says it; null: none does. */
  readonly key: string | null
  readonly notedAt: number
  /** When it may be told: its event was sealed here so long ago as the room has delay. Null: it was not yet. */
  dueAt: number | null
}

type Counts = Readonly<Record<'joined' | 'left' | 'dropped' | 'reconnected', number>>

/** Changes that may be told and were too many to be told one by one. */
interface Sum {
  counts: Counts
  clients: number
  isPrivate: boolean
  hasEnded: boolean
}

interface Followed {
  readonly id: string
  readonly type: string
  readonly delayMs: number
  /** What no event says is told so long after it happened, in ms. */
  readonly settleMs: number
  /** Oldest first; nothing overtakes what was before it. */
  readonly changes: Change[]
  sum: Sum | null
  /** The log's last word of it. */
  isPrivate: boolean
  /** The log has its end. */
  isOver: boolean
}

/** What no event of the log says is told once all that it may have changed is in there: the room's own interval, and so long, in ms. */
const SETTLE_MS = 1_000
/** So many changes of a room wait one by one; with more of them players are no longer told apart. */
const MAX_CHANGES = 256
/** Rooms that are remembered; a process has fewer, but for those whose end never comes. */
const MAX_ROOMS = 20_000
const NONE: Counts = Object.freeze({ joined: 0, left: 0, dropped: 0, reconnected: 0 })
/** So often it is looked whether there is room again, in ms. */
const RETRY_MS = 250
/** So many events on their way to the log hold up the rest: a log that is away gets sums, and no details. */
const MAX_ON_THE_WAY = 1_000

/**
 * The topic `presence`: who comes and goes, by the process that has the room. A change is told after the event of the room's
 * log that says it was sealed here, and as much later as spectators see the room (PU10); of private rooms in the topic
 * `presence.private` (PU11). At most `perSecond` events a second are written, all rooms together: what is over that is
 * summed up, one sum for each room (PU12). The log writes them with what else has gathered, so that no join costs a write
 * of its own.
 */
export class Presence {
  readonly #parts: PresenceParts
  readonly #topic: OwnTopic
  readonly #rate: Rate
  readonly #rooms = new Map<string, Followed>()
  /** Those with something to tell. */
  readonly #active = new Set<Followed>()
  #stops: readonly (() => void)[] = []
  #cancel: (() => void) | null = null
  #wakesAt = Infinity
  #summedCount = 0
  #isStopped = false

  constructor(parts: PresenceParts) {
    this.#parts = parts
    this.#topic = new OwnTopic('presence event', parts)
    this.#rate = new Rate({ points: parts.perSecond }, parts.clock)
  }

  get counters(): readonly Reading[] {
    return [
      {
        name: 'presence_summed_total',
        help: 'Comings and goings that the topic presence told in sums',
        read: () => this.#summedCount,
      },
      {
        name: 'presence_lost_total',
        help: 'Events of the topic presence that the log did not take',
        read: () => this.#topic.lostCount,
      },
    ]
  }

  start(): void {
    this.#stops = [
      this.#parts.onSealed((events) => this.#sealed(events)),
      this.#parts.onReleased((room) => this.#released(room)),
    ]
  }

  /** What is not due yet is told by nobody: a room's next owner tells how many are in it. */
  stop(): void {
    this.#isStopped = true
    for (const stop of this.#stops) stop()
    this.#cancel?.()
    this.#rooms.clear()
    this.#active.clear()
  }

  /** Something has happened in a room here. It is synchronous, and writes nothing. */
  note({ kind, room, player }: PresenceNote): void {
    if (this.#isStopped) return
    const followed = this.#follow(room)
    const { changes } = followed
    if (kind === 'reconnected' && this.#isBackAtOnce(changes, player)) return
    const { clients, isPrivate } = room
    const notedAt = this.#parts.clock.now()
    const key = keyOf(kind, player?.sessionId)
    const change = { kind, player, counts: null, clients, isPrivate, key, notedAt, dueAt: null }
    const last = changes.length < MAX_CHANGES ? undefined : changes.pop()
    changes.push(last ? this.#both(last, change) : change)
    this.#active.add(followed)
    if (key === null) this.#wakeAt(notedAt + followed.settleMs)
  }

  /** Another owner has the room, or will: that one tells of it. */
  #released(roomId: string): void {
    const followed = this.#rooms.get(roomId)
    if (followed) this.#forget(followed)
  }

  #follow({ id, type, delayMs, logEveryMs, isPrivate }: PresentRoom): Followed {
    const known = this.#rooms.get(id)
    if (known) return known
    const [oldest] = this.#rooms.values()
    if (oldest && this.#rooms.size >= MAX_ROOMS) this.#forget(oldest)
    const followed: Followed = {
      id,
      type,
      delayMs,
      settleMs: logEveryMs + SETTLE_MS,
      changes: [],
      sum: null,
      isPrivate,
      isOver: false,
    }
    this.#rooms.set(id, followed)
    return followed
  }

  #forget(followed: Followed): void {
    this.#rooms.delete(followed.id)
    this.#active.delete(followed)
  }

  /** A drop that is over before it was told was none. */
  #isBackAtOnce(changes: Change[], player: PresenceNote['player']): boolean {
    const at = changes.findLastIndex(
      ({ kind, player: other, dueAt }) =>
        kind === 'dropped' && dueAt === null && other?.sessionId === player?.sessionId,
    )
    if (at < 0) return false
    changes.splice(at, 1)
    return true
  }

  /** Waits for the later one, before which the log has the other. */
  #both(first: Change, second: Change): Change {
    this.#summedCount++
    const counts = withCount(withCount(NONE, first), second)
    const isPrivate = first.isPrivate || second.isPrivate
    return { ...second, kind: 'changed', player: null, counts, isPrivate }
  }

  #sealed(events: readonly LogEvent[]): void {
    const now = this.#parts.clock.now()
    for (const event of events) {
      const followed = event.room === null ? undefined : this.#rooms.get(event.room)
      if (!followed) continue
      if (event.who) followed.isPrivate = event.who.isPrivate
      this.#settle(followed, keyOfEvent(event), now)
      if (event.type === 'end') this.#end(followed, now)
    }
  }

  /** The event with this key was sealed, and with it everything before. */
  #settle({ changes, delayMs, isPrivate }: Followed, key: string | null, now: number): void {
    if (key === null) return
    const upTo = changes.findIndex((change) => change.key === key && change.dueAt === null)
    for (let index = 0; index <= upTo; index++) {
      const change = changes[index] as Change
      if (isPrivate) change.isPrivate = true
      change.dueAt ??= now + delayMs
    }
    if (upTo >= 0) this.#wakeAt(now + delayMs)
  }

  #end(followed: Followed, now: number): void {
    const { changes, delayMs, isPrivate } = followed
    followed.isOver = true
    for (const change of changes) change.dueAt ??= now + delayMs
    const dueAt = now + delayMs
    const end = { kind: 'ended', player: null, counts: null, clients: 0, key: null } as const
    changes.push({ ...end, isPrivate, notedAt: now, dueAt })
    this.#active.add(followed)
    this.#wakeAt(dueAt)
  }

  /** One timer is for the first that is due. */
  #wakeAt(at: number): void {
    if (at >= this.#wakesAt || this.#isStopped) return
    const { clock } = this.#parts
    this.#cancel?.()
    this.#wakesAt = at
    this.#cancel = clock.after(Math.max(0, at - clock.now()), () => this.#tell())
  }

  #tell(): void {
    this.#cancel = null
    this.#wakesAt = Infinity
    const now = this.#parts.clock.now()
    for (const followed of this.#active) {
      const { changes } = followed
      const open = this.#look(followed, now)
      for (let head = changes[0]; head; head = changes[0]) {
        if (head.dueAt === null || head.dueAt > now) break
        changes.shift()
        if (followed.sum === null && this.#mayTell()) this.#tellChange(followed, head)
        else this.#addUp(followed, head)
      }
      this.#tellSum(followed)
      if (followed.sum) this.#wakeAt(now + RETRY_MS)
      // Its event wakes one that has a key.
      if (open?.key === null)
        this.#wakeAt(Math.max(open.notedAt + followed.settleMs, now + RETRY_MS))
      const dueAt = changes[0]?.dueAt ?? null
      if (dueAt !== null) this.#wakeAt(dueAt)
      else if (changes.length === 0 && !followed.sum) this.#toldAll(followed)
    }
  }

  /**
   * What no event says has settled when the room, and the log, hold nothing that is as old. Gives the oldest change that
   * has not.
   */
  #look({ id, delayMs, settleMs, changes }: Followed, now: number): Change | null {
    const { find, lagMs } = this.#parts
    for (const change of changes) {
      if (change.dueAt !== null) continue
      const agoMs = now - change.notedAt
      if (change.key !== null || agoMs < settleMs) return change
      if (find(id)?.isPaused === true || lagMs() > agoMs - SETTLE_MS / 2) return change
      change.dueAt = now + delayMs
    }
    return null
  }

  #toldAll(followed: Followed): void {
    this.#active.delete(followed)
    if (followed.isOver) this.#rooms.delete(followed.id)
  }

  #mayTell(): boolean {
    return this.#topic.waitingCount < MAX_ON_THE_WAY && this.#rate.take('')
  }

  #addUp(followed: Followed, change: Change): void {
    const { clients, isPrivate, kind } = change
    const before = followed.sum
    followed.sum = {
      counts: withCount(before?.counts ?? NONE, change),
      clients,
      isPrivate: before?.isPrivate === true || isPrivate,
      hasEnded: kind === 'ended',
    }
    this.#summedCount++
  }

  #tellSum(followed: Followed): void {
    const { sum, id: room, type } = followed
    if (sum === null || !this.#mayTell()) return
    followed.sum = null
    const { counts, clients, hasEnded } = sum
    const data: PresenceSummary = { room, type, ...counts, clients }
    this.#write(hasEnded ? 'room.ended' : 'room.changed', data, this.#isPrivate(followed, sum))
  }

  #tellChange(followed: Followed, change: Change): void {
    const { id: room, type } = followed
    const { kind, player, counts, clients } = change
    const isPrivate = this.#isPrivate(followed, change)
    if (counts !== null) {
      const data: PresenceSummary = { room, type, ...counts, clients }
      this.#write('room.changed', data, isPrivate)
    } else if (player === null) {
      const data: RoomPresence = { room, type, clients }
      this.#write(`room.${kind}`, data, isPrivate)
    } else {
      const data: PlayerPresence = { room, type, ...player, clients }
      this.#write(`player.${kind}`, data, isPrivate)
    }
  }

  /** As it was then, as the log says, and as it is now: the strictest of them (FE133). */
  #isPrivate({ id, isPrivate }: Followed, then: { readonly isPrivate: boolean }): boolean {
    return then.isPrivate || isPrivate || this.#parts.find(id)?.isPrivate === true
  }

  #write(type: string, data: { readonly room: string }, isPrivate: boolean): void {
    const topic = isPrivate ? 'presence.private' : 'presence'
    this.#topic.tell({ topic, type, data }, { roomId: data.room, type })
  }
}

function withCount(counts: Counts, { kind, counts: more }: Change): Counts {
  const { joined, left, dropped, reconnected } = more ?? NONE
  const sum = {
    joined: counts.joined + joined,
    left: counts.left + left,
    dropped: counts.dropped + dropped,
    reconnected: counts.reconnected + reconnected,
  }
  if (kind in sum) sum[kind as keyof Counts]++
  return sum
}

/** Names what the log says of it. */
function keyOf(kind: PresenceKind, sessionId: string | undefined): string | null {
  if (kind === 'opened') return 'first'
  return kind === 'joined' || kind === 'left' ? `${kind} ${sessionId}` : null
}

function keyOfEvent({ type, n, data }: LogEvent): string | null {
  if (n === 1) return 'first'
  if (type !== 'joined' && type !== 'left') return null
  const { sessionId } = JSON.parse(data) as { readonly sessionId?: string }
  return `${type} ${sessionId}`
}

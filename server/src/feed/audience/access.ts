import { RingsideError } from '../../process/errors.ts'
import type { Logger } from '../../process/logger.ts'
import { roomEndOf } from '../../outbox/contract/store.ts'
import type { LogEvent, RoomEnd } from '../../outbox/contract/store.ts'
import type { Authenticator } from '../../auth/authenticator.ts'
import type { Principal } from '../../auth/principal.ts'
import { factsOf } from '../../auth/request-facts.ts'
import type { RequestFacts } from '../../auth/request-facts.ts'
import type { HttpRequest } from '../../transport/contract.ts'
import type { RoomWho } from '../../outbox/contract/room-who.ts'
import type { RoomDirectory, RoomFacts } from './directory.ts'
import type { WhoIndex } from './who-index.ts'

/**
 * Somebody wants to watch this room. Spectators see everything `delayMs` later, which is fixed for
 * the life of a room. A private room is not listed, not part of `rooms=*`, and by default not shown
 * at all. `revealedAt` is the seq at which the log was sealed when the room last became public, by
 * an earlier process too; it is 0 or absent if that never happened. `isLive` is false once the room
 * has ended, and `end` is then its last event, as soon as that is in the log for good.
 */
export interface WatchedRoom extends RoomFacts {
  readonly id: string
}

/**
 * May who sent this request see this room? Asked at opening and again for every event of every stream (FE4),
 * so it must be quick and must not wait: only `true` is a yes, a promise is none. An exception is a
 * no, logged once. It replaces the default, which lets everybody see every room that is not
 * private, and whose scopes name it a private one; private rooms stay out of `rooms=*` and of the list whatever it says. The request
 * is a copy, the same as `authorizeConnection` and `onAuth` get; its `principal` is that of the stream now, after a
 * later token as well.
 */
export type AuthorizeSpectator = (request: RequestFacts, room: WatchedRoom) => boolean

/** Who reads. The request is kept only where `authorizeSpectator` wants to see it again. */
export interface Asking {
  readonly request: RequestFacts | null
  readonly principal: Principal
}

/** A room's facts were read anew: `revealed` means that it was private and now belongs to `*`. */
export type FactsChange = 'none' | 'changed' | 'revealed'

/** So many rooms are remembered; the rooms' host remembers fewer. */
const MAX_KEPT = 20_000

/** The feed asks it who sends a request, and hears from it when that is over. */
export type FeedAuthenticator = Pick<Authenticator, 'authenticate' | 'watch'>

/** Somebody who reads for long. */
export interface WatchedReader {
  readonly asking: Asking
  readonly body: { end(): void }
}

export interface AccessContext {
  readonly directory: RoomDirectory
  /** null: the principal alone decides. */
  readonly authorize: AuthorizeSpectator | null
  readonly authenticator: FeedAuthenticator
  readonly logger: Logger
  /** What the log says of rooms. */
  readonly who: Pick<WhoIndex, 'find' | 'note'>
}

/** Knows the facts of the rooms, and decides who may see them. */
export class FeedAccess {
  /** True when the answer depends on who asks. */
  readonly isPersonal: boolean
  readonly #directory: RoomDirectory
  readonly #authorize: AuthorizeSpectator | null
  readonly #authenticator: FeedAuthenticator
  readonly #logger: Logger
  #hasThrown = false
  readonly #watches = new Map<WatchedReader, () => void>()
  readonly #facts = new Map<string, WatchedRoom>()
  /** The ends of rooms that were sealed here: their records may know of them later. */
  readonly #ends = new Map<string, RoomEnd>()
  /** Rooms that no process went on with when the log was first followed, and its W then: nobody says that they are over. */
  readonly #still = new Map<string, number>()
  /** These living rooms are private. */
  readonly #withheld = new Set<string>()
  /**
   * The public rooms are kept until one is added, changed or forgotten, for each stream that opens
   * asks.
   */
  #public: { readonly ids: readonly string[]; readonly delayMs: number } | null = null
  /** The log was sealed at this seq when a private room became public, as its record says. */
  readonly #revealed = new Map<string, number>()
  readonly #who: Pick<WhoIndex, 'find' | 'note'>

  constructor({ directory, authorize, authenticator, logger, who }: AccessContext) {
    this.#who = who
    this.#directory = directory
    this.#logger = logger
    this.#authorize = authorize
    this.#authenticator = authenticator
    this.isPersonal = authorize !== null
  }

  /**
   * Finds who asks: at once, unless the answer takes time.
   * @throws RingsideError as the authenticator.
   */
  asking(request: HttpRequest): Asking | Promise<Asking> {
    const principal = this.#authenticator.authenticate(request)
    return principal instanceof Promise
      ? principal.then((known) => this.#askingOf(request, known))
      : this.#askingOf(request, principal)
  }

  #askingOf(request: HttpRequest, principal: Principal): Asking {
    return { request: this.isPersonal ? factsOf(request, principal) : null, principal }
  }

  /** The reader ends once its principal is no longer valid: expired, or revoked (FE81). */
  watch(reader: WatchedReader): void {
    this.unwatch(reader)
    const { principal } = reader.asking
    const stop = this.#authenticator.watch(principal, () => {
      if (!principal.isValid) reader.body.end()
    })
    this.#watches.set(reader, stop)
  }

  unwatch(reader: WatchedReader): void {
    this.#watches.get(reader)?.()
    this.#watches.delete(reader)
  }

  /**
   * The same reader by the credential of a later request; null when that has none, or nobody known reads.
   * @throws RingsideError as the authenticator, forbidden for somebody else's.
   */
  async refreshed(
    { request: kept, principal }: Asking,
    request: HttpRequest,
  ): Promise<Asking | null> {
    if (principal.kind === 'anonymous') return null
    const now = await this.#authenticator.authenticate(request)
    if (now.kind === 'anonymous') return null
    if (now.id !== principal.id)
      throw new RingsideError('forbidden', 'Expected a credential of who opened the stream')
    return { request: kept && factsOf(kept, now), principal: now }
  }

  /**
   * The log is followed from `sealed` on: a room that does not go on stands still from there, a private one is
   * withheld.
   */
  begin(sealed: number): void {
    for (const id of this.#directory.ids()) {
      const room = this.find(id)
      if (room?.isLive === false && !room.end) this.#still.set(id, sealed)
    }
  }

  /** An event of the log was sealed. */
  note(event: LogEvent): void {
    if (event.room === null) return
    if (this.#still.size > 0) this.#still.delete(event.room)
    const end = roomEndOf(event)
    if (end) remember(this.#ends, event.room, end)
    else this.#ends.delete(event.room)
  }

  /** The log says who sees a room: true when that is another's than before, and `refresh` is due (OB129). */
  noteWho(event: LogEvent): boolean {
    if (event.room === null || !event.who) return false
    return this.#who.note(event, this.#directory.find(event.room)?.delayMs ?? 0)
  }

  /**
   * Gives the end of a room that is over for whoever sees the log up to `seq`: then its log need not be asked (FE116).
   * null: it lives, as far as they may know.
   */
  endBy(id: string, seq: number): RoomEnd | null {
    const end = this.#ends.get(id) ?? this.find(id)?.end ?? null
    return end && end.seq <= seq ? end : null
  }

  /** True when nothing of the room is to be shown at `seq`: it is over, or stands still. */
  isQuietAt(id: string, seq: number): boolean {
    return seq >= (this.#still.get(id) ?? Infinity) || this.endBy(id, seq) !== null
  }

  /**
   * Finds a room as `find` does, also one that is over and forgotten.
   * @throws whatever the log fails with.
   */
  async seek(id: string): Promise<WatchedRoom | null> {
    const known = this.find(id)
    const isUntold = known?.end?.n === 0 && known.end.seq === 0
    if (known && !isUntold) return known
    const facts = await this.#directory.lookUp(id)
    return facts ? this.#keep(id, facts) : known
  }

  /** Finds a room, ended ones included; null when it is not known. */
  find(id: string): WatchedRoom | null {
    const known = this.#facts.get(id)
    if (known) return known
    const facts = this.#directory.find(id)
    return facts && this.#keep(id, facts)
  }

  #keep(id: string, facts: RoomFacts): WatchedRoom {
    const { type, isLive, revealedAt = 0, end = null } = facts
    const room = { id, type, isLive, end, ...this.#whoOf(id, facts) }
    const { isPrivate } = room
    if (this.#facts.size >= MAX_KEPT) this.#facts.clear()
    this.#facts.set(id, room)
    if (isPrivate && isLive) this.#withheld.add(id)
    // An earlier process revealed it, and the readers of that process come back here.
    else if (isLive && revealedAt > 0 && !this.#revealed.has(id))
      remember(this.#revealed, id, revealedAt)
    return room
  }

  /**
   * The log decides. Its owner here knows already what will be in it: where that closes the room, it counts. Without a
   * word of the log since the process began, the directory has what it said before, or the record of an older log.
   */
  #whoOf(id: string, facts: RoomFacts): RoomWho {
    const said = this.#who.find(id)
    if (!said) return { delayMs: facts.delayMs, isPrivate: facts.isPrivate }
    const isPrivate = said.isPrivate || (facts.isPrivate && facts.isElsewhere !== true)
    return { delayMs: said.delayMs, isPrivate }
  }

  /** Reads the room's facts anew, at this seq of the log: W, or that of the event that says so. */
  refresh(id: string, at: number): FactsChange {
    const before = this.#facts.get(id)
    this.#facts.delete(id)
    const after = this.find(id)
    const isSame =
      before?.isPrivate === after?.isPrivate &&
      before?.delayMs === after?.delayMs &&
      before?.isLive === after?.isLive
    // An end that became known changes nothing of who may see what.
    if (!isSame || !after) this.#public = null
    if (!after?.isLive || !after.isPrivate) {
      const wasWithheld = this.#withheld.delete(id)
      if (wasWithheld && after?.isLive) {
        remember(this.#revealed, id, at)
        return 'revealed'
      }
    }
    if (!after) this.#revealed.delete(id)
    return isSame ? 'none' : 'changed'
  }

  /**
   * Lists the rooms that became public at `seq` or later: a stream that reads on from there lacks
   * their snapshots.
   */
  revealedSince(seq: number): string[] {
    const ids: string[] = []
    for (const [id, at] of this.#revealed) if (at >= seq) ids.push(id)
    return ids
  }

  /** May this reader see the room's events of this type now (default: any of it)? */
  mayWatch({ request, principal }: Asking, room: WatchedRoom, type = 'snapshot'): boolean {
    // Whatever the hook says: who is over may see nothing (AU7).
    if (this.#authorize && request)
      return principal.isValid && this.#ask(this.#authorize, request, room)
    return principal.mayReadRoom(room, type)
  }

  #ask(authorize: AuthorizeSpectator, request: RequestFacts, room: WatchedRoom): boolean {
    try {
      const answer: unknown = authorize(request, room)
      return answer === true
    } catch (error) {
      // It is asked for every event, and logged once.
      if (!this.#hasThrown)
        this.#logger.error({ roomId: room.id, err: error }, 'authorizeSpectator threw')
      this.#hasThrown = true
      return false
    }
  }

  /** Lists the ids of the rooms that belong to `*`, ended ones included. */
  publicIds(): readonly string[] {
    return this.#allPublic().ids
  }

  #allPublic(): { readonly ids: readonly string[]; readonly delayMs: number } {
    if (this.#public) return this.#public
    const ids: string[] = []
    let delayMs = 0
    for (const id of this.#directory.ids()) {
      const room = this.find(id)
      if (room?.isPrivate !== false) continue
      ids.push(id)
      delayMs = Math.max(delayMs, room.delayMs)
    }
    this.#public = { ids, delayMs }
    return this.#public
  }

  /** Finds the largest delay among these rooms (null = all public ones), in ms (FE3). */
  delayOf(rooms: readonly string[] | null): number {
    if (!rooms) return this.#allPublic().delayMs
    return Math.max(0, ...rooms.map((id) => this.find(id)?.delayMs ?? 0))
  }

  /**
   * Makes the check of one group: it lets pass only known rooms that may be watched, and none whose
   * delay is larger than the group's own. Both what the room is now and what the log says at the
   * event decide, and the stricter counts (FE133).
   */
  checkFor(asking: Asking, scope: { all: boolean; delayMs: number }) {
    return (id: string, type: string, who: RoomWho | null = null): boolean => {
      const now = this.find(id)
      if (!now || now.delayMs > scope.delayMs) return false
      const room = who?.isPrivate && !now.isPrivate ? { ...now, isPrivate: true } : now
      if (scope.all && room.isPrivate) return false
      return this.mayWatch(asking, room, type)
    }
  }
}

/** Keeps the newest. */
function remember<V>(map: Map<string, V>, id: string, value: V): void {
  map.delete(id)
  map.set(id, value)
  const oldest = map.keys().next()
  if (map.size > MAX_KEPT && !oldest.done) map.delete(oldest.value)
}

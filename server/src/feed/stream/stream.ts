import { Intake } from '../../process/intake.ts'
import type { IntakeLimits } from '../../process/intake.ts'
import type { RoomPlace } from '../position/room-id.ts'
import type { ByteStream } from '../../transport/contract.ts'
import type { Asking } from '../audience/access.ts'
import type { Wish } from '../audience/wish.ts'
import type { FeedNote } from './format.ts'
import type { FeedGroup } from './group.ts'
import type { Pace } from './pace.ts'

export type StreamGroup = FeedGroup<FeedStream>

/** A full socket: it is written to no more until it takes bytes again. */
interface Full {
  /** Judges its reader. */
  readonly intake: Intake
  /** Wakes a bootstrap that waits for the socket. */
  wake: (() => void) | null
}

/** A stream that is not live has these fields: it is written to by itself. */
interface Apart {
  readonly pace: Pace | null
  lastWriteAt: number
  /** null while the socket takes bytes. */
  full: Full | null
  /**
   * True once the stream was behind because of its own socket, which decides the reason of a reset.
   */
  wasSlow: boolean
  /**
   * Rooms that became public where it stands: their snapshots are due. As many as there are rooms
   * at most.
   */
  revealed: Set<string> | null
}

/** A place in the log that a stream reads on from. */
export interface StreamPlace {
  /** Everything up to it was written. */
  readonly cursor: number
  /** For the feed of one room: the place of its last event up to the cursor; null for many. */
  readonly place: RoomPlace | null
  /** True while `caught-up` is due when the cursor reaches the tail. */
  readonly announces: boolean
}

/** A stream that reads the log by itself has a place too. */
interface Behind extends Apart {
  cursor: number
  place: RoomPlace | null
  announces: boolean
}

type StateOf<A, B> =
  | { readonly kind: 'starting'; readonly apart: A }
  | { readonly kind: 'catching-up'; readonly apart: B }
  | { readonly kind: 'loading'; readonly apart: B }
  | { readonly kind: 'pausing'; readonly apart: B; readonly cancel: () => void }
  | { readonly kind: 'live'; readonly index: number }
  | { readonly kind: 'closed' }

/** A stream's state can only be read; each has exactly the fields that exist in it. */
export type StreamState = StateOf<Readonly<Apart>, Readonly<Behind>>
export type StreamKind = StreamState['kind']

/** The states that each transition may begin in; from any other it throws. */
const FROM = {
  restart: ['starting', 'catching-up', 'loading'],
  toCatchingUp: ['starting', 'live'],
  load: ['catching-up'],
  pause: ['catching-up'],
  goOn: ['loading', 'pausing'],
  toLive: ['catching-up'],
  close: ['starting', 'catching-up', 'loading', 'pausing', 'live'],
} as const satisfies Record<string, readonly StreamKind[]>

const CLOSED = { kind: 'closed' } as const

export interface StreamOwner {
  readonly group: StreamGroup
  /** Those that were opened later have greater ones. */
  readonly number: number
  /** Whoever knows it may change the stream. */
  readonly key: string
  readonly asking: Asking
  readonly wish: Wish
  /** Its checkpoints are this client's; null = nobody's. */
  readonly client: StreamClient | null
  readonly address: string
  /** The replay's pace, or null for a stream that reads as fast as it can. */
  readonly pace: Pace | null
  /** The time is in ms of the clock. */
  readonly now: number
}

/** A client's feed, which has a checkpoint of its own. */
export interface StreamClient {
  readonly clientId: string
  readonly feedName: string
}

/**
 * A spectator's stream is a cursor, not a queue (FE5). It is in one of six states, which its own
 * methods change and nothing else does; a transition that is not named here throws.
 *
 * - `starting`: the starter alone writes: hello, reset, snapshots. A stream begins here, and comes
 *   back by `restart` when the log no longer reaches back to its cursor or a room was revealed to
 *   it. It leaves by `toCatchingUp` with the place at which all that was written ends.
 * - `catching-up`: the pump gives it a chunk in each of its turns, from its cursor on. It leaves by
 *   `load` when the chunk is not in memory, by `pause` when its pace says that the next event is
 *   not due yet, by `toLive` when it has reached the tail, and by `restart`.
 * - `loading`: one read of the log is under way for it. It leaves by `goOn` when that is over, or
 *   by `restart` when the log no longer reaches back so far.
 * - `pausing`: a timer runs until its next event is due. It leaves by `goOn` when the timer rings.
 * - `live`: it is one of its group's live streams, whose position is its own. It leaves by
 *   `toCatchingUp` when its socket is full or its group cannot take it along.
 * - `closed`: its body has ended. Every other state ends here, by `close`, and nothing leaves it.
 *
 * The first four are apart from the group: such a stream has a socket that may be full, and is
 * written to alone. A live stream's socket takes bytes, else the stream falls behind. The group
 * changes only while it is apart.
 */
export class FeedStream {
  readonly id: string
  readonly number: number
  readonly key: string
  /** The time of the clock in ms. */
  readonly openedAt: number
  readonly body: ByteStream
  /** Who reads it: the same one all the time, by a later token perhaps. */
  asking: Asking
  readonly client: StreamClient | null
  /** What its reader asked for, of which its group follows what there is. */
  wish: Wish
  /** Its reads of the log take this address' turn (ReadGate). */
  readonly address: string
  #group: StreamGroup
  #state: StateOf<Apart, Behind>
  #notes: Map<string, FeedNote> | null = null
  /** It was shown everything up to here before it began again. */
  #shownBefore = -1
  /** Bytes that were written to it apart from its group, and as one of its group until it left. */
  #bytes = 0
  /** Its group had written so many when it joined. */
  #bytesAtJoin = 0

  constructor(id: string, body: ByteStream, owner: StreamOwner) {
    const { group, number, key, asking, wish, client, address, pace, now } = owner
    this.id = id
    this.number = number
    this.key = key
    this.openedAt = now
    this.body = body
    this.asking = asking
    this.client = client
    this.wish = wish
    this.address = address
    this.#group = group
    const apart = { pace, lastWriteAt: now, full: null, wasSlow: false, revealed: null }
    this.#state = { kind: 'starting', apart }
  }

  get group(): StreamGroup {
    return this.#group
  }

  get state(): StreamState {
    return this.#state
  }

  /** It has these fields while it is apart from its group; null when it is live or closed. */
  get apart(): Readonly<Apart> | null {
    return this.#apart
  }

  /** It was shown everything up to here that it follows; -1: nothing yet. */
  get shownTo(): number {
    const state = this.#state
    switch (state.kind) {
      case 'live':
        return this.#group.seen
      case 'catching-up':
      case 'loading':
      case 'pausing':
        return state.apart.cursor
      case 'starting':
      case 'closed':
        return this.#shownBefore
    }
  }

  /** So many bytes were written to it. */
  get writtenBytes(): number {
    const isLive = this.#state.kind === 'live'
    return this.#bytes + (isLive ? this.#group.writtenBytes - this.#bytesAtJoin : 0)
  }

  get #apart(): Apart | null {
    const state = this.#state
    switch (state.kind) {
      case 'starting':
      case 'catching-up':
      case 'loading':
      case 'pausing':
        return state.apart
      case 'live':
      case 'closed':
        return null
    }
  }

  /** It begins again: the starter writes from here on. */
  restart(): void {
    this.#shownBefore = Math.max(this.#shownBefore, this.shownTo)
    this.#leave('restart')
    const { pace, lastWriteAt, full, wasSlow, revealed } = this.#mustBeApart('restart')
    this.#state = { kind: 'starting', apart: { pace, lastWriteAt, full, wasSlow, revealed } }
  }

  /** It reads on from this place by itself; a live stream leaves its group. */
  toCatchingUp({ cursor, place, announces }: StreamPlace): void {
    this.#leave('toCatchingUp')
    const apart = this.#apart ?? {
      pace: null,
      lastWriteAt: this.#group.lastWriteAt,
      full: null,
      wasSlow: false,
      revealed: null,
    }
    this.#state = { kind: 'catching-up', apart: { ...apart, cursor, place, announces } }
  }

  /** A read of the log is under way for it. */
  load(): void {
    this.#leave('load')
    this.#state = { kind: 'loading', apart: this.#mustBeBehind('load') }
  }

  /** Its next event is not due yet; `cancel` stops the timer that rings then. */
  pause(cancel: () => void): void {
    this.#leave('pause')
    this.#state = { kind: 'pausing', apart: this.#mustBeBehind('pause'), cancel }
  }

  /** The read is over, or the next event is due. */
  goOn(): void {
    this.#leave('goOn')
    this.#state = { kind: 'catching-up', apart: this.#mustBeBehind('goOn') }
  }

  /** It has reached the tail, and its group takes it along. */
  toLive(): void {
    this.#leave('toLive')
    this.#bytesAtJoin = this.#group.writtenBytes
    this.#state = { kind: 'live', index: this.#group.join(this) }
  }

  /** Its body has ended: a bootstrap that waits for its socket is woken. */
  close(): void {
    this.#leave('close')
    const full = this.#apart?.full
    this.#state = CLOSED
    full?.wake?.()
  }

  /** Everything up to `cursor` was written, and `caught-up` too unless it is still due. */
  moveTo({ cursor, place, announces }: StreamPlace): void {
    const behind = this.#mustBeBehind('moveTo')
    behind.cursor = cursor
    behind.place = place
    behind.announces = announces
  }

  /** It follows another group from here on. @throws Error when it is live. */
  follow(group: StreamGroup): void {
    this.#mustBeApart('follow')
    this.#group = group
  }

  /** Its group calls this when another stream has left and this one takes its place. */
  placeAt(index: number): void {
    if (this.#state.kind !== 'live') throw this.#refusal('placeAt')
    this.#state = { kind: 'live', index }
  }

  /** A room became public where it stands. @throws Error when it is live. */
  reveal(room: string): void {
    const apart = this.#mustBeApart('reveal')
    apart.revealed ??= new Set()
    apart.revealed.add(room)
  }

  /** Hands over the rooms whose snapshots are due. */
  takeRevealed(): ReadonlySet<string> {
    const apart = this.#mustBeApart('takeRevealed')
    const { revealed } = apart
    apart.revealed = null
    return revealed ?? new Set()
  }

  /**
   * An event without an id is due where it stands. The newest of a name is the one that is true, so that as many wait as
   * it names rooms at most. @throws Error when it is live.
   */
  note(name: string, note: FeedNote): void {
    this.#mustBeApart('note')
    this.#notes ??= new Map()
    this.#notes.set(name, note)
  }

  get hasNotes(): boolean {
    return this.#notes !== null
  }

  /** Hands over the events that are due. */
  takeNotes(): readonly FeedNote[] {
    const notes = this.#notes
    this.#notes = null
    return notes ? [...notes.values()] : []
  }

  /** So many bytes were handed to its socket, by itself. */
  wrote(now: number, bytes: number): void {
    this.#bytes += bytes
    const apart = this.#apart
    if (apart) apart.lastWriteAt = now
  }

  /** The socket takes no more; `since` is when it last did. */
  fill(since: number, limits: IntakeLimits): void {
    const apart = this.#apart
    if (!apart) return
    apart.wasSlow = true
    apart.full ??= { intake: new Intake(limits), wake: null }
    apart.full.intake.handed(this.body.bufferedBytes, since)
  }

  /** The socket takes bytes again. */
  drain(): void {
    const apart = this.#apart
    if (!apart?.full) return
    const { wake } = apart.full
    apart.full = null
    wake?.()
  }

  /** Resolves when the socket takes bytes, or has closed. */
  writable(): Promise<void> {
    const full = this.#apart?.full
    if (!full) return Promise.resolve()
    return new Promise((resolve) => {
      full.wake = resolve
    })
  }

  /** True when the reader of its full socket takes too little, as seen from one call to the next (FE49). */
  isTooSlow(now: number): boolean {
    const full = this.#apart?.full
    if (!full) return false
    full.intake.look(this.body.bufferedBytes, now)
    return full.intake.isSlow(now)
  }

  /**
   * The one place that holds transitions to `FROM`. Lets go of what the state that ends here holds.
   */
  #leave(transition: keyof typeof FROM): void {
    const state = this.#state
    const from: readonly StreamKind[] = FROM[transition]
    if (!from.includes(state.kind)) throw this.#refusal(transition)
    if (state.kind === 'live') {
      this.#bytes = this.writtenBytes
      this.#group.leave(state.index)
    } else if (state.kind === 'pausing') state.cancel()
  }

  #mustBeApart(wish: string): Apart {
    const apart = this.#apart
    if (!apart) throw this.#refusal(wish)
    return apart
  }

  #mustBeBehind(wish: string): Behind {
    const state = this.#state
    switch (state.kind) {
      case 'catching-up':
      case 'loading':
      case 'pausing':
        return state.apart
      case 'starting':
      case 'live':
      case 'closed':
        throw this.#refusal(wish)
    }
  }

  #refusal(wish: string): Error {
    return new Error(`Expected no ${wish} of stream ${this.id}, which is ${this.#state.kind}`)
  }
}

import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { RingsideError } from '../../process/errors.ts'
import type { RoomWho } from '../../outbox/contract/room-who.ts'
import { END, PATCH } from '../../outbox/contract/store.ts'
import type { LogEvent } from '../../outbox/contract/store.ts'
import type { FeedLog } from './feed-log.ts'
import type { ReadGate } from './read-gate.ts'
import { encodeEvent } from '../sse.ts'
import { lineJson } from '../../process/json-text.ts'

/** A view is a room's public state at one point of the log. */
export interface StateView {
  readonly room: string
  /** These are of the room's last event at or before the point asked for. */
  readonly n: number
  readonly seq: number
  readonly at: number
  /** Encoded JSON. */
  readonly state: string
  /** True when that event was the room's end. */
  readonly isOver: boolean
  /** Who sees the room there (FE133); null: all, or the log does not say. */
  readonly who: RoomWho | null
}

/** So much is taken in at once; a room may have hundreds of large events since its snapshot. */
const READ = { limit: 500, maxBytes: 1024 * 1024 }
const NEWEST = { views: 2_048, characters: 32 * 1024 * 1024 }
/** Many ask for the same old position: where the log begins, or a shared link to a moment. */
const EXACT = { views: 4_096, characters: 16 * 1024 * 1024 }
/** Rooms whose beginnings are remembered; more than the rooms' host does. */
const MAX_BEGINNINGS = 20_000

/**
 * Tells the public state of any room at any seq: the newest snapshot (of the log, or of an earlier
 * answer) and the patches after it. Equal questions are answered once; answers are kept within a
 * bound, oldest out first. The position where a room begins never changes, so the log is asked once
 * for it, however many readers want the rooms' snapshots at old positions (FE44).
 */
export class States {
  readonly #log: FeedLog
  readonly #gate: ReadGate
  readonly #underway = new Map<string, Promise<StateView | null>>()
  /** It holds the newest view of each room. */
  readonly #newest = new ViewShelf(NEWEST)
  /** It holds views by room and the seq that was asked for. */
  readonly #exact = new ViewShelf(EXACT)
  /** A room has no state at this seq, nor at any below. */
  readonly #nothingUpTo = new Map<string, number>()

  constructor(log: FeedLog, gate: ReadGate) {
    this.#log = log
    this.#gate = gate
  }

  /**
   * Folds the state after all events of the room up to `seq` (at most `sealed`: the caller minds
   * the delay); null when the room had not begun. It takes the turn of `who` (ReadGate).
   * @throws RingsideError past_retention when the log does not reach back so far,
   * too_many_requests.
   */
  async at(room: string, seq: number, who: string): Promise<StateView | null> {
    this.#checkPosition(room, seq)
    const key = `${room} ${seq}`
    const known = this.#exact.get(key)
    if (known) return known
    const underway = this.#underway.get(key)
    if (underway) return underway
    const answer = this.#gate
      .run(who, () => this.#build(room, seq))
      .finally(() => this.#underway.delete(key))
    this.#underway.set(key, answer)
    return answer
  }

  /**
   * The room begins later than `seq`, or its events up to there are gone: it has no state there.
   */
  noteNothing(room: string, seq: number): void {
    const known = this.#nothingUpTo.get(room) ?? -1
    this.#nothingUpTo.delete(room)
    this.#nothingUpTo.set(room, Math.max(known, seq))
    const oldest = this.#nothingUpTo.keys().next()
    if (this.#nothingUpTo.size > MAX_BEGINNINGS && !oldest.done)
      this.#nothingUpTo.delete(oldest.value)
  }

  /** True when the log need not be asked for the room's state at `seq`. */
  hasNothingAt(room: string, seq: number): boolean {
    if (this.#log.isArchived(room)) return false
    return seq <= this.#log.origin || seq <= (this.#nothingUpTo.get(room) ?? -1)
  }

  /**
   * Finds the next event of a room that has no state at `after`, and so none before that event:
   * later readers need not ask.
   */
  async noteBeginning(room: string, after: number, who: string): Promise<void> {
    const read = () => this.#log.read({ after, limit: 1, room })
    const { events, next } = await this.#gate.run(who, read)
    this.noteNothing(room, events[0] ? events[0].seq - 1 : Math.max(after, next))
  }

  async #build(room: string, seq: number): Promise<StateView | null> {
    const first = this.#checkPosition(room, seq)
    let base = this.#newest.get(room)
    if (base && base.seq > seq) base = null
    if (base?.isOver) return base
    // At most one read lies between: no snapshot would be nearer.
    const isNear = base !== null && base.seq >= first && seq - base.seq <= READ.limit
    const snapshot = isNear ? null : await this.#log.snapshotAt(room, seq)
    const isSnapshot = snapshot !== null && (!base || snapshot.seq > base.seq)
    if (isSnapshot)
      base = { ...snapshot, state: snapshot.publicState, isOver: false, who: snapshot.who ?? null }
    const fold = new ViewFold(room, base)
    await this.#read(room, { after: Math.max(base?.seq ?? 0, first), upTo: seq }, fold)
    let { view } = fold
    if (isSnapshot && base && view === base && base.seq > first) {
      // The snapshot may have been taken right at the end.
      const [last] = (await this.#log.read({ after: base.seq - 1, upTo: base.seq, limit: 1, room }))
        .events
      if (last?.type === END) view = { ...base, isOver: true }
    }
    if (!view) return null
    this.#exact.put(`${room} ${seq}`, view)
    if (view.seq >= (this.#newest.get(room)?.seq ?? 0)) this.#newest.put(room, view)
    return view
  }

  /** Says where the log begins. @throws RingsideError past_retention for a position before it. */
  #checkPosition(room: string, seq: number): number {
    const first = this.#log.firstOf(room)
    if (seq < first || this.#log.isVoid(room, seq)) throw new RingsideError('past_retention')
    return first
  }

  async #read(room: string, range: { after: number; upTo: number }, fold: ViewFold): Promise<void> {
    const { upTo } = range
    for (let from = range.after; from < upTo;) {
      const { events, next } = await this.#log.read({ after: from, upTo, ...READ, room })
      for (const event of events) fold.take(event)
      if (next <= from) break
      from = next
    }
  }
}

/**
 * Keeps views by key, up to a number of them and of their characters; the one unused for longest
 * goes first.
 */
export class ViewShelf {
  readonly #maxViews: number
  readonly #maxCharacters: number
  readonly #views = new Map<string, StateView>()
  #characters = 0

  constructor(bounds: { readonly views: number; readonly characters: number }) {
    this.#maxViews = bounds.views
    this.#maxCharacters = bounds.characters
  }

  get characters(): number {
    return this.#characters
  }

  get(key: string): StateView | null {
    const view = this.#views.get(key)
    if (!view) return null
    this.#views.delete(key)
    this.#views.set(key, view)
    return view
  }

  put(key: string, view: StateView): void {
    this.#characters += view.state.length - (this.#views.get(key)?.state.length ?? 0)
    this.#views.delete(key)
    this.#views.set(key, view)
    for (const [oldest, { state }] of this.#views) {
      if (this.#views.size <= this.#maxViews && this.#characters <= this.#maxCharacters) break
      this.#views.delete(oldest)
      this.#characters -= state.length
    }
  }
}

/** Adds events to a view without keeping them. */
class ViewFold {
  readonly #room: string
  readonly #base: StateView | null
  #state: Json = {}
  #last: LogEvent | null = null
  #who: RoomWho | null

  constructor(room: string, base: StateView | null) {
    this.#room = room
    this.#base = base
    this.#who = base?.who ?? null
  }

  /**
   * @throws RingsideError past_retention for a first event that does not follow: what lay between
   * is gone.
   */
  take(event: LogEvent): void {
    if (!this.#last) {
      if (event.n !== (this.#base?.n ?? 0) + 1) throw new RingsideError('past_retention')
      if (this.#base) this.#state = JSON.parse(this.#base.state) as Json
    }
    this.#last = event
    this.#who = event.who ?? this.#who
    if (event.type === PATCH && event.data !== '')
      this.#state = applyMergePatch(this.#state, JSON.parse(event.data) as Json)
  }

  get view(): StateView | null {
    if (!this.#last) return this.#base
    const { n, seq, at, type } = this.#last
    const state = JSON.stringify(this.#state)
    return { room: this.#room, n, seq, at, state, isOver: type === END, who: this.#who }
  }
}

/** Encodes a view as `GET /rooms/:id/state` answers it and `snapshot` carries it. */
export function viewJson(view: StateView): string {
  const { room, n, at, state } = view
  return lineJson(`{"room":${JSON.stringify(room)},"n":${n},"at":${at},"state":${state}}`)
}

const blocks = new WeakMap<StateView, Uint8Array>()

/** Encodes the `snapshot` event, once per view and without an id (FE30). */
export function snapshotBlock(view: StateView): Uint8Array {
  let block = blocks.get(view)
  if (!block) {
    block = encodeEvent('snapshot', viewJson(view))
    blocks.set(view, block)
  }
  return block
}

import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { RingsideError } from '../../process/errors.ts'
import type { Outbox } from '../../outbox/contract/outbox.ts'
import { END, PATCH } from '../../outbox/contract/store.ts'
import type { LogEvent } from '../../outbox/contract/store.ts'
import type { ReadGate } from './read-gate.ts'
import { encodeEvent } from '../sse.ts'
import { ViewShelf } from './view-shelf.ts'

/** A room's public state at one point of the log. */
export interface RoomView {
  readonly room: string
  /** n, seq and time of the room's last event at or before the point asked for. */
  readonly n: number
  readonly seq: number
  readonly at: number
  /** Encoded JSON. */
  readonly state: string
  /** True when that event was the room's end. */
  readonly isOver: boolean
}

/** What is taken in at once; a room may have hundreds of large events since its snapshot. */
const PAGE = { limit: 500, maxBytes: 1024 * 1024 }
const NEWEST = { views: 2_048, characters: 32 * 1024 * 1024 }
/** Many ask for the same old position: where the log begins, or a shared link to a moment. */
const EXACT = { views: 4_096, characters: 16 * 1024 * 1024 }

/**
 * The public state of any room at any seq: the newest snapshot (of the log, or of an earlier answer) and the
 * patches after it. Equal questions are answered once; answers are kept within a bound, oldest out first.
 */
export class RoomStates {
  readonly #outbox: Outbox
  readonly #gate: ReadGate
  readonly #underway = new Map<string, Promise<RoomView | null>>()
  /** The newest view of each room. */
  readonly #newest = new ViewShelf(NEWEST)
  /** Views by room and the seq that was asked for. */
  readonly #exact = new ViewShelf(EXACT)

  constructor(outbox: Outbox, gate: ReadGate) {
    this.#outbox = outbox
    this.#gate = gate
  }

  /**
   * The state after all events of the room up to `seq` (at most `sealed`: the caller minds the delay).
   * null when the room had not begun. `who`: whose turn it takes (ReadGate).
   * @throws RingsideError past_retention when the log does not reach back so far, too_many_requests.
   */
  async at(room: string, seq: number, who: string): Promise<RoomView | null> {
    this.#checkPosition(seq)
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

  async #build(room: string, seq: number): Promise<RoomView | null> {
    const first = this.#checkPosition(seq)
    let base = this.#newest.get(room)
    if (base && base.seq > seq) base = null
    if (base?.isOver) return base
    // One page at most lies between: no snapshot would be nearer.
    const isNear = base !== null && base.seq >= first && seq - base.seq <= PAGE.limit
    const snapshot = isNear ? null : await this.#outbox.snapshotAt(room, seq)
    const isSnapshot = snapshot !== null && (!base || snapshot.seq > base.seq)
    if (isSnapshot) base = { ...snapshot, state: snapshot.publicState, isOver: false }
    const fold = new ViewFold(room, base)
    await this.#read(room, { after: Math.max(base?.seq ?? 0, first), upTo: seq }, fold)
    let { view } = fold
    if (isSnapshot && base && view === base && base.seq > first) {
      // The snapshot may have been taken right at the end.
      const [last] = (
        await this.#outbox.read({ after: base.seq - 1, upTo: base.seq, limit: 1, room })
      ).events
      if (last?.type === END) view = { ...base, isOver: true }
    }
    if (!view) return null
    this.#exact.put(`${room} ${seq}`, view)
    if (view.seq >= (this.#newest.get(room)?.seq ?? 0)) this.#newest.put(room, view)
    return view
  }

  /** Where the log begins. @throws RingsideError past_retention for a position before it. */
  #checkPosition(seq: number): number {
    const first = Math.max(this.#outbox.floor, this.#outbox.origin)
    if (seq < first) throw new RingsideError('past_retention')
    return first
  }

  async #read(room: string, range: { after: number; upTo: number }, fold: ViewFold): Promise<void> {
    const { upTo } = range
    for (let from = range.after; from < upTo;) {
      const page = await this.#outbox.read({ after: from, upTo, ...PAGE, room })
      for (const event of page.events) fold.take(event)
      if (page.next <= from) break
      from = page.next
    }
  }
}

/** A view that events are added to, without keeping them. */
class ViewFold {
  readonly #room: string
  readonly #base: RoomView | null
  #state: Json = {}
  #last: LogEvent | null = null

  constructor(room: string, base: RoomView | null) {
    this.#room = room
    this.#base = base
  }

  /** @throws RingsideError past_retention for a first event that does not follow: what lay between is gone. */
  take(event: LogEvent): void {
    if (!this.#last) {
      if (event.n !== (this.#base?.n ?? 0) + 1) throw new RingsideError('past_retention')
      if (this.#base) this.#state = JSON.parse(this.#base.state) as Json
    }
    this.#last = event
    if (event.type === PATCH && event.data !== '')
      this.#state = applyMergePatch(this.#state, JSON.parse(event.data) as Json)
  }

  get view(): RoomView | null {
    if (!this.#last) return this.#base
    const { n, seq, at, type } = this.#last
    const state = JSON.stringify(this.#state)
    return { room: this.#room, n, seq, at, state, isOver: type === END }
  }
}

/** The answer of `GET /rooms/:id/state` and the data of `snapshot`. */
export function viewJson(view: RoomView): string {
  const { room, n, seq, at, state } = view
  return `{"room":${JSON.stringify(room)},"n":${n},"seq":${seq},"at":${at},"state":${state}}`
}

const blocks = new WeakMap<RoomView, Uint8Array>()

/** The `snapshot` event, encoded once per view; without an id (FE2). */
export function snapshotBlock(view: RoomView): Uint8Array {
  let block = blocks.get(view)
  if (!block) {
    block = encodeEvent('snapshot', viewJson(view))
    blocks.set(view, block)
  }
  return block
}

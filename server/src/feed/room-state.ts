import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { RingsideError } from '../errors.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { LogEvent } from '../outbox/store.ts'
import { encodeEvent } from './sse.ts'

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

const PAGE_LIMIT = 500
const MAX_VIEWS = 2_048
const MAX_BYTES = 32 * 1024 * 1024

/**
 * The public state of any room at any seq: the newest snapshot (of the log, or of an earlier answer) and the
 * patches after it. Equal questions are answered once; answers are kept within a bound, oldest out first.
 */
export class RoomStates {
  readonly #outbox: Outbox
  readonly #underway = new Map<string, Promise<RoomView | null>>()
  /** The newest view of each room, in order of last use. */
  readonly #views = new Map<string, RoomView>()
  #bytes = 0

  constructor(outbox: Outbox) {
    this.#outbox = outbox
  }

  /**
   * The state after all events of the room up to `seq` (at most `sealed`: the caller minds the delay).
   * null when the room had not begun.
   * @throws RingsideError past_retention when the log does not reach back so far.
   */
  at(room: string, seq: number): Promise<RoomView | null> {
    const key = `${room} ${seq}`
    const underway = this.#underway.get(key)
    if (underway) return underway
    const answer = this.#build(room, seq).finally(() => this.#underway.delete(key))
    this.#underway.set(key, answer)
    return answer
  }

  async #build(room: string, seq: number): Promise<RoomView | null> {
    const first = Math.max(this.#outbox.floor, this.#outbox.origin)
    if (seq < first) throw new RingsideError('past_retention')
    let base = this.#views.get(room) ?? null
    if (base && base.seq > seq) base = null
    if (base?.isOver) return base
    const snapshot = await this.#outbox.snapshotAt(room, seq)
    if (snapshot && (!base || snapshot.seq > base.seq))
      base = { ...snapshot, state: snapshot.publicState, isOver: false }
    const events = await this.#eventsBetween(room, Math.max(base?.seq ?? 0, first), seq)
    const begins = events[0]
    if (!base && !begins) return null
    // A first event that does not follow the base: what lay between is gone.
    if (begins && begins.n !== (base?.n ?? 0) + 1) throw new RingsideError('past_retention')
    if (base && !begins && !base.isOver && base.seq > first) {
      // The snapshot may have been taken right at the end.
      const [last] = await this.#eventsBetween(room, base.seq - 1, base.seq)
      if (last?.type === 'end') base = { ...base, isOver: true }
    }
    const view = begins ? applied(room, base, events) : base
    if (view) this.#keep(view)
    return view
  }

  async #eventsBetween(room: string, after: number, upTo: number): Promise<LogEvent[]> {
    const events: LogEvent[] = []
    for (let from = after; from < upTo;) {
      const page = await this.#outbox.read({ after: from, upTo, limit: PAGE_LIMIT, room })
      events.push(...page.events)
      if (page.next <= from) break
      from = page.next
    }
    return events
  }

  #keep(view: RoomView): void {
    const kept = this.#views.get(view.room)
    if (kept && kept.seq > view.seq) return
    this.#views.delete(view.room)
    this.#views.set(view.room, view)
    this.#bytes += view.state.length - (kept?.state.length ?? 0)
    for (const [room, oldest] of this.#views) {
      if (this.#views.size <= MAX_VIEWS && this.#bytes <= MAX_BYTES) break
      this.#views.delete(room)
      this.#bytes -= oldest.state.length
    }
  }
}

function applied(room: string, base: RoomView | null, events: readonly LogEvent[]): RoomView {
  let state: Json = base ? (JSON.parse(base.state) as Json) : {}
  for (const event of events)
    if (event.type === 'patch' && event.data !== '')
      state = applyMergePatch(state, JSON.parse(event.data) as Json)
  const last = events.at(-1) as LogEvent
  return {
    room,
    n: last.n,
    seq: last.seq,
    at: last.at,
    state: JSON.stringify(state),
    isOver: last.type === 'end',
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

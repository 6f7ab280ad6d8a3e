import { applyMergePatch, reviveState } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { ArenaState } from '../../shared/game.ts'
import type { ArenaEvent, ArenaView, PlayerView, StateValue } from './arena-view.ts'
import { STALE_EVENT_MS, playerView, shotViews } from './arena-view.ts'
import { FrameBuffer } from './frame-buffer.ts'

/** So many events may wait for their time; beyond that the oldest are given up. */
const MAX_EVENTS = 400

interface Moment {
  readonly value: StateValue
  readonly n: number
}

const EVENT_TYPES: ReadonlySet<string> = new Set<ArenaEvent['type']>([
  'hit',
  'kill',
  'blast',
  'pickup',
  'spawn',
  'chat',
  'roundStart',
  'roundOver',
])

/** One room as its feed tells it: snapshots, patches and events by time, read at any moment of them. */
export class RoomTrack {
  readonly #buffer = new FrameBuffer<Moment>(400)
  #raw: Json | undefined
  #events: ArenaEvent[] = []
  #newestAt = Number.NaN

  /** Time of the newest message; NaN before the first. */
  get newestAt(): number {
    return this.#newestAt
  }

  get hasState(): boolean {
    return this.#raw !== undefined
  }

  /** Takes a whole state, which is the track's from now on. `isJump` = the states before are of another time, not the past of this. */
  snapshot(at: number, state: Json, { n, isJump }: { n: number; isJump: boolean }): void {
    if (isJump || !(at >= this.#newestAt)) {
      this.#buffer.clear()
      this.#events = []
    }
    this.#raw = state
    this.#newestAt = at
    this.#push(at, n)
  }

  /** Takes a merge patch, which is the track's from now on. */
  patch(at: number, patch: Json, n: number): void {
    if (this.#raw === undefined) return
    this.#raw = applyMergePatch(this.#raw, patch)
    this.#push(at, n)
  }

  /** Takes an event of the game and ignores types that are not known here. */
  event(type: string, at: number, data: Json): void {
    this.#newestAt = Math.max(at, this.#newestAt || 0)
    if (!EVENT_TYPES.has(type)) return
    this.#events.push({ type, at, data } as unknown as ArenaEvent)
    if (this.#events.length > MAX_EVENTS) this.#events.shift()
  }

  /** The view at `time`, and the position in the log that it belongs to. */
  sample(time: number): { view: ArenaView; n: number } | null {
    const found = this.#buffer.at(time)
    if (!found) return null
    const { value, n } = found.frame.state
    return { view: viewOf(value, found.players, time), n }
  }

  /** Takes the events up to `time`; those long past (the page slept) are left out. */
  takeEvents(time: number): ArenaEvent[] {
    const due = this.#events.filter((event) => event.at <= time)
    if (due.length > 0) this.#events = this.#events.filter((event) => event.at > time)
    return due.filter((event) => event.at > time - STALE_EVENT_MS)
  }

  #push(at: number, n: number): void {
    this.#newestAt = Math.max(at, this.#newestAt || 0)
    const value = reviveState(ArenaState, this.#raw ?? {})
    const players = new Map<string, PlayerView>()
    for (const [id, player] of Object.entries(value.players))
      players.set(id, playerView(id, player))
    this.#buffer.push({ at, state: { value, n }, players })
  }
}

function viewOf(
  value: StateValue,
  players: ReadonlyMap<string, PlayerView>,
  time: number,
): ArenaView {
  return {
    time,
    selfId: null,
    players,
    shots: shotViews(value.shots, time),
    packs: Object.entries(value.packs).map(([id, pack]) => ({ id, ...pack })),
    mines: [],
    round: value.round,
    phase: value.phase,
    endsAt: value.endsAt,
    winner: value.winner,
    winnerName: value.winnerName,
    chat: chatLines(value.chat),
  }
}

/** The chat of a state in its order. */
export function chatLines(chat: StateValue['chat']): StateValue['chat'][string][] {
  return Object.values(chat).sort((a, b) => a.id - b.id)
}

import { FRAME_HEADER_BYTES, decodeMessage, decodeSystem, system } from '@ringside/protocol'
import type { GameContract, RoomDefinition } from '@ringside/protocol'
import { ChangeWatch } from './change-watch.ts'
import type { EventInfo, PatchInfo, RoomNotice, RosterEntry } from './client-types.ts'
import { EarlyFrames, EarlyListeners } from './early-frames.ts'
import { checkName } from './argument-check.ts'
import { Listeners } from './listeners.ts'
import { RequestError } from './request-error.ts'
import { createReplica } from './state-replica.ts'
import type { AppliedPatch, StateReplica } from './state-replica.ts'
import type { Timers } from './timers.ts'

/** The content of JOINED; the JOINED of each reconnect replaces it as a whole. */
type Joined = ReturnType<typeof decodeSystem<'joined'>>

type EventHandler = [payload: never, info: EventInfo]

/** The last event of the room that this client knows of: those after it are new to it. */
export interface EventPosition {
  readonly epoch: number
  readonly index: number
}

/** No room has more seats. */
const MAX_ROSTER = 10_000

/**
 * A client's knowledge of its room. It is fed with frames, in order, and never connected to anything. It survives
 * reconnects: JOINED and STATE replace what it holds, listeners stay.
 */
export class RoomView {
  readonly #game: GameContract
  #joined: Joined | null = null
  #definition: RoomDefinition | null = null
  #replica: StateReplica | null = null
  #roster = new Map<string, RosterEntry>()
  readonly #events = new Map<string, EarlyListeners<EventHandler>>()
  /** What comes before anybody listens. */
  readonly early: EarlyFrames
  #position: EventPosition | null = null
  readonly watch = new ChangeWatch<unknown>()
  readonly patched = new Listeners<[PatchInfo]>()
  readonly arrived = new Listeners<[RosterEntry]>()
  readonly departed = new Listeners<[RosterEntry]>()
  readonly pauseChanged = new Listeners<[isPaused: boolean]>()
  readonly noticed = new Listeners<[RoomNotice]>()
  #isPaused = false

  constructor(game: GameContract, timers: Timers) {
    this.#game = game
    this.early = new EarlyFrames(timers)
  }

  /** @throws RequestError before the first JOINED. */
  get joined(): Joined {
    if (!this.#joined) throw new RequestError('disconnected', 'Not joined yet', true)
    return this.#joined
  }

  /** For the JOIN of a reconnect; null with a server that does not count events. */
  get position(): EventPosition | null {
    return this.#position
  }

  /** Null before the first JOINED. */
  get replica(): StateReplica | null {
    return this.#replica
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  get roster(): ReadonlyMap<string, RosterEntry> {
    return this.#roster
  }

  /** @throws TypeError for an event that the room's contract does not declare. */
  on(name: string, handler: (...values: EventHandler) => void): () => void {
    checkName('an event', name, this.#definition?.events ?? {})
    return this.#listenersOf(name).add(handler)
  }

  #listenersOf(name: string): EarlyListeners<EventHandler> {
    let listeners = this.#events.get(name)
    if (!listeners) this.#events.set(name, (listeners = new EarlyListeners(this.early)))
    return listeners
  }

  /**
   * Takes a frame that concerns the room and ignores others.
   * @throws PayloadError or RequestError when it does not fit: the view is void until the next STATE.
   */
  take(id: number, frame: Uint8Array): void {
    switch (id) {
      case system.patch.id:
        if (this.#replica) this.#patched(this.#replica.applyPatch(payloadOf(frame)))
        return
      case system.state.id:
        if (this.#replica) this.#patched(this.#replica.applyState(payloadOf(frame)))
        return
      case system.event.id:
        this.#takeEvent(frame)
        return
      case system.presence.id:
        this.#takePresence(frame)
        return
      case system.joined.id:
        this.#takeJoined(frame)
        // A room that stands still takes nobody in.
        this.#setPaused(false)
        return
      case system.paused.id:
        this.#setPaused(decodeSystem('paused', frame).paused)
        return
      case system.notice.id:
        this.noticed.call(decodeSystem('notice', frame))
        return
      default:
    }
  }

  #takeJoined(frame: Uint8Array): void {
    const joined = decodeSystem('joined', frame)
    const { rooms } = this.#game
    const definition = Object.hasOwn(rooms, joined.type) ? rooms[joined.type] : undefined
    if (!definition || (this.#joined && this.#joined.type !== joined.type))
      throw new RequestError('bad_answer', `Unexpected type of room '${joined.type}'`, false)
    const before = this.#roster
    this.#roster = new Map(joined.roster.map((entry) => [entry.sessionId, entry]))
    this.#definition = definition
    this.#replica ??= createReplica(definition.state)
    const isFirst = !this.#joined
    const isNewSeat = this.#joined?.sessionId !== joined.sessionId
    this.#joined = joined
    const { epoch, index, eventsMissed } = joined
    if (index === undefined) this.#position = null
    // Else the events that were missed follow, and each moves it on.
    else if (isNewSeat || eventsMissed || !this.#position) this.#position = { epoch, index }
    if (isFirst) return
    // Others may have come and gone while the connection was away.
    for (const entry of before.values())
      if (!this.#roster.has(entry.sessionId)) this.departed.call(entry)
    for (const entry of this.#roster.values())
      if (!before.has(entry.sessionId)) this.arrived.call(entry)
  }

  #setPaused(isPaused: boolean): void {
    if (this.#isPaused === isPaused) return
    this.#isPaused = isPaused
    this.pauseChanged.call(isPaused)
  }

  #patched(patch: AppliedPatch): void {
    const { epoch, tick, at, state } = this.#replica as StateReplica
    this.patched.call({ isFull: patch.full, epoch, tick, at })
    this.watch.run(state, patch.full ? null : patch.changes)
  }

  #takeEvent(frame: Uint8Array): void {
    const { name, at, payload, index } = decodeSystem('event', frame)
    const joined = this.#joined
    if (!joined) return
    if (index !== undefined && this.#position) this.#position = { epoch: joined.epoch, index }
    const events = this.#definition?.events ?? {}
    // A newer server may have events that we do not know.
    const definition = Object.hasOwn(events, name) ? events[name] : undefined
    if (!definition) return
    const listeners = this.#listenersOf(name)
    if (!listeners.isWanted) return
    const replayed = index !== undefined && index <= (joined.index ?? 0)
    const value = decodeMessage(definition.payload, payload) as never
    listeners.offer(frame.byteLength, value, { at, index, replayed })
  }

  #takePresence(frame: Uint8Array): void {
    const { sessionId, name, present } = decodeSystem('presence', frame)
    const entry = { sessionId, name }
    const isKnown = this.#roster.has(sessionId)
    if (present) {
      if (this.#roster.size >= MAX_ROSTER)
        throw new RequestError('bad_answer', 'The room has more players than any may', false)
      this.#roster.set(sessionId, entry)
      if (!isKnown) this.arrived.call(entry)
    } else if (this.#roster.delete(sessionId)) this.departed.call(entry)
  }
}

function payloadOf(frame: Uint8Array): Uint8Array {
  return frame.subarray(FRAME_HEADER_BYTES)
}

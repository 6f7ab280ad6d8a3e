import { decodeMessage, encodeMessage, encodeSystem } from '@ringside/protocol'
import type { EventDefinition } from '@ringside/protocol'
import type { NewEvent } from '../../outbox/contract/outbox.ts'
import type { PatchHeader } from '../../state/contract.ts'
import { toFeedJson } from './event-json.ts'
import type { RoomRecorder } from './recorder.ts'
import type { RoomType } from '../context.ts'
import { nextDue } from '../turn/loop.ts'
import { authRecord } from '../runtime.ts'
import type { RoomSeat } from '../seats/seat.ts'
import type { SeatTable } from '../seats/seat-table.ts'

/** What a room says of itself for its frames and snapshots. */
export interface RoomFace {
  header(): PatchHeader
  /** Encoded `runtime` of a snapshot. */
  runtime(): string
}

/**
 * What leaves a room: patches to its players at `patchHz`, to its log at `logHz`, full states to who
 * needs one, and who came and went.
 */
export class RoomOutput {
  readonly #recorder: RoomRecorder
  readonly #seats: SeatTable
  readonly #face: RoomFace
  readonly #patchMs: number
  readonly #logMs: number
  #nextPatchAt = 0
  #nextLogAt = 0

  constructor(
    parts: { readonly recorder: RoomRecorder; readonly seats: SeatTable },
    type: RoomType,
    face: RoomFace,
  ) {
    this.#recorder = parts.recorder
    this.#seats = parts.seats
    this.#face = face
    this.#patchMs = 1000 / type.patchHz
    this.#logMs = 1000 / type.logHz
  }

  /** At the end of each step: flushes when a patch is due. */
  step(at: number): void {
    if (at < this.#nextPatchAt) return
    this.#nextPatchAt = nextDue(this.#nextPatchAt, at, this.#patchMs)
    this.flush(at, false)
  }

  /** One patch: to the players now, to the log when its own interval is over, or when forced. */
  flush(at: number, isLogForced: boolean): void {
    this.#seats.sendPatch(this.#recorder.flushPlayers(this.#face.header()))
    if (!isLogForced && at < this.#nextLogAt) return
    this.#nextLogAt = nextDue(this.#nextLogAt, at, this.#logMs)
    this.#recorder.flushLog(() => this.#face.runtime())
  }

  /** JOINED, then a full state that has everything up to now. */
  greet(seat: RoomSeat, at: number): void {
    this.flush(at, false)
    this.#seats.greet(seat, this.fullFrame(seat))
  }

  /** A full state to a client that has missed patches and whose socket is empty again. */
  catchUp(seat: RoomSeat, at: number): void {
    this.flush(at, false)
    // The flush itself may have found the socket empty.
    if (!seat.needsFullState) return
    seat.needsFullState = false
    seat.link?.send(this.fullFrame(seat))
  }

  fullFrame(seat: RoomSeat): Uint8Array {
    return this.#recorder.tracker.fullFrame(this.#face.header(), seat.id)
  }

  /**
   * Another team for a player, as of the next patch: in place of it they get a full state, without what they
   * may see no longer. The log must know it: only a snapshot holds the team of a seat.
   */
  setTeam(seat: RoomSeat, team: string | null): void {
    if (seat.team === team) return
    seat.team = team
    this.#recorder.tracker.setTeam(seat.id, team)
    if (seat.isGreeted) seat.needsFullState = true
    this.#recorder.requestSnapshot()
  }

  /** The teams of seats that were taken back from the log. */
  restoreTeams(): void {
    for (const { id, team } of this.#seats.seated.values())
      if (team !== null) this.#recorder.tracker.setTeam(id, team)
  }

  /** Nobody is in a team by an id whose seat is gone. */
  forgetTeam(seat: RoomSeat): void {
    if (seat.team !== null) this.#recorder.tracker.setTeam(seat.id, null)
  }

  /** PAUSED to the players, after a patch with all that has changed until then. */
  tellPaused(paused: boolean, at: number): void {
    this.flush(at, false)
    this.#seats.broadcast(encodeSystem('paused', { paused }))
  }

  /** Puts a room event into the log and returns its frame for the players. */
  event(
    name: string,
    { payload: schema }: EventDefinition,
    { data, at }: { readonly data: Record<string, unknown>; readonly at: number },
  ): Uint8Array {
    const payload = encodeMessage(schema, data as never)
    // Decoded again: spectators must see what players see, rounded and cleaned.
    const json = toFeedJson(schema, decodeMessage(schema, payload))
    this.#recorder.append({ type: name, data: JSON.stringify(json) })
    return encodeSystem('event', { name, at, payload })
  }

  /** `joined` or `left`: in the log for spectators, as PRESENCE for the other players. */
  presence(type: 'joined' | 'left', seat: RoomSeat): void {
    const { id: sessionId, name, reconnectToken } = seat
    const auth = authRecord(seat.auth)
    const event: NewEvent = { type, data: JSON.stringify({ sessionId, name }) }
    const present = type === 'joined'
    // Hidden: the room's next owner must let this player back in.
    this.#recorder.append(
      present ? { ...event, hidden: JSON.stringify({ reconnectToken, auth }) } : event,
    )
    const frame = encodeSystem('presence', { sessionId, name, present })
    this.#seats.broadcast(frame, { except: sessionId })
  }
}

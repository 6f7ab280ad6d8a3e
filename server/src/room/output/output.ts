import { decodeMessage, encodeMessage, encodeSystem, named } from '@ringside/protocol'
import type { EventDefinition } from '@ringside/protocol'
import type { PatchHeader } from '../../state/contract.ts'
import { toFeedJson } from './event-json.ts'
import type { Capture, Recorder } from './recorder.ts'
import type { RoomType } from '../type.ts'
import { nextDue } from '../turn/loop.ts'
import type { Seat } from '../seats/seat.ts'
import type { Delivery, Players } from './players.ts'
import { RoomEvent } from './room-events.ts'
import type { RoomEvents } from './room-events.ts'

export interface OutputParts {
  readonly recorder: Recorder
  readonly players: Players
  readonly events: RoomEvents
  readonly type: Pick<RoomType, 'patchHz' | 'logHz'>
  /** The room's header of a frame. */
  readonly header: () => PatchHeader
  /** The room's time for durations, in ms. */
  readonly elapsedMs: () => number
  /** Encodes the `runtime` of a snapshot. */
  readonly runtime: () => string
}

/** An event as a game emits it. */
export interface EmittedEvent {
  readonly data: Record<string, unknown>
  /** The room's clock in ms. */
  readonly at: number
  readonly atOnce: boolean
  /** The players who get it and nobody else, the log included; null = everybody. */
  readonly to: readonly string[] | null
}

/**
 * Sends what leaves a room: patches to its players at `patchHz` and to its log at `logHz`, full states to those
 * who need one, events, and who came and went.
 */
export class Output {
  readonly #parts: OutputParts
  readonly #recorder: Recorder
  readonly #players: Players
  readonly #events: RoomEvents
  readonly #patchMs: number
  readonly #logMs: number
  #nextPatchAt = 0
  #nextLogAt = 0
  /** Captures from the one that is being sent on. */
  #unsent: Delivery[] = []

  constructor(parts: OutputParts) {
    this.#parts = parts
    this.#recorder = parts.recorder
    this.#players = parts.players
    this.#events = parts.events
    this.#patchMs = 1000 / parts.type.patchHz
    this.#logMs = 1000 / parts.type.logHz
  }

  /** Flushes when a patch is due. Call it at the end of each step. */
  step(at: number): void {
    if (at < this.#nextPatchAt) return
    this.#nextPatchAt = nextDue(this.#nextPatchAt, at, this.#patchMs)
    this.flush(false, at)
  }

  /**
   * Sends one patch: to the players now, to the log when its own interval is over, when events wait for it, or when
   * forced.
   */
  flush(isLogForced: boolean, at = this.#parts.elapsedMs()): void {
    this.#capture(at, isLogForced, null)
    if (this.#unsent.length === 0) this.#sendHeld()
  }

  #sendHeld(): void {
    this.#events.numberHeld()
    this.#players.sendHeld()
  }

  #capture(at: number, isLogForced: boolean, full: Seat | null): Capture {
    const isLogDue = isLogForced || at >= this.#nextLogAt || this.#recorder.isHolding
    if (isLogDue) this.#nextLogAt = nextDue(this.#nextLogAt, at, this.#logMs)
    const fullFor = this.#players.takeCaughtUp()
    if (full) fullFor.push(full.id)
    const { runtime } = this.#parts
    const header = this.#parts.header()
    this.#events.numberHeld()
    const captured = this.#recorder.capture({ header, isLogDue, runtime, fullFor })
    this.#send(captured, full)
    return captured
  }

  /**
   * A connection that fails while it is sent to runs game code, which may ask for a flush: its capture is
   * sent once everybody has this one.
   */
  #send(captured: Capture, full: Seat | null): void {
    const delivery = this.#players.address(captured, full)
    if (this.#unsent.push(delivery) > 1) return
    try {
      for (let next: Delivery | undefined = delivery; next; next = this.#unsent[0]) {
        this.#players.send(next)
        this.#unsent.shift()
      }
    } finally {
      this.#unsent = []
    }
  }

  /** A player's connection has taken the seat, and is to be greeted: what is sent from now on waits for that. */
  expect(seat: Seat, isNew: boolean): void {
    seat.joinedAtIndex = this.#events.index
    if (isNew) seat.enteredAtIndex = seat.joinedAtIndex
    this.#players.expect(seat)
  }

  /**
   * Sends JOINED, then a full state that has everything up to now, then the events that a player who is back has missed,
   * then what the game has sent since they came.
   */
  greet(seat: Seat): void {
    const players = this.#players
    const { full } = this.#capture(
      this.#parts.elapsedMs(),
      false,
      players.catchUp.isCrowded ? null : seat,
    )
    const frame = full.get(seat.id) ?? null
    // Those that are being sent may have ended with this very capture.
    if (frame || seat.load || players.beginGreeting(seat)) players.greet(seat, frame)
    else return this.greet(seat)
    this.#sendHeld()
  }

  /**
   * Goes on with a client whose socket takes bytes again: with the state that it is being sent, or with a new one when
   * it has missed patches and its socket is empty.
   */
  catchUp(seat: Seat): void {
    if (seat.load) this.#players.catchUp.feed(seat)
    if (!seat.load && seat.needsFullState && seat.link?.bufferedBytes === 0) this.flush(false)
  }

  /**
   * Puts a player into another team, as of the next patch: in place of it they get a full state, without the fields
   * that they may see no longer. The log has it with that patch.
   */
  setTeam(seat: Seat, team: string | null): void {
    if (seat.team === team) return
    seat.team = team
    this.#recorder.setTeam(seat.id, team)
    if (seat.isGreeted && !seat.load) seat.needsFullState = true
    this.#players.catchUp.changeTeam(seat)
  }

  /** Takes over the team of a seat that was taken back from the log. */
  restoreTeam({ id, team }: Seat): void {
    this.#recorder.setTeam(id, team)
  }

  /** Forgets the team of a seat that is gone: nobody is in a team by its id any more. */
  forgetTeam(seat: Seat): void {
    if (seat.team !== null) this.#recorder.setTeam(seat.id, null)
  }

  /**
   * Hands the log over, as Recorder.handOver; null while that takes nothing. Players get no patch of what was
   * written since the last one, but, should the room go on here, a full state.
   */
  handOver(): Promise<void> | null {
    const { header, runtime } = this.#parts
    this.#events.numberHeld()
    const { patch, stored } = this.#recorder.handOver(header(), runtime())
    if (patch) this.#players.missPatch()
    return stored
  }

  /** Closes the log, as Recorder.close. */
  close(isEnd: boolean): Promise<void> {
    this.#events.numberHeld()
    return this.#recorder.close(this.#parts.header(), isEnd)
  }

  /** Sends PAUSED to the players, after a patch with all that has changed until then. */
  tellPaused(paused: boolean): void {
    this.flush(false)
    this.#players.tell(encodeSystem('paused', { paused }))
  }

  /** Sends an operator's words to the players, ahead of the next patch; `at` is the room's time. */
  notice(text: string, level: string, at: number): void {
    this.#players.broadcast(encodeSystem('notice', { text, level, at }))
  }

  /**
   * Takes a room event: it follows the patch of its turn, to the log and to the players, or goes `atOnce` ahead
   * of it.
   */
  event(
    name: string,
    { payload: schema }: EventDefinition,
    { data, at, atOnce, to }: EmittedEvent,
  ): void {
    const payload = named(name, () => encodeMessage(schema, data as never))
    // The log is for everybody who watches, so it does not have what is not for everybody.
    if (to) {
      const frame = encodeSystem('event', { name, at, payload })
      return this.#players.broadcast(frame, { to, afterPatch: !atOnce })
    }
    // It is decoded again, for spectators must see what players see, rounded and cleaned.
    const json = toFeedJson(schema, decodeMessage(schema, payload))
    const event = new RoomEvent({ type: name, data: JSON.stringify(json), at, payload })
    if (atOnce) {
      this.#recorder.assertTaking(event)
      this.#events.number(event)
      this.#recorder.append(event)
      this.#players.broadcast(event.frame)
    } else {
      this.#recorder.hold(event)
      this.#events.hold(event)
      this.#players.hold(event)
    }
  }

  /** Tells of `joined` or `left`: spectators with the patch that has the seat, the other players by PRESENCE. */
  presence(type: 'joined' | 'left', seat: Seat): void {
    const { id: sessionId, name } = seat
    this.#recorder.holdPresence({ type, data: JSON.stringify({ sessionId, name }) })
    const frame = encodeSystem('presence', { sessionId, name, present: type === 'joined' })
    this.#players.tell(frame, sessionId)
  }
}

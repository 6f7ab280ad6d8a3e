import { encodeSystem } from '@ringside/protocol'
import type { BroadcastOptions } from '../definition.ts'
import type { Seat } from '../seats/seat.ts'
import type { RoomType } from '../type.ts'
import { CatchUp, maxPatchBytes } from './catch-up.ts'
import type { Capture } from './recorder.ts'
import type { RoomEvent, RoomEvents } from './room-events.ts'

/** A client with more than this unsent gets no more patches, but one full state once it has drained. */
const BEHIND_BYTES = 65_536

/** Frames held back for the next patch (`afterPatch`), and their bytes, at most. */
const MAX_HELD = 1_000
const MAX_HELD_BYTES = 1024 * 1024

/** Sending to the players of a room takes this of it. */
export interface PlayersHost {
  readonly id: string
  readonly type: Pick<RoomType, 'name' | 'tickHz' | 'patchHz'>
  readonly epoch: number
  /** The room's clock in ms. */
  readonly now: number
  /** The log takes nothing: who comes in then is told so. */
  readonly isPaused: boolean
}

export interface PlayersParts {
  readonly room: PlayersHost
  /** The seats whose player is in, in the order of joining. */
  readonly seated: ReadonlyMap<string, Seat>
  readonly events: Pick<RoomEvents, 'missed'>
  /** Sends a frame to every link that is subscribed to the room's topic: to everybody who was greeted. */
  readonly publish: (frame: Uint8Array) => void
}

/** Frames and the seats that they are for, side by side. */
export interface Delivery {
  readonly seats: Seat[]
  readonly frames: Uint8Array[]
  /** Seats that begin with a state in pieces. */
  readonly loads: Seat[]
}

/**
 * Sends to the players of one room: who gets which frame, when, and what waits for a patch or for JOINED.
 */
export class Players {
  readonly #room: PlayersHost
  readonly #seated: ReadonlyMap<string, Seat>
  readonly #publish: (frame: Uint8Array) => void
  readonly #events: Pick<RoomEvents, 'missed'>
  /**
   * The seats that are taken and not greeted yet: the room's topic does not reach them. With each the events that its player
   * has missed, or null where they are not all kept.
   */
  readonly #arriving = new Map<Seat, readonly Uint8Array[] | null>()
  /** An event has its frame once it is numbered, and no options. */
  #held: { readonly frame: Uint8Array; readonly options?: BroadcastOptions | undefined }[] = []
  readonly catchUp = new CatchUp()
  /** They were behind, and begin with a state that others are being sent. */
  #starting: Seat[] = []
  #heldBroadcasts = 0
  #heldBytes = 0

  constructor({ room, seated, events, publish }: PlayersParts) {
    this.#room = room
    this.#seated = seated
    this.#events = events
    this.#publish = publish
  }

  /** A seat is taken: what goes to everybody waits for it, too (RM50). */
  expect(seat: Seat): void {
    for (const each of this.#arriving.keys()) if (!each.isConnected) this.#arriving.delete(each)
    const seen = seat.link?.seen
    // Now, for what the hooks emit may push them out.
    const { enteredAtIndex: from, joinedAtIndex: upTo } = seat
    this.#arriving.set(seat, seen ? this.#events.missed(seen, { from, upTo }) : [])
  }

  /**
   * Sends JOINED and STATE, then the events that the player has missed (RM51), then the frames that the game has sent
   * since they came, then the room's topic. A large state, null here, goes out in pieces, and what follows it waits.
   */
  greet(seat: Seat, fullFrame: Uint8Array | null): void {
    const { link } = seat
    if (!link) return
    const room = this.#room
    const missed = this.#arriving.get(seat)
    link.send(
      encodeSystem('joined', {
        roomId: room.id,
        type: room.type.name,
        sessionId: seat.id,
        name: seat.name,
        epoch: room.epoch,
        reconnectToken: seat.reconnectToken,
        tickHz: room.type.tickHz,
        patchHz: room.type.patchHz,
        now: room.now,
        roster: Array.from(this.#seated.values(), ({ id, name }) => ({ sessionId: id, name })),
        index: seat.joinedAtIndex,
        eventsMissed: missed === null ? true : undefined,
        maxPayloadBytes: link.maxPayloadBytes,
      }),
    )
    if (fullFrame) {
      link.sendPiece(fullFrame)
      return this.#greeted(seat)
    }
    this.catchUp.feed(seat)
  }

  /** A large state is to follow the JOINED of this client. False when there is none that it could be. */
  beginGreeting(seat: Seat): boolean {
    return this.catchUp.begin(seat, () => this.#greeted(seat))
  }

  #greeted(seat: Seat): void {
    const { link } = seat
    if (!link) return
    if (this.#room.isPaused) link.send(encodeSystem('paused', { paused: true }))
    for (const frame of this.#arriving.get(seat) ?? []) link.send(frame)
    this.#arriving.delete(seat)
    seat.greeted()
    link.subscribe(this.#room.id)
  }

  /**
   * Sends a frame to everybody, or to those the options name; with `afterPatch` at the next patch. A seat that
   * has not got JOINED yet gets the frames that name it, once it has. With 1,000 frames or 1 MiB held back those go
   * ahead of the patch: a room that is paused has none for a while.
   */
  broadcast(frame: Uint8Array, options?: BroadcastOptions): void {
    if (options?.afterPatch) {
      const bytes = frame.byteLength
      if (this.#heldBroadcasts >= MAX_HELD || this.#heldBytes + bytes > MAX_HELD_BYTES)
        this.#sendBroadcasts()
      this.#heldBroadcasts++
      this.#heldBytes += bytes
      this.#held.push({ frame, options: { ...options, afterPatch: false } })
      return
    }
    if (!options?.except && !options?.to) {
      this.#publish(frame)
      if (this.#arriving.size > 0) this.#keepForArriving(frame)
      return
    }
    const only = options.to ? new Set(options.to) : null
    for (const seat of this.#seated.values()) {
      if (seat.id === options.except || (only && !only.has(seat.id))) continue
      seat.deliver(frame, only === null)
    }
  }

  #keepForArriving(frame: Uint8Array): void {
    for (const seat of this.#arriving.keys())
      if (seat.isConnected) seat.deliver(frame, true)
      else this.#arriving.delete(seat)
  }

  /** Sends what only those must hear who have JOINED, which says the same to whoever comes; their state may be on its way. */
  tell(frame: Uint8Array, except?: string): void {
    if (except === undefined) {
      this.#publish(frame)
      for (const seat of this.catchUp.greeting) seat.deliver(frame, true)
      return
    }
    for (const seat of this.#seated.values())
      if ((seat.isGreeted || seat.load) && seat.id !== except) seat.deliver(frame, true)
  }

  /** Keeps an event until the next patch has gone; the room's log bounds their number. */
  hold(event: RoomEvent): void {
    this.#held.push(event)
  }

  /** Sends what the game holds back, without the room's events: they follow their patch, as in the log. */
  #sendBroadcasts(): void {
    const broadcasts = this.#held.filter(({ options }) => options !== undefined)
    this.#held = this.#held.filter(({ options }) => options === undefined)
    this.#heldBroadcasts = 0
    this.#heldBytes = 0
    for (const { frame, options } of broadcasts) this.broadcast(frame, options)
  }

  /** Sends the frames that waited for the patch, once that has gone. */
  sendHeld(): void {
    if (this.#held.length === 0) return
    const held = this.#held
    this.#held = []
    this.#heldBroadcasts = 0
    this.#heldBytes = 0
    for (const { frame, options } of held) this.broadcast(frame, options)
  }

  /**
   * Takes the clients that were behind and whose sockets are empty again: the next patch has a full state for each, but
   * for those who begin with one that others are being sent.
   */
  takeCaughtUp(): string[] {
    const ids: string[] = []
    for (const seat of this.#seated.values()) {
      const { id, link, isGreeted, needsFullState, load } = seat
      if (!needsFullState || !isGreeted || load || link?.bufferedBytes !== 0) continue
      if (this.catchUp.isShared) this.#start(seat, this.#starting)
      else ids.push(id)
    }
    return ids
  }

  #start(seat: Seat, starting: Seat[]): void {
    seat.needsFullState = false
    this.catchUp.begin(seat, () => {})
    starting.push(seat)
  }

  /**
   * Says who gets which frame of a capture, before the next one is taken. A client that is behind gets no patch
   * (SL1), but a full state once its socket is empty: after any stall its state equals the server's.
   */
  address({ patch, full, state }: Capture, greeted: Seat | null): Delivery {
    const delivery: Delivery = { seats: [], frames: [], loads: this.#starting }
    this.#starting = []
    if (patch) this.catchUp.note(patch)
    if (state) this.catchUp.keep(state)
    if (state && greeted) this.beginGreeting(greeted)
    for (const seat of this.#seated.values()) {
      const { link } = seat
      if (!link || !seat.isGreeted || seat.load) continue
      let frame: Uint8Array | undefined
      if (seat.needsFullState) {
        frame = full.get(seat.id)
        if (frame) seat.needsFullState = false
        else if (state && link.bufferedBytes === 0) this.#start(seat, delivery.loads)
      } else if (patch) {
        const waiting = link.bufferedBytes
        if (waiting <= BEHIND_BYTES) frame = patch.frameFor(seat.id)
        if (frame && waiting + frame.length > maxPatchBytes(link)) frame = undefined
        if (!frame) seat.needsFullState = true
      }
      if (!frame) continue
      delivery.seats.push(seat)
      delivery.frames.push(frame)
    }
    return delivery
  }

  /** Notes that there was a patch that nobody gets. */
  missPatch(): void {
    this.catchUp.lose()
    for (const seat of this.#seated.values())
      if (seat.isGreeted && !seat.load) seat.needsFullState = true
  }

  /** Sends the frames of a delivery. A client that has a new connection since begins there with a state of its own. */
  send({ seats, frames, loads }: Delivery): void {
    for (const [index, seat] of seats.entries())
      if (seat.isGreeted) seat.link?.sendPiece(frames[index] as Uint8Array)
    for (const seat of loads) this.catchUp.feed(seat)
  }
}

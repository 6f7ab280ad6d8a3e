import { encodeSystem, errorCodes, system } from '@ringside/protocol'
import { GONE_MS } from '../../outbox/contract/seats.ts'
import type { PresenceKind } from '../../outbox/contract/presence-note.ts'
import type { SeatPhase } from '../../outbox/contract/seats.ts'
import type { Clock } from '../../process/clock.ts'
import type { LeaveReason, Room } from '../definition.ts'
import type { Output } from '../output/output.ts'
import type { LooseHandlers } from '../type.ts'
import { decodeAuth, encodeAuth } from './seat-log.ts'
import type { SeatLog } from './seat-log.ts'
import type { ReconnectTokens } from './reconnect-token.ts'
import type { RestoredSeats } from './restored-seats.ts'
import { Seat } from './seat.ts'
import type { SeatFacts, SeatOwner } from './seat.ts'
import type { SeatHooks } from './seat-hooks.ts'
import type { SeatTable } from './seat-table.ts'

export interface SeatLifeParts {
  /** The room as its hooks get it. */
  readonly face: Room
  readonly owner: SeatOwner
  readonly epoch: number
  readonly clock: Clock
  readonly tokens: ReconnectTokens
  readonly handlers: LooseHandlers
  readonly table: SeatTable
  readonly log: SeatLog
  readonly hooks: SeatHooks
  readonly output: Output
  /** A turn begins: the room's clock is set. */
  readonly begin: () => void
  /** A turn is over: the room may end now. */
  readonly end: () => void
  /** Another number of seats is taken. */
  readonly onChanged: () => void
  /** Somebody came or went. Null: nobody is told. */
  readonly onPresence: ((kind: PresenceKind, seat: Seat) => void) | null
}

/** A reconnect token is good for this. */
export type SeatClaim =
  | { readonly kind: 'seat'; readonly seat: Seat; readonly generation: number }
  /** The seat is to be reserved anew, for its joining was set back with the owner before. */
  | { readonly kind: 'anew'; readonly facts: SeatFacts; readonly generation: number }

/** After a takeover everybody has so long to come back, in ms, whatever the grace of the room is. */
const GRACE_AFTER_TAKEOVER_MS = 30_000

/**
 * The way of a seat through its room: it enters, drops, comes back, leaves. Each step runs its hook, changes the
 * seat in the log, and tells the others, in one turn where the hook is synchronous (OB93, RM16).
 */
export class SeatLife {
  readonly #parts: SeatLifeParts
  /** Until then, by the room's clock, tokens of the owner before seat anew; store time of its last event. */
  #anew = { until: -Infinity, lastAt: 0 }

  constructor(parts: SeatLifeParts) {
    this.#parts = parts
  }

  /** A new player is in: `joined` for everybody; once onJoin has settled, JOINED and a full state for them. */
  enter(seat: Seat): void {
    const { face, handlers, table, log, hooks, output, begin, end, onChanged } = this.#parts
    begin()
    seat.isJoining = true
    output.expect(seat, true)
    seat.advance()
    const { name, generation } = seat
    log.add(seat.id, { name, generation, auth: encodeAuth(seat.auth) })
    this.#tell('joined', seat)
    hooks.run(seat, {
      where: 'onJoin',
      call: () => handlers.onJoin?.(face, seat.face),
      after: (outcome) => {
        seat.isJoining = false
        table.joinEnded(seat)
        if (outcome === 'settled') this.#joined(seat)
        // It could not finish, for the room was handed over meanwhile: the player has to come anew.
        else if (outcome === 'refused') this.leave(seat, 'server_closed')
        else this.#late(seat)
      },
    })
    onChanged()
    end()
  }

  /** Spectators and players are told with the patch that has the seat; the server's own topic too, if there is one. */
  #tell(type: 'joined' | 'left', seat: Seat): void {
    this.#parts.output.presence(type, seat)
    this.#parts.onPresence?.(type, seat)
  }

  #joined(seat: Seat): void {
    const { log, output, begin, end } = this.#parts
    // The player left meanwhile, or was kicked by onJoin itself: their onLeave comes next.
    if (seat.status === 'gone') return
    begin()
    log.setPhase(seat.id, 'seated')
    if (seat.isConnected) {
      this.#issueToken(seat)
      output.greet(seat)
    }
    end()
  }

  #issueToken(seat: Seat): void {
    const { owner, epoch, log, tokens } = this.#parts
    const { id: session, generation, name } = seat
    const auth = log.get(session)?.auth ?? 'null'
    seat.reconnectToken = tokens.seal({ room: owner.id, session, epoch, generation, name, auth })
  }

  /**
   * Says what a reconnect token is good for (CL33, CL35). Of a seat that is known every token counts but those that are
   * older than the one before its newest. A seat that is not known was seated and set back, if the token is of an owner
   * before and of its last minute: for whoever has been given up within that is remembered.
   */
  claim(text: string): SeatClaim | null {
    const { owner, epoch, table, log, tokens } = this.#parts
    const token = tokens.open(text)
    if (!token) {
      const seat = table.byOldToken(text)
      return seat && { kind: 'seat', seat, generation: 0 }
    }
    if (token.room !== owner.id) return null
    const { session: id, name, generation, issuedAt } = token
    const seat = table.find(id)
    if (seat) return generation >= seat.generation - 1 ? { kind: 'seat', seat, generation } : null
    const { until, lastAt } = this.#anew
    const isOfBefore = token.epoch < epoch && issuedAt > lastAt - GONE_MS
    if (!isOfBefore || this.#parts.clock.now() >= until || !log.isUnknown(id, issuedAt)) return null
    return { kind: 'anew', facts: { id, name, auth: decodeAuth(token.auth) }, generation }
  }

  /** The room has stood still for so long, and let nobody in. */
  putOff(pausedMs: number): void {
    this.#anew = { ...this.#anew, until: this.#anew.until + pausedMs }
    this.#parts.log.putOff(pausedMs)
  }

  /** onJoin has had its time: the player is told that they are not in, and may try again. */
  #late(seat: Seat): void {
    const message = 'The room did not let the player in in time'
    const frame = encodeSystem('error', {
      command: system.join.id,
      correlation: undefined,
      code: 'timeout',
      message,
      retry: errorCodes.timeout.retry,
    })
    seat.link?.send(frame)
    this.leave(seat, 'timeout', message)
  }

  /** The player is back on a new connection. */
  reenter(seat: Seat): void {
    // While onJoin is on its way nobody is greeted; once it has settled, whichever connection there is will be.
    if (seat.isJoining) return
    const { face, handlers, log, hooks, output, begin, end, onPresence } = this.#parts
    onPresence?.('reconnected', seat)
    output.expect(seat, false)
    hooks.whenIdle(seat, () => {
      begin()
      hooks.runNow(seat, {
        where: 'onReconnect',
        call: () => handlers.onReconnect?.(face, seat.face),
        after: () => {
          if (!seat.isConnected) return
          seat.advance()
          log.setGeneration(seat.id, seat.generation)
          this.#issueToken(seat)
          output.greet(seat)
        },
      })
      end()
    })
  }

  /** The connection is gone. Without JOINED there is no token to come back with: that seat is given up. */
  drop(seat: Seat): void {
    const { face, handlers, table, hooks, begin, end, onPresence } = this.#parts
    if (seat.isJoining || !table.keepDropped(seat)) return this.leave(seat, 'dropped')
    onPresence?.('dropped', seat)
    hooks.whenIdle(seat, () => {
      begin()
      hooks.runNow(seat, {
        where: 'onDrop',
        call: () => handlers.onDrop?.(face, seat.face),
        after: () => {},
      })
      end()
    })
  }

  /** Gives the seat up at once; onLeave waits for an onJoin on its way, then `left` follows. */
  leave(seat: Seat, reason: LeaveReason, text?: string): void {
    const { table, log, hooks, onChanged } = this.#parts
    if (!table.release(seat, reason, text)) return
    // The next owner, if it has to finish this, takes nobody back who was given up, and tells onLeave why (RM67).
    if (seat.isJoining) log.setPhase(seat.id, 'leaving', reason)
    hooks.whenIdle(seat, () => this.#leave(seat, reason))
    onChanged()
  }

  #leave(seat: Seat, reason: LeaveReason): void {
    const { face, handlers, log, hooks, begin, end } = this.#parts
    begin()
    hooks.run(seat, {
      where: 'onLeave',
      call: () => handlers.onLeave?.(face, seat.face, reason),
      // It has to remove now what it could not remove while the room was handed over.
      after: (outcome) => (outcome === 'refused' ? this.#leave(seat, reason) : this.#left(seat)),
    })
    if (hooks.isRunning(seat)) log.setPhase(seat.id, 'leaving', reason)
    end()
  }

  #left(seat: Seat): void {
    const { log, output, tokens, begin, end, onChanged } = this.#parts
    begin()
    output.forgetTeam(seat)
    this.#tell('left', seat)
    log.setGone(seat.id, tokens.now())
    onChanged()
    end()
  }

  /**
   * Takes over the seats of the room's last owner, as if their players had dropped just now, and writes the
   * `joined` that are missing. The result finishes what that owner has not: call it once onRestore has run.
   */
  restore({ seats, isLogged, gone, lastAt }: RestoredSeats): () => void {
    const { owner, table, log, output, clock, tokens } = this.#parts
    this.#anew = { until: clock.now() + GONE_MS, lastAt }
    log.restoreGone(gone, tokens.now() + GONE_MS)
    if (isLogged) log.restore(seats)
    else log.adopt(seats)
    const unfinished: (() => void)[] = []
    for (const [id, entry] of Object.entries(seats)) {
      const facts = { id, name: entry.name, auth: decodeAuth(entry.auth) }
      const isIn = entry.phase === 'joining' || entry.phase === 'seated'
      const seat = isIn ? table.restore(facts, entry) : new Seat(owner, facts)
      seat.team = entry.team ?? null
      if (seat.team !== null) output.restoreTeam(seat)
      if (entry.isNew) this.#tell('joined', seat)
      if (entry.phase === 'seated') table.startGrace(seat, GRACE_AFTER_TAKEOVER_MS)
      else {
        const reason = (entry.reason ?? 'dropped') as LeaveReason
        unfinished.push(() => this.#finish(seat, entry.phase, reason))
      }
    }
    return () => {
      for (const finish of unfinished) finish()
    }
  }

  #finish(seat: Seat, phase: SeatPhase, reason: LeaveReason): void {
    if (phase === 'joining') this.leave(seat, 'dropped')
    else {
      seat.end()
      if (phase === 'leaving') this.#leave(seat, reason)
      else {
        this.#parts.output.forgetTeam(seat)
        this.#tell('left', seat)
      }
    }
  }

  /** The room is handed over: nothing follows from hooks that settle now, unless it goes on here. */
  suspend(): void {
    this.#parts.hooks.suspend()
  }

  /** The room goes on here. */
  resume(): void {
    this.#parts.hooks.resume()
  }

  /**
   * Empties the room. After `room_ended` every player leaves, and no hook is waited for; otherwise the seats live
   * on in the room's log, and its next owner finishes what is on its way.
   */
  closeAll(why: 'room_ended' | 'released' | 'fenced', text?: string): void {
    const { table, hooks } = this.#parts
    table.closeAll(why, text)
    if (why === 'room_ended') hooks.finish()
    else hooks.abandon()
  }
}

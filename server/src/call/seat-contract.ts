import type { CloseCause } from '@ringside/protocol'
import type { CallSeat } from './call.ts'

/**
 * A room's end of one connection (session.ts implements it). The room sees no transport, only this.
 */
export interface ClientLink {
  readonly isOpen: boolean
  readonly remoteAddress: string
  /** Largest payload that it takes, in bytes. */
  readonly maxPayloadBytes: number
  /** Bytes accepted but not yet taken by the socket: above 0 for long means the client is behind. */
  readonly bufferedBytes: number
  /** The last EVENT of the room that the client has seen, as its JOIN says; null when it says nothing. */
  readonly seen: { readonly epoch: number; readonly index: number } | null
  /** The client's byte budget: so many may wait. */
  readonly budgetBytes: number
  /** Sends a whole frame (copied). Over the client's byte budget it is closed with `slow`. */
  send(frame: Uint8Array): void
  /**
   * Sends one of many frames that the caller hands over only as the socket takes them: they have room of their own
   * beside the budget, of 128 KiB (SL7).
   */
  sendPiece(frame: Uint8Array): void
  /** Closes after everything sent before; `reason` replaces the cause's own text. */
  close(cause: CloseCause, reason?: string): void
  /** Receives frames published to the room's topic while subscribed. */
  subscribe(topic: string): void
  unsubscribe(topic: string): void
}

/** A seat as the session sees it: session.ts holds it while its connection sits in a room. */
export interface ClientSeat extends CallSeat {
  readonly sessionId: string
  readonly isMuted: boolean
  /** Gives the seat up: an operator takes the player out. */
  kick(reason?: string): void
  /** The client asked to leave: gives the seat up. The link is closed by the room. */
  leave(): void
  /** The connection is gone: the seat is kept for a while, or given up. */
  dropped(link: ClientLink, code: number): void
  /** The connection took bytes; some may wait still. */
  drained(link: ClientLink): void
}

/** Turns a ticket of a JOIN into a seat. */
export interface SeatDesk {
  /**
   * Takes the seat that the ticket names and sends JOINED and STATE on the link.
   * @throws RingsideError ticket_invalid, ticket_expired, ticket_used, room_not_found, reconnect_refused, banned.
   */
  take(ticket: string, link: ClientLink): ClientSeat
}

import { createHmac } from 'node:crypto'
import { RingsideError } from '../process/errors.ts'
import { decodeBase64Url, isSameBytes } from '../process/exact-text.ts'

/** The content of a ticket. It names one seat and one opening of it; the seat table makes it single-use. */
export interface Ticket {
  readonly room: string
  readonly node: string
  /** This process's own id; a ticket does not outlive the process. */
  readonly boot: string
  readonly epoch: number
  readonly session: string
  /** Id of this ticket; the seat knows the only one that opens it. */
  readonly id: string
  /** Server time in ms after which the ticket is void. */
  readonly expiresAt: number
}

/** Longer strings are no tickets of ours and are refused before any cryptography. */
const MAX_TICKET_CHARACTERS = 1_024

/** Signs and checks tickets (HMAC-SHA-256, RFC 2104). */
export class TicketOffice {
  readonly #secret: () => Buffer

  /** The key is asked for at each ticket: it may be known only once the server has started. */
  constructor(secret: string | (() => Buffer)) {
    if (typeof secret !== 'string') this.#secret = secret
    else {
      const key = Buffer.from(secret, 'utf8')
      this.#secret = () => key
    }
  }

  /** Two base64url parts joined by a dot: the JSON and its signature. */
  sign(ticket: Ticket): string {
    const body = Buffer.from(JSON.stringify(ticket), 'utf8').toString('base64url')
    return `${body}.${this.#signature(body).toString('base64url')}`
  }

  /**
   * Opens the one text that `sign` made, and no other that means the same bytes (LI5).
   * @throws RingsideError ticket_invalid unless the signature is ours; ticket_expired after its time.
   */
  verify(text: string, now: number): Ticket {
    if (text.length > MAX_TICKET_CHARACTERS) throw new RingsideError('ticket_invalid')
    const dot = text.indexOf('.')
    const body = dot < 1 ? '' : text.slice(0, dot)
    const given = decodeBase64Url(text.slice(dot + 1))
    if (body === '' || given === null || !isSameBytes(given, this.#signature(body)))
      throw new RingsideError('ticket_invalid')
    // We signed it, so the shape is ours.
    const ticket = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as Ticket
    if (ticket.expiresAt < now) throw new RingsideError('ticket_expired')
    return ticket
  }

  #signature(body: string): Buffer {
    return createHmac('sha256', this.#secret()).update(body).digest()
  }
}

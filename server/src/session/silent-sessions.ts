import { AddressCount } from '../limit/address-count.ts'
import type { ServerLimits } from '../process/limits.ts'
import { LOOPBACK_ADDRESS } from '../transport/contract.ts'
import type { ClientSession } from './session.ts'

/**
 * The sessions that have not sent one whole message (LI6). The transport tells of whole messages only, so such a
 * socket may be one that sends the pieces of a message without end; there are few of each address, and none for long.
 * Who has spoken once may listen for as long as it likes. The server's own connections are not among them.
 */
export class SilentSessions {
  readonly #firstMessageMs: number
  readonly #perAddress: AddressCount
  /** With the times at which they opened, the oldest first. */
  readonly #openedAt = new Map<ClientSession, number>()

  constructor(limits: Pick<ServerLimits, 'firstMessageMs' | 'maxSilentPerIp'>) {
    this.#firstMessageMs = limits.firstMessageMs
    this.#perAddress = new AddressCount(limits.maxSilentPerIp)
  }

  /** True when the address has as many as it may. */
  isFull(address: string): boolean {
    return this.#perAddress.isFull(address)
  }

  add(session: ClientSession, now: number): void {
    if (session.remoteAddress === LOOPBACK_ADDRESS) return
    this.#openedAt.set(session, now)
    this.#perAddress.add(session.remoteAddress)
  }

  /** It has spoken, or is gone; does nothing the second time. */
  delete(session: ClientSession): void {
    if (this.#openedAt.delete(session)) this.#perAddress.release(session.remoteAddress)
  }

  /** Closes those that have had their time. */
  sweep(now: number): void {
    for (const [session, openedAt] of this.#openedAt) {
      if (now - openedAt < this.#firstMessageMs) return
      session.close('idle')
    }
  }
}

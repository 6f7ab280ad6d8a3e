import { Sealer } from '../../process/sealer.ts'
import type { KeyFor } from '../../process/sealer.ts'

/** The content of a reconnect token. Only the server can read or make one. */
export interface ReconnectToken {
  readonly room: string
  readonly session: string
  /** The epoch of the owner that issued it. */
  readonly epoch: number
  /** Grows with each JOINED that answers a newer token. */
  readonly generation: number
  /** Store time in ms. */
  readonly issuedAt: number
  readonly name: string
  /** `session.auth` as encoded JSON. */
  readonly auth: string
}

/** A room seals and opens the tokens of its seats by this. */
export interface ReconnectTokens {
  /** Store time in ms. */
  now(): number
  /** Seals a token that is issued now. */
  seal(token: Omit<ReconnectToken, 'issuedAt'>): string
  /** Null for a text that is no token of this server, to the last bit. */
  open(text: string): ReconnectToken | null
}

export interface SealedTokensParts {
  /** A secret key of 32 bytes for each purpose. */
  readonly keyFor: KeyFor
  /** Store time in ms. */
  readonly now: () => number
}

/** A name of 24 characters and an auth of 4,096, in JSON and UTF-8, are below it; longer texts are not looked at. */
const MAX_TOKEN_CHARACTERS = 65_536

/** Seals tokens so that only a server that has the keys can read or make one. The same content is the same token. */
export class SealedTokens implements ReconnectTokens {
  readonly #now: () => number
  readonly #sealer: Sealer

  constructor({ keyFor, now }: SealedTokensParts) {
    this.#now = now
    this.#sealer = new Sealer(keyFor, 'reconnect token')
  }

  now(): number {
    return this.#now()
  }

  seal(token: Omit<ReconnectToken, 'issuedAt'>): string {
    const { room, session, epoch, generation, name, auth } = token
    const content = [room, session, epoch, generation, this.now(), name, auth]
    return this.#sealer.seal(Buffer.from(JSON.stringify(content), 'utf8'))
  }

  open(text: string): ReconnectToken | null {
    if (text.length > MAX_TOKEN_CHARACTERS) return null
    const plain = this.#sealer.open(text)
    if (!plain) return null
    // We sealed it, so the shape is ours.
    const [room, session, epoch, generation, issuedAt, name, auth] = JSON.parse(
      Buffer.from(plain).toString('utf8'),
    ) as [string, string, number, number, number, string, string]
    return { room, session, epoch, generation, issuedAt, name, auth }
  }
}

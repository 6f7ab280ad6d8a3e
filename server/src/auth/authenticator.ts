import { AddressCount } from '../limit/address-count.ts'
import { RingsideError, TooManyRequests } from '../process/errors.ts'
import { Anonymous, TokenUser } from './asker.ts'
import type { PublicRights } from './asker.ts'
import { credentialOf } from './credential.ts'
import type { AskingRequest } from './asking-request.ts'
import type { Credential, CredentialRules } from './credential.ts'
import type { GuessRate, KeyCheck } from './key-check.ts'
import type { Principal } from './principal.ts'
import type { TokenCheck } from './token-check.ts'
import type { PrincipalWatch } from './watch.ts'

/** Tokens that are being checked at once, of one address and in all. A check waits for the keys of the issuer. */
const MAX_CHECKS_PER_ADDRESS = 256
const MAX_CHECKS = 4_096
const RETRY_AFTER_MS = 1_000

export interface AuthenticatorParts {
  readonly keys: KeyCheck
  /** Null: no token is believed. */
  readonly tokens: TokenCheck | null
  readonly everybody: PublicRights
  readonly rules: CredentialRules
  readonly guesses: GuessRate
  readonly principals: PrincipalWatch
  /** The store's time in ms. */
  readonly now: () => number
}

/**
 * Says who asks. Whoever brings nothing is anonymous; whoever brings something that is wrong is refused, and never
 * taken for nobody.
 */
export class Authenticator {
  readonly anonymous: Principal
  readonly #parts: AuthenticatorParts
  readonly #perAddress = new AddressCount(MAX_CHECKS_PER_ADDRESS)
  #checkCount = 0

  constructor(parts: AuthenticatorParts) {
    this.#parts = parts
    this.anonymous = new Anonymous(parts.everybody)
  }

  /**
   * Who sends this request. Only what a token is waited for takes a promise; the request is read before that, and not
   * afterwards.
   * @throws RingsideError unauthorized, token_expired, forbidden, too_many_requests, unavailable; so does the promise.
   */
  authenticate(request: AskingRequest): Principal | Promise<Principal> {
    return this.#check(credentialOf(request, this.#parts.rules), request.remoteAddress)
  }

  /**
   * The principal that takes the place of `current`, of the same subject, by the credential of a later request: streams
   * and sessions outlive their tokens by it.
   * @throws RingsideError forbidden for somebody else; as `authenticate`.
   */
  async refresh(current: Principal, request: AskingRequest): Promise<Principal> {
    return sameAs(current, await this.authenticate(request))
  }

  /**
   * The same by the token alone, as it comes over a WebSocket, where nobody known may also become somebody: a browser
   * gives a handshake no header. @throws RingsideError as `refresh`.
   */
  async refreshBy(current: Principal, token: string, remoteAddress: string): Promise<Principal> {
    const next = await this.#check({ kind: 'token', text: token }, remoteAddress)
    return current.kind === 'anonymous' ? next : sameAs(current, next)
  }

  /** See PrincipalWatch. */
  watch(principal: Principal, listener: () => void): () => void {
    return this.#parts.principals.watch(principal, listener)
  }

  #check(credential: Credential, address: string): Principal | Promise<Principal> {
    if (credential.kind === 'none') return this.anonymous
    if (credential.kind === 'key') return this.#parts.keys.holderOf(credential.text, address)
    return this.#userOf(credential.text, address)
  }

  async #userOf(text: string, address: string): Promise<Principal> {
    const { tokens, guesses, everybody, now } = this.#parts
    guesses.checkLeft(address)
    if (this.#perAddress.isFull(address)) throw new TooManyRequests(RETRY_AFTER_MS)
    if (this.#checkCount >= MAX_CHECKS)
      throw new RingsideError('unavailable', 'Too many tokens are being checked')
    this.#checkCount++
    this.#perAddress.add(address)
    try {
      if (tokens === null) throw new RingsideError('unauthorized')
      return new TokenUser(everybody, await tokens.verify(text), now)
    } catch (error) {
      if (error instanceof RingsideError && error.code !== 'unavailable') guesses.take(address)
      throw error
    } finally {
      this.#checkCount--
      this.#perAddress.release(address)
    }
  }
}

function sameAs(current: Principal, next: Principal): Principal {
  if (next.id !== current.id || next.kind === 'anonymous')
    throw new RingsideError('forbidden', 'Expected a token of the same subject')
  return next
}

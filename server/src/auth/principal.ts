import { RingsideError } from '../process/errors.ts'

/**
 * Who asks: a holder of an API key, a user with a token or a cookie, the server's own code, or nobody known. What it
 * may do is asked for every event, live or replayed, so the answers are synchronous and may change while it is
 * connected (revoked, expired, narrowed).
 */
export interface Principal {
  /** `server`, `key:<id of the key>`, `user:<subject>` or `anonymous`; never a secret. */
  readonly id: string
  readonly kind: 'server' | 'key' | 'user' | 'anonymous'
  /** False once it is expired or revoked: its streams end, its requests are refused. It never turns true again. */
  readonly isValid: boolean
  /** Server time in ms at which it ends; null: never. */
  readonly expiresAt: number | null
  /** May it read events of this topic and type? */
  mayReadTopic(topic: string, type: string): boolean
  /** May it read this room's events of this type? A private room is for those whose scopes name it. */
  mayReadRoom(room: AskedRoom, type: string): boolean
  /** May it publish this? `to` is the client it is meant for, or null. */
  mayPublish(message: {
    readonly topic: string
    readonly type: string
    readonly to: string | null
  }): boolean
  /** May it act as an operator: kick, ban, close streams, list them, read the metrics? */
  readonly isOperator: boolean
  /** What its token says of it, as it was signed; absent without one. It may hold what is nobody else's business. */
  readonly claims?: Readonly<Record<string, unknown>>
}

/** A room that somebody wants to read. The delay of a room is asked apart. */
export interface AskedRoom {
  readonly id: string
  readonly type: string
  readonly isPrivate: boolean
}

/** Nobody known, where nothing is public: for servers without keys, tokens and topics. */
export const nobodyKnown: Principal = Object.freeze({
  id: 'anonymous',
  kind: 'anonymous',
  isValid: true,
  expiresAt: null,
  isOperator: false,
  mayReadTopic: () => false,
  mayReadRoom: (room: AskedRoom) => !room.isPrivate,
  mayPublish: () => false,
})

/** The server's own code: it may do everything. */
export const serverPrincipal: Principal = Object.freeze({
  id: 'server',
  kind: 'server',
  isValid: true,
  expiresAt: null,
  isOperator: true,
  mayReadTopic: () => true,
  mayReadRoom: () => true,
  mayPublish: () => true,
})

/**
 * Lets operators through, whatever they came by: a key or a token with the scope `admin` (AU40). Every route of operators
 * asks it.
 * @throws RingsideError unauthorized for nobody known, forbidden for anybody else without the scope.
 */
export function checkOperator(principal: Principal): Principal {
  if (principal.isOperator) return principal
  throw new RingsideError(principal.kind === 'anonymous' ? 'unauthorized' : 'forbidden')
}

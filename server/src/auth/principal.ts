import { createHash } from 'node:crypto'

/**
 * Who asks: a holder of an API key, a user with a token or a cookie, the server's own code, or nobody known. What it
 * may do is asked for every event, live or replayed, so the answers are synchronous and may change while it is
 * connected (revoked, expired, narrowed).
 */
export interface Principal {
  /** `server`, `key:<id of the key>`, `user:<subject>` or `anonymous`; never a secret. */
  readonly id: string
  readonly kind: 'server' | 'key' | 'user' | 'anonymous'
  /** False once it is expired or revoked: its streams end, its requests are refused. */
  readonly isValid: boolean
  /** Server time in ms at which it ends; null: never. */
  readonly expiresAt: number | null
  /** May it read events of this topic and type? */
  mayReadTopic(topic: string, type: string): boolean
  /** May it read this room's events of this type? Privacy and the delay of the room are asked apart. */
  mayReadRoom(room: { readonly id: string; readonly type: string }, type: string): boolean
  /** May it publish this? `to` is the client it is meant for, or null. */
  mayPublish(message: {
    readonly topic: string
    readonly type: string
    readonly to: string | null
  }): boolean
  /** May it act as an operator: kick, ban, close streams, list them, read the metrics? */
  readonly isOperator: boolean
}

/** Nobody known: it reads the topic `public` and rooms that are not private, and publishes nothing. */
export const nobody: Principal = {
  id: 'anonymous',
  kind: 'anonymous',
  isValid: true,
  expiresAt: null,
  isOperator: false,
  mayReadTopic: (topic) => topic === 'public',
  mayReadRoom: () => true,
  mayPublish: () => false,
}

/** Whoever has the server's own key may do everything. */
export function operatorPrincipal(apiKey: string): Principal {
  const digest = createHash('sha256').update(apiKey).digest('hex')
  return {
    id: `key:${digest.slice(0, 8)}`,
    kind: 'key',
    isValid: true,
    expiresAt: null,
    isOperator: true,
    mayReadTopic: () => true,
    mayReadRoom: () => true,
    mayPublish: () => true,
  }
}

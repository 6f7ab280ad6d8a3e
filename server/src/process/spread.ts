/**
 * The time after which a client of a server that goes away comes back, in ms: at least `retryMs`, and spread at random
 * over `windowMs` more, each client by itself, so that they do not all come at one moment (TR38).
 * @param random gives 0 (inclusive) to 1.
 */
export function spreadRetryMs(retryMs: number, windowMs: number, random: () => number): number {
  return Math.round(retryMs + random() * windowMs)
}

import type { FeedOptions } from './feed-types.ts'
import { checksArguments } from '#checks'

/** What each option may be, as `typeof` names it. */
export const feedKinds: { readonly [K in keyof Required<FeedOptions>]: string } = {
  from: 'string or number',
  speed: 'number',
  types: 'object',
  checkpoint: 'string or number',
  resume: 'string',
  storage: 'object',
  storageKey: 'string',
  clientId: 'string',
  feed: 'string',
  headers: 'object',
  fetch: 'function',
  random: 'function',
  timers: 'object',
  socket: 'function',
  silenceMs: 'number',
  onEvent: 'function',
  onSnapshot: 'function',
  onPatch: 'function',
  onReset: 'function',
  onStatus: 'function',
  state: 'object',
}

/**
 * Checks options where they are passed (CN53). It names all that there are rather than the nearest, because the reader
 * alone is to stay small.
 * @throws TypeError
 */
export function checkFeedOptions(options: FeedOptions): void {
  if (!checksArguments) return
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    const kind = (feedKinds as Record<string, string>)[name]
    const type = value === null ? 'null' : typeof value
    if (!kind?.includes(type))
      throw new TypeError(
        kind
          ? `Expected ${name} as ${kind}, got ${type}`
          : `Expected options ${Object.keys(feedKinds).join()}, got '${name}'`,
      )
    if (type === 'number' && name !== 'from' && !((value as number) >= 0))
      throw new TypeError(`Expected ${name} above 0, got ${value}`)
  }
}

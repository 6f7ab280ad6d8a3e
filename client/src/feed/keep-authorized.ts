import { fullJitter } from '../backoff.ts'
import { callGuarded } from '../listeners.ts'
import { systemTimers } from '../timers.ts'
import type { Timers } from '../timers.ts'
import { wallNow } from '../wake.ts'
import { FeedReader } from './feed-reader.ts'
import { authorizeStream } from './stream-calls.ts'
import type { Feed } from './feed-types.ts'
import { tokenLifeMs } from './token-life.ts'

/** Where a token may go: a room, a session without a room, or a feed. */
export type Authorizable =
  | Feed
  | {
      rpc<R>(method: string, params?: unknown): Promise<R>
      onStatus?(listener: (status: string) => void): () => void
      onClose?(handler: () => void): () => void
    }

export interface KeepAuthorizedOptions {
  /** Is called with what a source of tokens throws, and what the server says against one. It is tried again. */
  readonly onError?: (error: unknown) => void
  readonly random?: () => number
  readonly timers?: Timers
}

const RETRY = { minMs: 1_000, maxMs: 30_000 } as const
/** So much of a token's life passes before the next one is asked for. */
const USED_UP = 0.75
const MIN_LIFE_MS = 500

/**
 * Keeps a room, a session or a feed authorised, over the connection that is open: `token` is asked for a token at once, after
 * each new connection of a room, and before the last one is over (its `exp`). It ends with what it keeps; the function it
 * returns ends it too.
 */
export function keepAuthorized(
  what: Authorizable,
  token: () => string | Promise<string>,
  options: KeepAuthorizedOptions = {},
): () => void {
  const { timers = systemTimers, random = Math.random, onError } = options
  let isOver = false
  let attempt = 0
  let turn = 0
  let cancel = (): void => {}

  async function bring(): Promise<void> {
    cancel()
    const mine = ++turn
    if (isOver || hasEnded(what)) return
    let waitMs: number | null
    try {
      const text = await token()
      if (mine !== turn) return
      const isBrought = await send(what, text)
      if (isBrought) attempt = 0
      const lifeMs = tokenLifeMs(text, wallNow(timers))
      waitMs = !isBrought
        ? fullJitter(attempt++, RETRY, random)
        : lifeMs === null
          ? null
          : Math.max(MIN_LIFE_MS, lifeMs * USED_UP)
    } catch (error) {
      if (mine !== turn) return
      callGuarded(() => onError?.(error))
      waitMs = fullJitter(attempt++, RETRY, random)
    }
    if (mine === turn && waitMs !== null && !isOver) cancel = timers.after(waitMs, again)
  }
  const again = (): void => void bring()
  const stop = (): void => {
    isOver = true
    turn++
    cancel()
    for (const unlisten of listening) unlisten?.()
  }
  const listening =
    what instanceof FeedReader
      ? [stopWith(what, stop)]
      : 'rpc' in what
        ? [
            what.onStatus?.((status) => {
              if (status === 'connected') again()
              else if (status === 'closed') stop()
            }),
            what.onClose?.(stop),
          ]
        : []
  again()
  return stop
}

function hasEnded(what: Authorizable): boolean {
  return 'status' in what && (what.status === 'ended' || what.status === 'failed')
}

async function send(what: Authorizable, token: string): Promise<boolean> {
  if (what instanceof FeedReader) return authorizeStream(what, token)
  if (!('rpc' in what)) throw new TypeError('Expected a room, a session or a feed')
  await what.rpc('auth.refresh', { token })
  return true
}

/** Calls before what else is to be called. */
function stopWith(reader: FeedReader, stop: () => void): () => void {
  const before = reader.onOver
  let isWanted = true
  reader.onOver = () => {
    before?.()
    if (isWanted) stop()
  }
  return () => {
    isWanted = false
  }
}

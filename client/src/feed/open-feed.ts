import { FeedReader } from './feed-reader.ts'
import type { Feed, FeedOptions, FeedTarget } from './feed-types.ts'

/**
 * Follows a feed until it ends, fails for good or is closed, and repairs breaks by itself. Handlers are
 * called in the order of the log, each event once, never within this call.
 * @throws TypeError on an address that is none.
 */
export function openFeed(target: FeedTarget, options: FeedOptions = {}): Feed {
  return new FeedReader(target, options)
}

import type { FeedMessage } from './feed-types.ts'

/** These of the feed's own have `data` of a room as a game's own events have. */
const ROOM_TYPES = /^(patch|joined|left)$/

/**
 * Reads an SSE event as a message. A topic's event may have any name: its `topic` marks it.
 * @throws SyntaxError when its data is no JSON object.
 */
export function toMessage(type: string, json: string, id: string | null): FeedMessage {
  const data: unknown = JSON.parse(json)
  if (typeof data !== 'object' || data === null) throw new SyntaxError('Expected an object')
  const kind = 'topic' in data ? 'topic' : 'data' in data && !ROOM_TYPES.test(type) ? 'game' : null
  return (kind ? { type: kind, name: type, id, data } : { type, id, data }) as FeedMessage
}

import type { FeedMessage } from './feed-types.ts'

const OWN_TYPES =
  /^(hello|snapshot|patch|joined|left|owner|reset|caught-up|room-unknown|room-alias|going-away|end)$/

/**
 * Reads an SSE event as a message. A topic's event may have any name: its `topic` marks it.
 * @throws SyntaxError when its data is no JSON object.
 */
export function toMessage(type: string, json: string, id: string | null): FeedMessage {
  const data: unknown = JSON.parse(json)
  if (typeof data !== 'object' || data === null) throw new SyntaxError('Expected an object')
  const kind = 'topic' in data ? 'topic' : 'game'
  const isOwn = kind === 'game' && OWN_TYPES.test(type)
  return (isOwn ? { type, id, data } : { type: kind, name: type, id, data }) as FeedMessage
}

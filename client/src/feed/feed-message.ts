import type { FeedMessage } from './feed-types.ts'

const OWN_TYPES = /^(hello|snapshot|patch|joined|left|owner|reset|caught-up|going-away|end)$/

/** Reads an SSE event as a message. @throws SyntaxError when its data is no JSON object. */
export function toMessage(type: string, json: string, seq: number | null): FeedMessage {
  const data: unknown = JSON.parse(json)
  if (typeof data !== 'object' || data === null) throw new SyntaxError('Expected an object')
  const message = OWN_TYPES.test(type)
    ? { type, seq, data }
    : { type: 'game', name: type, seq, data }
  return message as FeedMessage
}

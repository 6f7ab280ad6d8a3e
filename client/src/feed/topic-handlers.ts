import { callGuarded } from '../listeners.ts'
import type { FeedMessage, TopicHandlers } from './feed-types.ts'

/**
 * Makes an `onEvent` of a feed that hands each event of a topic to the handler of its type, and what has none, or is of no
 * topic, to `others`. Types of the application's own are declared: `topicHandlers<{ 'build-done': { ok: boolean } }>({...})`.
 * What was published is not checked to be of the type.
 */
export function topicHandlers<Own extends object = object>(
  handlers: TopicHandlers<Own>,
  others?: (event: FeedMessage) => void,
): (event: FeedMessage | { readonly type: 'game' }) => void {
  const byName = new Map<string, unknown>(Object.entries(handlers))
  return (event) => {
    const message = event as FeedMessage
    const handler = message.type === 'topic' ? byName.get(message.name) : null
    if (typeof handler === 'function') callGuarded(() => handler(message.data, message.id))
    else others?.(message)
  }
}

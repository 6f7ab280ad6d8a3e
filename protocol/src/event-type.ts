/**
 * The type of an event, the same in a game's contract, in publishing and in `types=`: a letter, then up to 63 letters,
 * digits, `.`, `_` and `-`.
 */
export const EVENT_TYPE = /^[A-Za-z][A-Za-z0-9._-]{0,63}$/

/** A topic is 1 to 10 words with dots between them, as `project.42.build`; a word is letters, digits, `_` and `-`. */
export const TOPIC = /^[A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9_-]{1,64}){0,9}$/

/** A topic has at most so many characters. */
export const MAX_TOPIC_CHARACTERS = 200

/** The id that a publisher gives to a message: 1 to 128 printable ASCII characters without spaces. */
export const MESSAGE_ID = /^[\x21-\x7e]{1,128}$/

/** The id of a reader, to whom messages may be sent: 1 to 64 letters, digits and `. _ ~ @ : | + -`. */
export const CLIENT_ID = /^[A-Za-z0-9._~@:|+-]{1,64}$/

/**
 * Types that the feed itself uses, and those that every EventSource dispatches by itself (WHATWG HTML, section 9.2):
 * neither a game's events nor published ones may have them.
 */
export const FEED_EVENT_TYPES: ReadonlySet<string> = new Set([
  'hello',
  'snapshot',
  'patch',
  'joined',
  'left',
  'owner',
  'reset',
  'bound',
  'room-unknown',
  'room-alias',
  'caught-up',
  'heartbeat',
  'going-away',
  'end',
  'open',
  'error',
  'message',
  'tombstone',
])

/** True for a type that a game or a publisher may give to an event. */
export function isEventType(type: unknown): type is string {
  return typeof type === 'string' && EVENT_TYPE.test(type) && !FEED_EVENT_TYPES.has(type)
}

/** True for a topic that something can be published to. */
export function isTopic(topic: unknown): topic is string {
  return typeof topic === 'string' && topic.length <= MAX_TOPIC_CHARACTERS && TOPIC.test(topic)
}

/** The name of one of a client's feeds, each of which has a checkpoint of its own: `''`, or 1 to 64 letters, digits and `_`. */
export const FEED_NAME = /^\w{0,64}$/

import { MAX_TOPIC_CHARACTERS } from '@ringside/protocol'

/** Text with `*` in it, compiled once and asked for every event. */
export interface Pattern {
  /** As it was written: equal patterns have equal texts. */
  readonly text: string
  matches(text: string): boolean
}

const MAX_STARS = 2
/** Of types, clients and rooms, whose own characters are of this alphabet. */
const NAME_PATTERN = /^[A-Za-z0-9._~@:|+*-]{1,64}$/
const TOPIC_PATTERN = /^(?:[A-Za-z0-9_-]{1,64}|\*)(?:\.(?:[A-Za-z0-9_-]{1,64}|\*)){0,9}$/

/**
 * Compiles a pattern of names: of event types, clients or rooms. At most two `*`, each for any characters or none:
 * `chat*` means `chat` and `chat.line`. Null for what is no pattern.
 */
export function compileNamePattern(text: string): Pattern | null {
  if (!NAME_PATTERN.test(text)) return null
  const parts = text.split('*')
  if (parts.length - 1 > MAX_STARS) return null
  if (parts.length === 1) return { text, matches: (name) => name === text }
  if (text === '*') return { text, matches: () => true }
  const [first = '', last = ''] = [parts[0], parts.at(-1)]
  const middle = parts.length > 2 ? (parts[1] ?? '') : ''
  const shortest = first.length + middle.length + last.length
  return {
    text,
    matches(name) {
      if (name.length < shortest || !name.startsWith(first) || !name.endsWith(last)) return false
      const at = name.indexOf(middle, first.length)
      return at >= 0 && at + middle.length <= name.length - last.length
    },
  }
}

/**
 * Compiles a pattern of topics: words with dots between them. `*` is a whole word: at the end it means one word or
 * more (`project.42.*` is everything below it, `*` every topic), anywhere else one word. No `*` means the topics that
 * are closed to it (`isClosedTopic`): those must be named. Null for what is no pattern.
 */
export function compileTopicPattern(text: string): Pattern | null {
  if (text.length > MAX_TOPIC_CHARACTERS || !TOPIC_PATTERN.test(text)) return null
  if (!text.includes('*')) return { text, matches: (topic) => topic === text }
  const words = text.split('.')
  const isOpenEnded = words.at(-1) === '*'
  if (isOpenEnded && words.indexOf('*') === words.length - 1) {
    const before = text.slice(0, -1)
    return {
      text,
      matches: (topic) =>
        topic.length > before.length && topic.startsWith(before) && !isClosedTopic(topic),
    }
  }
  return {
    text,
    matches(topic) {
      const given = topic.split('.')
      const fits = isOpenEnded ? given.length >= words.length : given.length === words.length
      return (
        fits &&
        words.every((word, index) => word === '*' || word === given[index]) &&
        !isClosedTopic(topic)
      )
    },
  }
}

/**
 * A topic that holds what the server itself says, for those alone whose scopes name it: `audit` (AU6), `presence` and
 * `presence.private` (PU10).
 */
export function isClosedTopic(topic: string): boolean {
  return /^(?:audit|presence)(?:\.|$)/.test(topic)
}

import { compileTopicPattern } from '../../auth/pattern.ts'

/** One `topics=` has no more patterns: every event of a topic is held against each of them. */
export const MAX_TOPICS = 20
/** A filter remembers its answer for so many topics. */
const MAX_REMEMBERED = 256

/** Decides which topics a stream follows. Whether its reader may read them is asked apart. */
export interface TopicFilter {
  /** Equal filters have equal keys. */
  readonly key: string
  /** Sorted, each once. */
  readonly patterns: readonly string[]
  allows(topic: string): boolean
}

/** It follows no topic. */
export const NO_TOPICS: TopicFilter = { key: '', patterns: [], allows: () => false }

/**
 * FE71: reads topics and patterns, in the one language that scopes have too: `project.42.*` has `project.42.build` and
 * `project.42.build.log` but not `project.42`, and `*` all that are not closed. null when there are more than
 * `max`, or one is none.
 */
export function makeTopicFilter(given: readonly string[], max = MAX_TOPICS): TopicFilter | null {
  const patterns = [...new Set(given)].sort()
  if (patterns.length > max) return null
  if (patterns.length === 0) return NO_TOPICS
  const compiled = patterns.map(compileTopicPattern).filter((pattern) => pattern !== null)
  if (compiled.length < patterns.length) return null
  const known = new Map<string, boolean>()
  const allows = (topic: string): boolean => {
    const answer = known.get(topic)
    if (answer !== undefined) return answer
    const isAllowed = compiled.some((pattern) => pattern.matches(topic))
    if (known.size < MAX_REMEMBERED) known.set(topic, isAllowed)
    return isAllowed
  }
  return { key: patterns.join(','), patterns, allows }
}

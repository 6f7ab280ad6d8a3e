import { Anonymous } from '../../auth/asker.ts'
import { compileTopicPattern } from '../../auth/pattern.ts'
import type { FeedAuthenticator } from './access.ts'

/** For a feed without keys and tokens: whoever asks is nobody known, and reads these topics. */
export function nobodyKnown(topics: readonly string[]): FeedAuthenticator {
  const patterns = topics.map(compileTopicPattern).filter((pattern) => pattern !== null)
  const anonymous = new Anonymous({ topics: patterns })
  return {
    authenticate: () => anonymous,
    watch: () => () => {},
  }
}

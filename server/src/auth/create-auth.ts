import { checkText, invalid, shownText } from '../process/argument.ts'
import type { Clock } from '../process/clock.ts'
import type { Logger } from '../process/logger.ts'
import type { Part, Reading } from '../process/part.ts'
import type { MirroredRecords } from '../process/record-mirror.ts'
import { Authenticator } from './authenticator.ts'
import { checkCookie } from './cookie.ts'
import type { CookieOptions } from './cookie.ts'
import type { CredentialRules } from './credential.ts'
import { KeyCheck } from './key-check.ts'
import type { GuessRate } from './key-check.ts'
import { KeptKeys } from './kept-keys.ts'
import { compileTopicPattern, isClosedTopic } from './pattern.ts'
import type { Pattern } from './pattern.ts'
import { TokenCheck } from './token-check.ts'
import type { JwtOptions } from './token-check.ts'
import { PrincipalWatch } from './watch.ts'

export interface AuthContext {
  readonly apiKey: string | null
  readonly jwt: JwtOptions | undefined
  readonly cookie: CookieOptions | undefined
  readonly allowQueryToken: boolean
  readonly publicTopics: readonly string[]
  readonly isTrusted: CredentialRules['isTrusted']
  readonly guesses: GuessRate
  readonly records: MirroredRecords
  readonly clock: Clock
  readonly logger: Logger
  readonly newId: () => string
  /** The store's time in ms. */
  readonly now: () => number
  readonly isAway: () => boolean
}

/** Who asks, and the keys by which they do. */
export interface Auth {
  readonly authenticator: Authenticator
  readonly keys: KeptKeys
  readonly keyCheck: KeyCheck
  /** It looks for no more changes of keys before the log is closed. */
  readonly part: Part<never>
  /** It reads the keys: the log has been opened before. */
  readonly records: Part<never>
  /** What is unsafe outside development. */
  readonly warnings: readonly string[]
}

const MAX_PUBLIC_TOPICS = 64

/** @throws RingsideError option_invalid. */
export function createAuth(context: AuthContext): Auth {
  const { apiKey, jwt, guesses, records, clock, logger, newId, now, isAway } = context
  const everybody = { topics: checkTopics(context.publicTopics) }
  const cookie = context.cookie === undefined ? null : checkCookie(context.cookie)
  if (cookie !== null && jwt === undefined)
    throw invalid('Expected jwt beside cookie: the cookie carries a token')
  const principals = new PrincipalWatch({ clock, now })
  const keys = new KeptKeys({
    records,
    clock,
    logger,
    isAway,
    everybody,
    newId,
    now,
    onChanged: (holder) => principals.changed(holder),
  })
  const keyCheck = new KeyCheck({ apiKey, guesses, everybody, find: (text) => keys.find(text) })
  const tokens = jwt === undefined ? null : new TokenCheck({ options: jwt, clock, logger, now })
  const authenticator = new Authenticator({
    keys: keyCheck,
    tokens,
    everybody,
    rules: {
      cookie: cookie?.name ?? null,
      allowQuery: context.allowQueryToken,
      isTrusted: context.isTrusted,
    },
    guesses,
    principals,
    now,
  })
  const stop = (): void => {
    keys.stop()
    tokens?.stop()
    principals.stop()
  }
  const gauges: Reading[] = [
    { name: 'api_keys', help: 'API keys that were made and hold', read: () => keys.size },
  ]
  return {
    authenticator,
    keys,
    keyCheck,
    part: { name: 'auth', gauges, drain: () => keys.stop(), stop },
    records: { name: 'API keys', start: () => keys.start() },
    warnings:
      jwt !== undefined && jwt.secret === undefined && jwt.audience === undefined
        ? ['jwt has no audience: tokens that its issuer signs for other services are taken as well']
        : [],
  }
}

function checkTopics(topics: readonly string[]): Pattern[] {
  if (topics.length > MAX_PUBLIC_TOPICS)
    throw invalid(`Expected at most ${MAX_PUBLIC_TOPICS} publicTopics, got ${topics.length}`)
  return topics.map((topic: unknown) => {
    checkText('a topic of publicTopics', topic)
    const pattern = compileTopicPattern(topic as string)
    // What a pattern of stars leaves closed is closed to everybody without a scope; who comes and goes may be for all.
    const isClosed = pattern !== null && isClosedTopic(pattern.text.replaceAll('*', 'x'))
    if (pattern === null || (isClosed && pattern.text !== 'presence'))
      throw invalid(`Expected publicTopics like 'public' or 'news.*', got ${shownText(topic)}`)
    return pattern
  })
}

import { RingsideError } from '../process/errors.ts'
import { isPromise } from '../process/promise.ts'
import type { Logger } from '../process/logger.ts'
import type { UserIdOf } from './sanctions.ts'

/** As long as an operator may name. */
const MAX_ID_CHARACTERS = 256

/** Who somebody is, if the game says nothing else: the `userId` of what `onAuth` has given, where that is text. */
function defaultUserIdOf(auth: unknown): unknown {
  return typeof auth === 'object' && auth !== null
    ? (auth as { readonly userId?: unknown }).userId
    : null
}

/**
 * The question of who somebody is, which never throws: a game's function that does is logged, and they are nobody.
 * @throws RingsideError option_invalid for what is no function.
 */
export function checkUserIdOf(
  given: ((auth: unknown) => string | null) | undefined,
  logger: Logger,
): UserIdOf {
  if (given !== undefined && typeof given !== 'function')
    throw new RingsideError(
      'option_invalid',
      `Expected userIdOf as a function, got ${typeof given}`,
    )
  const ask: (auth: unknown) => unknown = given ?? defaultUserIdOf
  return (auth) => {
    if (auth === undefined) return null
    try {
      const id = ask(auth)
      // It is asked where nothing can be waited for; a promise that is refused must end no process.
      if (isPromise(id)) Promise.resolve(id).catch(() => {})
      return typeof id === 'string' && id !== '' && id.length <= MAX_ID_CHARACTERS ? id : null
    } catch (error) {
      logger.error({ err: error }, 'userIdOf threw')
      return null
    }
  }
}

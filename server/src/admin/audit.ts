import { cleanLine } from '@ringside/protocol'
import { wallNow } from '../process/clock.ts'
import type { Clock } from '../process/clock.ts'
import { RingsideError } from '../process/errors.ts'
import { isPromise } from '../process/promise.ts'
import type { Logger } from '../process/logger.ts'

/** An operator can do this. */
export type AdminAction =
  | 'kick'
  | 'ban'
  | 'unban'
  | 'mute'
  | 'unmute'
  | 'close'
  | 'message'
  | 'list'
  | 'key.create'
  | 'key.change'
  | 'key.revoke'
  | 'key.list'
  | 'stream.close'

/** What an operator did, or was refused. It holds no key, token or ticket. */
export interface AuditEntry {
  /** The server's clock in ms. */
  readonly at: number
  readonly action: AdminAction
  /** What it was about: the fields of the request that name it, each one line of at most 256 characters. */
  readonly target: Readonly<Record<string, string>>
  /**
   * `server` for the server's own code; for a request `key:` and the id of the key (of the operator's own 8 letters of its
   * digest) or `user:` and the subject of the token; null: neither is valid.
   */
  readonly by: string | null
  /** Null for the server's own code. */
  readonly remoteAddress: string | null
  /** The reason that was given, the words of a message, or the scopes of a key: one line, '' when there is none. */
  readonly reason: string
  /** Of a ban or mute, as it was asked for, in ms; null: until it is lifted, or none was given. */
  readonly durationMs: number | null
  /** `done`, or the code of the refusal. */
  readonly result: string
}

/** Who acts. */
export interface Actor {
  readonly by: string | null
  readonly remoteAddress: string | null
}

/** The server's own code acts. */
export const serverItself: Actor = { by: 'server', remoteAddress: null }

export interface AuditParts {
  readonly clock: Clock
  readonly logger: Logger
  /** Is called with each entry, synchronously; what it throws is logged and undoes nothing. */
  readonly audit: ((entry: AuditEntry) => unknown) | null
}

/** A request as it came, of which the entry has what names its target. */
export type ActFields = Readonly<Record<string, unknown>>

const TARGETS = ['roomId', 'sessionId', 'userId', 'address', 'id', 'streamId'] as const
const MAX_TARGET_CHARACTERS = 256
const MAX_REASON_CHARACTERS = 200

/** Tells of every act of an operator, done or refused: to the log of the process, and to whoever keeps a record (AD9). */
export class Audit {
  readonly #parts: AuditParts

  constructor(parts: AuditParts) {
    this.#parts = parts
  }

  /** Runs an act and tells of it. @throws whatever it throws. */
  async run<T>(
    action: AdminAction,
    fields: ActFields,
    [actor, act]: readonly [Actor, () => T | Promise<T>],
  ): Promise<T> {
    try {
      const result = await act()
      this.tell(action, fields, [actor, 'done'])
      return result
    } catch (error) {
      this.tell(action, fields, [actor, error instanceof RingsideError ? error.code : 'internal'])
      throw error
    }
  }

  tell(action: AdminAction, fields: ActFields, [actor, result]: readonly [Actor, string]): void {
    const { clock, logger, audit } = this.#parts
    const { durationMs } = fields
    const entry: AuditEntry = Object.freeze({
      at: wallNow(clock),
      action,
      target: Object.freeze(targetOf(fields)),
      by: actor.by,
      remoteAddress: actor.remoteAddress,
      reason: lineOf(fields['reason'] ?? fields['text'], MAX_REASON_CHARACTERS),
      durationMs: typeof durationMs === 'number' ? durationMs : null,
      result,
    })
    logger.info({ ...entry }, 'operator acted')
    const failed = (error: unknown): void =>
      logger.error({ action, result, err: error }, 'audit failed')
    try {
      const kept = audit?.(entry)
      if (isPromise(kept)) Promise.resolve(kept).catch(failed)
    } catch (error) {
      failed(error)
    }
  }
}

function targetOf(fields: ActFields): Record<string, string> {
  const target: Record<string, string> = {}
  for (const name of TARGETS) {
    const line = lineOf(fields[name], MAX_TARGET_CHARACTERS)
    if (line !== '') target[name] = line
  }
  return target
}

function lineOf(value: unknown, max: number): string {
  return typeof value === 'string' ? cleanLine(value, max) : ''
}

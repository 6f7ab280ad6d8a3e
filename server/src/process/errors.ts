import { clipText, errorCodes, isErrorCode, kindOf } from '@ringside/protocol'
import type { ErrorCode } from '@ringside/protocol'

/** Codes of mistakes that the programmer or operator makes; they never travel to a client. */
export const serverErrorCodes = {
  option_invalid: 'An option is outside its range, or two options contradict each other',
  reserved_id: 'A command id or method name of the framework was registered',
  registered_twice:
    'A command id, a name of a command or method, or a room type was registered before',
  already_listening: 'Something was registered, or listen called, after listen or close',
  not_in_contract: 'The contract declares no such command, event or room type',
  port_in_use: 'Another process listens on the port',
  port_forbidden: 'This process may not listen on the port',
  host_unavailable: 'The host to listen at is none of this machine',
  native_unusable: 'The binary of uWebSockets.js does not run on this system',
  state_invalid: 'A value that cannot be recorded was written to the state',
  room_over: 'The room has ended or was disposed',
  room_taken: 'Another process has taken the room over',
  room_not_ready: 'The room has no state yet: onCreate has not returned',
  event_refused: 'An event can never be written to the log',
  record_invalid: 'A key, value or version of a record is outside its bounds',
  outbox_unreachable: 'The log cannot be reached',
  log_restored: 'The log was restored from a backup under this process: only a new one can go on',
  aborted: 'The client has gone before the request was read',
} as const

export type ServerErrorCode = keyof typeof serverErrorCodes

/** The one error class of the server. `message` says what was expected and what came. */
export class RingsideError extends Error {
  override readonly name = 'RingsideError'
  readonly code: ServerErrorCode | ErrorCode
  constructor(code: ServerErrorCode | ErrorCode, message?: string, options?: ErrorOptions) {
    super(message ?? (isErrorCode(code) ? errorCodes[code].text : serverErrorCodes[code]), options)
    this.code = code
  }
}

/** A refusal that a handler means: it reaches the client as ERROR with this code and text. */
export class Rejection extends Error {
  override readonly name = 'Rejection'
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

const REJECTION_CODE = /^[a-z][a-z0-9_]{0,39}$/

/** A refusal's text beyond this many characters is cut before it is sent. */
const MAX_CLIENT_TEXT = 1_000

/**
 * The text of a refusal as a client may get it. A handler may repeat what the client sent in it, so
 * without a bound the client would decide whether the answer can be encoded at all.
 */
export function clientText(text: string): string {
  return clipText(text, MAX_CLIENT_TEXT)
}

/**
 * Refuses a command from inside its handler: `throw reject('too_far')`. `code` is yours (lower case,
 * at most 40 characters); the client gets it with the first 1,000 characters of the message.
 * @throws RingsideError option_invalid for another code.
 */
export function reject(code: string, message = 'Refused'): Rejection {
  if (!REJECTION_CODE.test(code))
    throw new RingsideError(
      'option_invalid',
      `Expected a code like 'too_far', got ${typeof code === 'string' ? `'${clipText(code, 80)}'` : kindOf(code)}`,
    )
  if (typeof message !== 'string')
    throw new RingsideError(
      'option_invalid',
      `Expected text to refuse with, got ${kindOf(message)}`,
    )
  return new Rejection(code, message)
}

/** A 429 with the seconds to wait. */
export class TooManyRequests extends RingsideError {
  readonly retryAfterSeconds: number
  constructor(retryAfterMs: number) {
    super('too_many_requests')
    this.retryAfterSeconds = Math.max(1, Math.ceil(retryAfterMs / 1000))
  }
}

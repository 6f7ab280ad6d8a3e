import { RingsideError } from '../../process/errors.ts'
import type { Logger } from '../../process/logger.ts'
import type { NewMessage } from '../contract/messages.ts'
import type { NewEvent, SnapshotInput } from '../contract/outbox.ts'
import { MAX_SNAPSHOT_BYTES, snapshotBytes } from '../contract/sizes.ts'
import { WHO, isLogType } from '../contract/room-who.ts'
import { OWNER, TOMBSTONE } from '../contract/store.ts'

const MAX_TYPE_LENGTH = 64
/** No text beside a message's data is longer: each is kept, indexed or sent along with it. */
const MAX_NAME_LENGTH = 1_024
// A JSON value begins with one of these.
const JSON_START = /^[[{"\-0-9tfn]/

/**
 * Says why an event can never be written, or null. It must be one line: a CR, LF or NUL would end the
 * field of an SSE stream. That it is JSON is the encoder's duty; only its first character is looked at.
 */
export function eventFault(event: NewEvent, bytes: number, maxBytes: number): RingsideError | null {
  if (bytes > maxBytes) return fault(`Expected an event of at most ${maxBytes} bytes, got ${bytes}`)
  if (event.type.length === 0 || event.type.length > MAX_TYPE_LENGTH || !isOneLine(event.type))
    return fault(`Expected an event type of 1 to ${MAX_TYPE_LENGTH} printable characters`)
  if (event.type === OWNER || event.type === TOMBSTONE)
    return fault(`Expected a type of the room's own, got '${event.type}'`)
  if (isLogType(event.type) && !(event.type === WHO && event.who))
    return fault(`Expected a type that does not begin with _, got '${event.type}'`)
  if (!isOneLineOfJson(event.data) || (event.hidden && !isOneLineOfJson(event.hidden)))
    return fault(`Expected one line of JSON as data of '${event.type}'`)
  return null
}

/** The same for a message. Its names were checked by whoever took it in: this only keeps the log whole. */
export function messageFault(message: NewMessage, maxBytes: number): RingsideError | null {
  const { topic, to, messageId, principal, trace } = message
  const names = { topic, to, messageId, principal, trace }
  for (const [name, text] of Object.entries(names))
    if (text !== null && (text.length === 0 || text.length > MAX_NAME_LENGTH || !isOneLine(text)))
      return fault(`Expected a ${name} of 1 to ${MAX_NAME_LENGTH} printable characters`)
  return eventFault(message, Buffer.byteLength(message.data), maxBytes)
}

function isOneLineOfJson(text: string): boolean {
  return JSON_START.test(text) && isOneLine(text)
}

function isOneLine(text: string): boolean {
  return !text.includes('\n') && !text.includes('\r') && !text.includes('\0')
}

function fault(message: string): RingsideError {
  return new RingsideError('option_invalid', message)
}

/** Makes the error of whoever waits for an event that can never be written. */
export function refusedError(cause: unknown): RingsideError {
  return new RingsideError('event_refused', 'An event was refused: it can never be written', {
    cause,
  })
}

/** Looks at each snapshot of a room; one that is half of what can be stored is told of once. */
export class SnapshotCheck {
  readonly #room: string
  readonly #logger: Logger
  #hasWarned = false

  constructor(room: string, logger: Logger) {
    this.#room = room
    this.#logger = logger
  }

  /**
   * Says why a snapshot can never be stored, or null. Without one the room could not be restored, nor the log
   * be cut.
   */
  faultOf(state: SnapshotInput): RingsideError | null {
    const bytes = snapshotBytes(state)
    if (bytes > MAX_SNAPSHOT_BYTES)
      return new RingsideError(
        'state_invalid',
        `Expected a state of at most ${MAX_SNAPSHOT_BYTES} bytes, got ${bytes}`,
      )
    if (bytes * 2 > MAX_SNAPSHOT_BYTES && !this.#hasWarned) {
      this.#hasWarned = true
      const fields = { roomId: this.#room, bytes, maxBytes: MAX_SNAPSHOT_BYTES }
      this.#logger.warn(fields, 'the state of a room is more than half of what can be stored')
    }
    return null
  }
}

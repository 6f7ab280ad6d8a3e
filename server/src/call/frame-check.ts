import { isGameCommandId, kindOf } from '@ringside/protocol'
import { invalid } from '../process/argument.ts'
import { RingsideError } from '../process/errors.ts'

/**
 * Checks a frame that game code sends: copied as they are, text would become zeros, and an id of the system's would be
 * taken for the system's by the client (RM60).
 * @throws RingsideError reserved_id; option_invalid unless the payload is bytes, or none.
 */
export function checkFrame(commandId: number, payload: unknown): void {
  if (!isGameCommandId(commandId))
    throw new RingsideError('reserved_id', `Expected a game's command id, got ${String(commandId)}`)
  if (payload !== undefined && !(payload instanceof Uint8Array))
    throw invalid(`Expected a payload as bytes in a Uint8Array, got ${kindOf(payload)}`)
}

/** The client is shown the reason, as far as a close frame carries it. @throws RingsideError option_invalid unless it is text. */
export function checkReason(reason: unknown): void {
  if (reason !== undefined && typeof reason !== 'string')
    throw invalid(`Expected a reason as text, got ${kindOf(reason)}`)
}

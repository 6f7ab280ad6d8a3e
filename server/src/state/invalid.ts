import { clipText } from '@ringside/protocol'
import { RingsideError } from '../process/errors.ts'

/** The error of a write that cannot be recorded (ST1). */
export function stateInvalid(message: string): RingsideError {
  return new RingsideError('state_invalid', message)
}

/** The value that came, short enough for a message. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${clipText(value, 40)}'`
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}

/** A write throws it to a state that is no longer this owner's. */
export function stateFrozen(): RingsideError {
  return new RingsideError('room_released')
}

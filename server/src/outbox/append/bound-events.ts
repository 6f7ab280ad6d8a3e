import type { Pending } from './pending-events.ts'
import { messageKeyText } from '../contract/store.ts'
import type { LogEvent } from '../contract/store.ts'

/** A pending event with the numbers it was sent with. */
export interface Bound {
  readonly pending: Pending
  readonly event: LogEvent
}

/** Says whether it is the event itself, stored by an earlier attempt. */
export function isSame(stored: LogEvent, event: LogEvent): boolean {
  if (stored.own !== event.own || stored.room !== event.room || stored.n !== event.n) return false
  return event.n > 0 || stored.seq === event.seq
}

/** Says whether it is somebody's event at the place in the room that this one was meant for. */
export function isPlaceOf(stored: LogEvent, event: LogEvent): boolean {
  return event.n > 0 && stored.room === event.room && stored.n === event.n
}

/** Says whether it is the message that was published under the id of this one (OB107). */
export function isMessageOf({ message }: LogEvent, event: LogEvent): boolean {
  return (
    message !== undefined &&
    event.message !== undefined &&
    messageKeyText(message) === messageKeyText(event.message)
  )
}

/** Gives the same events numbers from `first` on; n stays. */
export function renumbered(rest: readonly Bound[], first: number): Bound[] {
  return rest.map(({ pending, event }, index) => ({
    pending,
    event: { ...event, seq: first + index },
  }))
}

/**
 * Gives the events up to the second one of one place (two takeovers of one room) or of one message: a transaction
 * would fail over it with nothing to be found there. It has its number and is sent after it.
 */
export function withoutRivals(bound: readonly Bound[]): readonly Bound[] {
  const places = new Set<string>()
  const end = bound.findIndex(({ event }) => {
    const place = event.message
      ? `message ${messageKeyText(event.message)}`
      : `${event.n} ${event.room}`
    const isTaken = (event.n > 0 || event.message !== undefined) && places.has(place)
    places.add(place)
    return isTaken
  })
  return end < 0 ? bound : bound.slice(0, end)
}

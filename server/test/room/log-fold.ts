import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { foldSeatEvent, seatEntriesOf } from '../../src/outbox/contract/seats.ts'
import type { SeatEntry } from '../../src/outbox/contract/seats.ts'
import type { LogEvent, LogStore } from '../../src/outbox/contract/store.ts'
import { everything } from '../outbox/support.ts'

/** What a room's log adds up to. */
export interface Folded {
  /** Of the last event that was folded. */
  readonly n: number
  readonly publicState: Json
  readonly hiddenState: Json
  /** Both together, without the seats: what the game's state is. */
  readonly state: Json
  readonly seats: Readonly<Record<string, SeatEntry>>
}

export async function eventsOf(store: LogStore, room: string): Promise<LogEvent[]> {
  return (await everything(store)).filter((event) => event.room === room)
}

/** Folds a room's events from its first to `upTo`. */
export function fold(events: readonly LogEvent[], upTo = Number.MAX_SAFE_INTEGER): Folded {
  let publicState: Json = {}
  let hiddenState: Json = {}
  let n = 0
  for (const event of events) {
    if (event.n > upTo) break
    if (event.n !== ++n) throw new Error(`Expected n ${n}, got ${event.n}`)
    if (event.type === 'patch') {
      publicState = applyMergePatch(publicState, JSON.parse(event.data) as Json)
      if (event.hidden !== null)
        hiddenState = applyMergePatch(hiddenState, JSON.parse(event.hidden) as Json)
    } else hiddenState = foldSeatEvent(hiddenState, event) ?? {}
  }
  const { '~seats': _seats, '~gone': _gone, ...hidden } = hiddenState as { [key: string]: Json }
  const state = applyMergePatch(structuredClone(publicState), structuredClone(hidden))
  return { n, publicState, hiddenState, state, seats: seatEntriesOf(hiddenState) ?? {} }
}

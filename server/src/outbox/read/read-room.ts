import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { RingsideError } from '../../process/errors.ts'
import type { Outbox, RestoredRoom } from '../contract/outbox.ts'
import { PATCH } from '../contract/store.ts'
import type { LogEvent, LogStore } from '../contract/store.ts'

const PAGE = 1_000

/**
 * Makes a room's state out of its newest snapshot and the log after it, up to the marker of the
 * ownership that asks (CL3). The marker fences everybody else, so what is read cannot grow.
 * @throws RingsideError past_retention when a part of the log is missing.
 */
export async function readRoom(
  outbox: Outbox,
  store: LogStore,
  marker: LogEvent,
): Promise<RestoredRoom> {
  const room = marker.room ?? ''
  await untilSealed(outbox, marker.seq)
  const snapshot = await store.snapshotAt(room, marker.seq)
  let publicState: Json = snapshot ? parse(snapshot.publicState) : {}
  let hiddenState: Json = snapshot?.hiddenState ? parse(snapshot.hiddenState) : {}
  let next = (snapshot?.n ?? 0) + 1
  const events: LogEvent[] = []
  let after = snapshot?.seq ?? outbox.floor
  while (after < marker.seq) {
    const page = await outbox.read({ after, upTo: marker.seq, limit: PAGE, room })
    for (const event of page.events) {
      if (event.n !== next++) throw missing(room)
      if (event.type !== PATCH) events.push(event)
      else {
        publicState = applyMergePatch(publicState, parse(event.data))
        if (event.hidden !== null) hiddenState = applyMergePatch(hiddenState, parse(event.hidden))
      }
    }
    after = page.next
  }
  // Cut while its owner stood still: by now the room is another's.
  if (next !== marker.n + 1) throw missing(room)
  return {
    publicState: JSON.stringify(publicState),
    hiddenState: JSON.stringify(hiddenState),
    runtime: snapshot?.runtime ?? null,
    events,
  }
}

function untilSealed(outbox: Outbox, seq: number): Promise<void> {
  if (outbox.sealed >= seq) return Promise.resolve()
  return new Promise((resolve) => {
    const stop = outbox.onSealed((_events, sealed) => {
      if (sealed < seq) return
      stop()
      resolve()
    })
  })
}

function parse(text: string): Json {
  return JSON.parse(text) as Json
}

function missing(room: string): RingsideError {
  return new RingsideError('past_retention', `Expected the whole log of room '${room}'`)
}

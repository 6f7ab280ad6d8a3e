import { applyMergePatch } from '@ringside/protocol/merge-patch'
import type { Json } from '@ringside/protocol/merge-patch'
import type { FeedMessage, FeedRoomState, FeedState } from './feed-types.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Listener = (room: string, state: FeedRoomState) => void

/**
 * Keeps the public state of every followed room: a snapshot sets it, patches change it. Events that were
 * applied before (by their `n`) are ignored, so that it may be fed twice.
 */
export function createFeedState(): FeedState {
  const rooms = new Map<string, Mutable<FeedRoomState>>()
  const listeners = new Set<Listener>()

  function changed(id: string, room: FeedRoomState): void {
    for (const listener of listeners) listener(id, room)
  }

  /** The room, moved on to the event's position; null when the event is old or its room unknown. */
  function moveOn(message: FeedMessage): Mutable<FeedRoomState> | null {
    const data = message.data as { room: string; n: number; at: number }
    const room = rooms.get(data.room)
    if (!room || data.n <= room.n) return null
    room.n = data.n
    room.at = data.at
    room.seq = message.seq ?? room.seq
    return room
  }

  function apply(message: FeedMessage): void {
    switch (message.type) {
      case 'snapshot': {
        const { room: id, n, seq, at, state } = message.data
        const room = { state, n, seq, at, epoch: null, hasEnded: false }
        rooms.set(id, room)
        changed(id, room)
        return
      }
      case 'reset':
        // The snapshots that follow replace the rooms one by one; until then the old picture stands.
        return
      case 'hello':
      case 'caught-up':
      case 'going-away':
        return
      default: {
        const room = moveOn(message)
        if (!room) return
        if (message.type === 'patch')
          room.state = applyMergePatch(room.state, message.data.data as Json)
        else if (message.type === 'owner') room.epoch = message.data.epoch
        else if (message.type === 'end') room.hasEnded = true
        else return
        changed(message.data.room, room)
      }
    }
  }

  return {
    rooms,
    get(id) {
      if (id !== undefined) return rooms.get(id) ?? null
      for (const room of rooms.values()) return room
      return null
    },
    apply,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    clear: () => rooms.clear(),
  }
}

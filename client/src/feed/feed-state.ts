import { applyMergePatch } from '@ringside/protocol/merge-patch'
import { Listeners } from '../listeners.ts'
import type { FeedMessage, FeedRoomState, FeedState } from './feed-types.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
/** Ended rooms are kept to be looked at, but not for ever. */
const MAX_ENDED = 64

function blank(): Mutable<FeedRoomState> {
  return { state: {}, n: 0, at: 0, epoch: null, hasEnded: false }
}

/**
 * Keeps the public state of every followed room: a snapshot sets it and patches change it. Events that were
 * applied before (by their `n`) are ignored, so that it may be fed twice.
 */
export function createFeedState(): FeedState {
  const rooms = new Map<string, Mutable<FeedRoomState>>()
  const listeners = new Listeners<[room: string, state: FeedRoomState]>()
  /** Rooms from before a reset that no snapshot has shown again yet. */
  let stale = new Set<string>()
  const over: string[] = []

  function ended(id: string, room: Mutable<FeedRoomState>): void {
    room.hasEnded = true
    over.push(id)
    if (over.length > MAX_ENDED) rooms.delete(over.shift() as string)
  }

  /** Moves the room on to the event's position and returns it; null when the event is old or its room unknown. */
  function moveOn(message: FeedMessage): Mutable<FeedRoomState> | null {
    const data = message.data as { room: string; n: number; at: number }
    const room = rooms.get(data.room)
    if (!room || data.n <= room.n) return null
    room.n = data.n
    room.at = data.at
    return room
  }

  function apply(message: FeedMessage): void {
    switch (message.type) {
      case 'snapshot': {
        const { room: id, n, at, state } = message.data
        const room = { state, n, at, epoch: null, hasEnded: false }
        stale.delete(id)
        rooms.set(id, room)
        listeners.call(id, room)
        return
      }
      case 'reset':
        // The snapshots that follow replace the rooms one by one; until then the old picture stands.
        stale = new Set(rooms.keys())
        return
      case 'caught-up':
        for (const id of stale) rooms.delete(id)
        stale.clear()
        return
      case 'hello':
      case 'room-unknown':
      case 'room-alias':
      case 'heartbeat':
      case 'bound':
      case 'going-away':
      case 'topic':
        return
      default: {
        const first = message.data
        // The room began while we follow: n = 1 carries its full first state.
        if (message.type === 'patch' && first.n === 1 && !rooms.has(first.room))
          rooms.set(first.room, blank())
        const room = moveOn(message)
        if (!room) return
        if (message.type === 'patch') room.state = applyMergePatch(room.state, message.data.data)
        else if (message.type === 'owner') room.epoch = message.data.epoch
        else if (message.type === 'end') ended(message.data.room, room)
        else return
        listeners.call(message.data.room, room)
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
    onChange: (listener) => listeners.add(listener),
    clear: () => rooms.clear(),
  }
}

import type { RoomRecord } from '../../src/index.ts'

/** The record of a public room that lives. */
export function roomRecord(part: Partial<RoomRecord>): RoomRecord {
  return {
    room: 'r',
    type: 'arena',
    seed: '1',
    delayMs: 0,
    epoch: 1,
    revision: 0,
    isPrivate: false,
    isLocked: false,
    revealedAt: 0,
    isLive: true,
    createdAt: 1,
    end: null,
    ...part,
  }
}

import { expect, it } from 'vitest'
// Everything that a store of one's own needs comes from here, and from nowhere else.
import { ManualClock, MemoryStore, RingsideError } from '../../../src/index.ts'
import type {
  Checkpoint,
  CheckpointStore,
  StoredCheckpoint,
  EventStore,
  InsertOutcome,
  LogEvent,
  LogHistory,
  LogStore,
  MarkStore,
  MemoryStoreOptions,
  MessageKey,
  NewHistory,
  RangeQuery,
  RecordPage,
  RecordQuery,
  RecordStore,
  RecordWrite,
  RoomRecord,
  RoomStore,
  Snapshot,
  SnapshotCut,
  SnapshotPlace,
  SnapshotStore,
  StoreClock,
  StoredRecord,
  VoidRange,
  WakeSource,
} from '../../../src/index.ts'
import { describeLogStore } from '../../../src/testing/contracts/index.ts'
import { TestServer } from '../../support/test-server.ts'

/** A store written from the public types alone: each member names every type that it takes and gives. */
class OwnStore implements LogStore {
  readonly #kept: MemoryStore
  readonly address = 'own'
  insertCount = 0

  constructor(options: MemoryStoreOptions) {
    this.#kept = new MemoryStore(options)
  }

  get events(): EventStore {
    const { events } = this.#kept
    return {
      allocate: (count: number, historyId?: string): Promise<number> =>
        events.allocate(count, historyId),
      insert: (some: readonly LogEvent[]): Promise<InsertOutcome> => {
        this.insertCount++
        return events.insert(some)
      },
      insertNext: (
        count: number,
        make: (first: number) => readonly LogEvent[],
        historyId?: string,
      ): Promise<InsertOutcome> => events.insertNext(count, make, historyId),
      bySeq: (seq: number): Promise<LogEvent | null> => events.bySeq(seq),
      byRoomN: (room: string, n: number): Promise<LogEvent | null> => events.byRoomN(room, n),
      byMessageId: (principal: string, messageId: string): Promise<LogEvent | null> =>
        events.byMessageId(principal, messageId),
      byMessageIds: (keys: readonly MessageKey[]): Promise<LogEvent[]> => events.byMessageIds(keys),
      range: (query: RangeQuery): Promise<LogEvent[]> => events.range(query),
      lastOfRoom: (room: string): Promise<LogEvent | null> => events.lastOfRoom(room),
      deleteThrough: (seq: number): Promise<number> => events.deleteThrough(seq),
      deleteVoid: (range: VoidRange): Promise<number> => events.deleteVoid(range),
    }
  }

  get marks(): MarkStore {
    const { marks } = this.#kept
    return {
      origin: (): Promise<number> => marks.origin(),
      counter: (): Promise<number> => marks.counter(),
      floor: (historyId?: string): Promise<number> => marks.floor(historyId),
      raiseFloor: (seq: number, historyId?: string): Promise<void> =>
        marks.raiseFloor(seq, historyId),
      history: (): Promise<LogHistory> => marks.history(),
      beginHistory: (next: NewHistory): Promise<boolean> => marks.beginHistory(next),
      sealed: (): Promise<number> => marks.sealed(),
      storeSealed: (seq: number): Promise<void> => marks.storeSealed(seq),
    }
  }

  get snapshots(): SnapshotStore {
    const { snapshots } = this.#kept
    return {
      save: (snapshot: Snapshot): Promise<void> => snapshots.save(snapshot),
      saveAll: (some: readonly Snapshot[]): Promise<void> => snapshots.saveAll(some),
      at: (room: string, seq: number): Promise<Snapshot | null> => snapshots.at(room, seq),
      places: (rooms: readonly string[], seq: number): Promise<SnapshotPlace[]> =>
        snapshots.places(rooms, seq),
      of: (places: readonly SnapshotPlace[], maxBytes: number): Promise<Snapshot[]> =>
        snapshots.of(places, maxBytes),
      delete: (cuts: readonly SnapshotCut[]): Promise<void> => snapshots.delete(cuts),
    }
  }

  get rooms(): RoomStore {
    const { rooms } = this.#kept
    return {
      save: (record: RoomRecord): Promise<void> => rooms.save(record),
      living: (after: string, limit: number): Promise<RoomRecord[]> => rooms.living(after, limit),
      ended: (limit: number): Promise<RoomRecord[]> => rooms.ended(limit),
      get: (room: string): Promise<RoomRecord | null> => rooms.get(room),
    }
  }

  get checkpoints(): CheckpointStore {
    const { checkpoints } = this.#kept
    return {
      save: (some: readonly Checkpoint[]): Promise<void> => checkpoints.save(some),
      of: (clientId: string, feedName: string): Promise<StoredCheckpoint | null> =>
        checkpoints.of(clientId, feedName),
    }
  }

  get records(): RecordStore {
    const { records } = this.#kept
    return {
      get: async (key: string): Promise<StoredRecord | null> => {
        if (key === '') throw new RingsideError('record_invalid')
        return records.get(key)
      },
      put: (write: RecordWrite): Promise<number | null> => records.put(write),
      list: (query: RecordQuery): Promise<RecordPage> => records.list(query),
      delete: (key: string, ifVersion: number): Promise<boolean> => records.delete(key, ifVersion),
    }
  }

  get clock(): StoreClock {
    return this.#kept.clock
  }

  get wake(): WakeSource {
    return this.#kept.wake
  }

  async open(): Promise<void> {}

  async close(): Promise<void> {}
}

describeLogStore('a store of somebody else', () =>
  Promise.resolve(new OwnStore({ clock: new ManualClock() })),
)

it('OB2 a store written from the public types alone keeps the log of a server', async () => {
  const store = new OwnStore({ clock: new ManualClock() })
  await using test = await TestServer.start({ store })
  await test.join('Ada')
  await test.clock.advanceAsync(1_000, 5)
  expect(store.insertCount).toBeGreaterThan(0)
  expect(await store.rooms.living('', 10)).toHaveLength(1)
})

import { setTimeout as sleep } from 'node:timers/promises'
import { createArchive } from '../../src/archive/create-archive.ts'
import type { Archive } from '../../src/archive/create-archive.ts'
import type { ArchiveStore } from '../../src/archive/contract.ts'
import type { Outbox, RoomLog } from '../../src/outbox/contract/outbox.ts'
import type { LogStore, RoomRecord } from '../../src/outbox/contract/store.ts'
import { createOutbox } from '../../src/outbox/create-outbox.ts'
import { MemoryStore } from '../../src/outbox/stores/memory/store.ts'
import { ManualClock } from '../../src/process/clock.ts'
import { checkLimits } from '../../src/process/limits.ts'
import type { ServerLimits } from '../../src/process/limits.ts'
import { advance } from '../../src/testing/index.ts'
import { roomRecord } from '../support/room-record.ts'
import { MemoryArchive } from './memory-archive.ts'

export const KEEP_MS = 1e9

interface RigOptions extends Partial<ServerLimits> {
  readonly clock?: ManualClock
  readonly store?: LogStore
  readonly archive?: ArchiveStore
}

/** A log with an archive, and no server. Packing takes real time: `until` lets both pass. */
export class ArchiveRig {
  readonly clock: ManualClock
  readonly store: LogStore
  readonly archiveStore: ArchiveStore
  readonly outbox: Outbox
  readonly archive: Archive
  readonly logged: string[] = []
  readonly #limits: ServerLimits

  constructor(options: RigOptions = {}) {
    const { clock = new ManualClock(), store, archive, ...limits } = options
    this.clock = clock
    this.store = store ?? new MemoryStore({ clock })
    this.archiveStore = archive ?? new MemoryArchive()
    this.#limits = checkLimits({ retentionMs: 10_000, archiveHoldMs: 20_000, ...limits })
    const note = (_fields: object, message: string): void => void this.logged.push(message)
    const logger = { debug: note, info: note, warn: note, error: note }
    let ids = 0
    const newId = (): string => `id-${String(ids++).padStart(12, '0')}`
    this.outbox = createOutbox(this.store, this.#limits, {
      clock,
      logger,
      randomId: newId,
      holdCut: (parts, floor) => this.archive.archivist.holdCut(parts, floor),
    })
    this.archive = createArchive({
      store: this.archiveStore,
      outbox: this.outbox,
      clock,
      logger,
      newId,
      keepMsOf: (type) => (type === 'arena' ? KEEP_MS : null),
      holdMs: this.#limits.archiveHoldMs,
    })
  }

  static async start(options: RigOptions = {}): Promise<ArchiveRig> {
    const rig = new ArchiveRig(options)
    const started = rig.outbox.start()
    await rig.advance(0)
    await started
    await rig.archive.part.start?.()
    await rig.advance(1)
    return rig
  }

  /** A room with a record, whose first event is written. */
  async room(id: string, facts: Partial<RoomRecord> = {}): Promise<Match> {
    const createdAt = this.outbox.now()
    const record = roomRecord({ room: id, createdAt, ...facts })
    await this.outbox.saveRoom(record)
    const ignore = (): void => {}
    const opening = this.outbox.openRoom(id, {
      onFenced: ignore,
      onGivenUp: ignore,
      onWritable: ignore,
      onRefused: ignore,
      onSnapshotDue: () => match.snapshot(),
    })
    await this.advance(0)
    const match: Match = new Match(this, record, await opening)
    match.patch({ score: 0, text: 'x'.repeat(20) })
    await this.advance(1)
    return match
  }

  advance(ms: number): Promise<void> {
    return advance(this.clock, ms)
  }

  /** Lets the test's time pass, and some of the machine's. */
  async until(condition: () => boolean, stepMs = 100): Promise<void> {
    for (let count = 0; count < 1_000; count++) {
      if (condition()) return
      await this.advance(stepMs)
      await sleep(1)
    }
    throw new Error(`Expected ${condition.toString()}; logged ${this.logged.join(', ')}`)
  }

  /** Time passes until the log was cut beyond `seq`. */
  async cut(seq: number): Promise<void> {
    await this.until(() => this.outbox.floor >= seq, 1_000)
  }

  async stop(): Promise<void> {
    const stopping = this.archive.part.stop?.()
    await this.advance(0)
    await stopping
  }
}

/** A match that is written event by event. */
export class Match {
  readonly #rig: ArchiveRig
  readonly #record: RoomRecord
  readonly #log: RoomLog
  #score = 0

  constructor(rig: ArchiveRig, record: RoomRecord, log: RoomLog) {
    this.#rig = rig
    this.#record = record
    this.#log = log
  }

  get id(): string {
    return this.#record.room
  }

  patch(data: object, hidden: string | null = '{"mines":"SECRET"}'): void {
    this.#log.append({ type: 'patch', data: JSON.stringify(data), hidden })
  }

  snapshot(): void {
    const publicState = JSON.stringify({ score: this.#score, text: 'x'.repeat(20) })
    this.#log.snapshot({ publicState, hiddenState: '{"mines":"SECRET"}', runtime: '{}' })
  }

  /** So many events, each of which changes the score. */
  async play(count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      this.patch({ score: ++this.#score })
      if (index % 500 === 499) await this.#rig.advance(1)
    }
    this.#log.append({ type: 'goal', data: '{"by":"SECRET-NOT"}' })
    await this.#rig.advance(1)
  }

  /** It ends, and its record says so. */
  async end(): Promise<RoomRecord> {
    const closing = this.#log.close([{ type: 'end', data: '{}' }])
    await this.#rig.advance(1)
    await closing
    const { end } = this.#log
    const record = { ...this.#record, isLive: false, end, revision: 1 }
    await this.#rig.outbox.saveRoom(record)
    this.#rig.archive.archivist.ended(record)
    return record
  }
}

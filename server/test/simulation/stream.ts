import { toFeedEntry } from '../../src/feed/read/entry.ts'
import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { RingsideError } from '../../src/process/errors.ts'
import type { Random } from '../../src/process/random.ts'
import { PATCH } from '../../src/outbox/contract/store.ts'
import type { LogEvent } from '../../src/outbox/contract/store.ts'
import type { Findings } from './findings.ts'
import { isState } from './ledger.ts'
import type { Ledger } from './ledger.ts'
import type { SimProcess } from './sim-process.ts'

const PAGE = 1_000

export interface StreamParts {
  readonly ledger: Ledger
  readonly findings: Findings
  readonly random: Random
  /** Every stream may resume anywhere: any position of the log, on any process. */
  readonly processes: () => readonly SimProcess[]
  readonly origin: number
}

/**
 * A spectator as the feed serves it: a cursor that reads the ring or pages of the log. It is checked against
 * the truth with each slice; a position that is lost must be said to be lost (FE1).
 */
export class Stream {
  readonly #parts: StreamParts
  #process: SimProcess | null = null
  #room: string | undefined
  #cursor: number
  /** The last event that it has shown since it began anew. */
  #last: LogEvent | null = null
  #isBusy = false
  deliveredCount = 0
  /** How often it had nothing left to read. */
  caughtUpCount = 0
  resetCount = 0
  /** How often its position was void. */
  voidCount = 0
  stateCount = 0

  constructor(parts: StreamParts) {
    this.#parts = parts
    this.#cursor = parts.origin
  }

  get isIdle(): boolean {
    return !this.#isBusy
  }

  /** Goes on reading, or comes back somewhere else. */
  act(): void {
    const { random } = this.#parts
    if (this.#process?.isDead) {
      this.#process = null
      this.#isBusy = false
    }
    if (this.#isBusy) return
    if (!this.#process || random.next() < 0.05) this.#resume()
    if (random.next() < 0.05) void this.#run(() => this.#readState())
    else if (random.next() < 0.1) void this.#run(() => this.#readPage())
    else if (this.#process?.source) void this.#run(() => this.#read())
  }

  /** Comes back on another process, where it was or at any other position. */
  #resume(): void {
    const { processes, random, origin, ledger } = this.#parts
    const all = processes()
    this.#process = all[random.int(0, all.length - 1)] ?? null
    const sealed = this.#process?.outbox.sealed ?? origin
    const isElsewhere = random.next() < 0.5
    if (isElsewhere) this.#last = null
    if (isElsewhere) this.#cursor = random.int(origin, Math.max(origin, sealed))
    if (this.#process?.outbox.isVoid(this.#cursor)) {
      this.voidCount++
      this.#reset(this.#process)
    }
    // A process that is behind does not know yet of what another one has shown.
    this.#cursor = Math.min(this.#cursor, sealed)
    if (this.#last && this.#last.seq > this.#cursor) this.#last = null
    const rooms = [...ledger.rooms.keys()]
    this.#room = random.next() < 0.3 ? rooms[random.int(0, rooms.length - 1)] : undefined
  }

  async #run(work: () => Promise<void>): Promise<void> {
    this.#isBusy = true
    const process = this.#process
    await work()
    if (this.#process === process) this.#isBusy = false
  }

  async #read(): Promise<void> {
    const process = this.#process
    const source = process?.source
    if (!process || !source) return
    if (this.#cursor >= process.outbox.sealed) {
      this.caughtUpCount++
      return
    }
    const room = this.#room
    const slice = source.window(this.#cursor, room)
    if (!slice) {
      try {
        await source.load(this.#cursor, room)
      } catch (error) {
        if (process === this.#process && isPastRetention(error)) this.#reset(process)
      }
      return
    }
    const seen: number[] = []
    for (let index = slice.start; index < slice.end; index++) {
      const entry = slice.entries[index]
      if (entry && (room === undefined || entry.room === room)) seen.push(entry.seq)
    }
    this.#check(seen, slice.next, (event) => toFeedEntry(event) !== null)
    this.#cursor = slice.next
  }

  /** As an HTTP page is read: a small one, straight from the log. */
  async #readPage(): Promise<void> {
    const process = this.#process
    const room = this.#room
    if (!process?.source) return
    const limit = this.#parts.random.int(1, 20)
    const query = { after: this.#cursor, limit, ...(room === undefined ? {} : { room }) }
    try {
      const { events, next } = await process.outbox.read(query)
      // A page that was on its way while the log was restored under its process proves nothing (OB105).
      if (process !== this.#process || process.isLeft) return
      const seen = events.map((event) => event.seq)
      this.#check(seen, next)
      this.#cursor = next
    } catch (error) {
      if (process === this.#process && isPastRetention(error)) this.#reset(process)
    }
  }

  #check(
    seen: readonly number[],
    next: number,
    isShown: (event: LogEvent) => boolean = () => true,
  ): void {
    const { ledger, findings } = this.#parts
    const expected: number[] = []
    let newest: LogEvent | null = null
    for (const event of ledger.visible(this.#cursor, next))
      if ((this.#room === undefined || event.room === this.#room) && isShown(event)) {
        expected.push(event.seq)
        newest = event
      }
    const last = this.#last
    findings.check(
      last === null || ledger.durable.get(last.seq)?.own === last.own,
      'OB103 FE1',
      () => `a stream goes on after ${last?.seq}, which is in no log any more`,
    )
    this.#last = newest ?? last
    findings.check(
      seen.length === expected.length && seen.every((seq, index) => seq === expected[index]),
      'FE1',
      () => `a stream at ${this.#cursor} saw [${seen.join(' ')}] of [${expected.join(' ')}]`,
    )
    this.deliveredCount += seen.length
  }

  #reset(process: SimProcess): void {
    this.resetCount++
    this.#last = null
    this.#cursor = process.outbox.sealed
  }

  /** A snapshot and the log after it are the room's state at W (OB6). */
  async #readState(): Promise<void> {
    const { ledger, findings, random } = this.#parts
    const process = this.#process
    const rooms = [...ledger.rooms.keys()]
    const room = rooms[random.int(0, rooms.length - 1)]
    if (!process?.source || room === undefined) return
    const { outbox } = process
    const upTo = outbox.sealed
    try {
      const snapshot = await outbox.snapshotAt(room, upTo)
      let shown = JSON.parse(snapshot?.publicState ?? '{}') as Json
      let hidden = JSON.parse(snapshot?.hiddenState ?? '{}') as Json
      const after = snapshot?.seq ?? outbox.floor
      const { events } = await outbox.read({ after, upTo, room, limit: PAGE })
      if (process.isLeft) return
      // Ended and cut, or cut while it was looked for.
      if (!snapshot && events[0]?.n !== 1) return
      for (const event of events) {
        if (event.type !== PATCH) continue
        shown = applyMergePatch(shown, JSON.parse(event.data) as Json)
        hidden = applyMergePatch(hidden, JSON.parse(event.hidden ?? '{}') as Json)
      }
      const n = events.at(-1)?.n ?? snapshot?.n ?? 0
      const state = { publicState: JSON.stringify(shown), hiddenState: JSON.stringify(hidden) }
      findings.check(
        isState(state, ledger.stateAt(room, n)),
        'OB6 FE1',
        () => `the state of ${room} at n=${n} was read as ${state.publicState}`,
      )
      this.stateCount++
    } catch {
      // The store did not answer, or the log was cut meanwhile: a reader is told so.
    }
  }
}

function isPastRetention(error: unknown): boolean {
  return error instanceof RingsideError && error.code === 'past_retention'
}

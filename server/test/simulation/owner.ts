import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import type { Random } from '../../src/process/random.ts'
import type {
  NewEvent,
  Outbox,
  RoomLog,
  RoomLogHandlers,
} from '../../src/outbox/contract/outbox.ts'
import { END, PATCH } from '../../src/outbox/contract/store.ts'
import type { Findings } from './findings.ts'
import { isState } from './ledger.ts'
import type { Ledger } from './ledger.ts'
import { markedEvent, markedPatch } from './mark.ts'

export interface OwnerParts {
  readonly index: number
  readonly room: string
  readonly outbox: Outbox
  readonly ledger: Ledger
  readonly findings: Pick<Findings, 'check'>
  readonly random: Random
}

/** A game's room as one process runs it: it appends numbered steps and believes what the log tells it. */
export class Owner {
  readonly room: string
  readonly index: number
  readonly #parts: OwnerParts
  /** How often it does something, 0 to 1: some rooms are quiet. */
  readonly pace: number
  #log: RoomLog | null = null
  #shown: Json = {}
  #hidden: Json = {}
  /** Steps accepted so far. */
  stepCount = 0
  isFenced = false
  isRefused = false
  /** Nothing more is asked of it. */
  isClosed = false

  constructor(parts: OwnerParts) {
    this.#parts = parts
    this.room = parts.room
    this.index = parts.index
    this.pace = [0.08, 0.3, 0.7][parts.random.int(0, 2)] ?? 0
  }

  get isOpen(): boolean {
    return this.#log !== null && !this.isFenced && !this.isRefused && !this.isClosed
  }

  /** Takes the room, and its state as the log has it. False when it was not to be had. */
  async open(): Promise<boolean> {
    const { outbox, ledger, findings } = this.#parts
    const refused = (): void => {
      this.isRefused = true
      ledger.refused.add(this.index)
    }
    const handlers: RoomLogHandlers = {
      onFenced: () => this.#onFenced(),
      onWritable: () => {},
      onGivenUp: refused,
      onRefused: refused,
      onSnapshotDue: () => this.snapshot(),
    }
    let log: RoomLog
    try {
      log = await outbox.openRoom(this.room, handlers)
    } catch {
      return false
    }
    if (log.acknowledgedN > 0) {
      const truth = ledger.stateAt(this.room, log.acknowledgedN)
      try {
        const state = await outbox.stateOf(log)
        findings.check(
          isState(state, truth),
          'OB4 OB6',
          () => `${this.room} restored at n=${log.acknowledgedN} as ${state.publicState}`,
        )
        this.#shown = JSON.parse(state.publicState) as Json
        this.#hidden = JSON.parse(state.hiddenState ?? '{}') as Json
      } catch {
        // The store did not answer: a server gives the room up.
        await log.close()
        return false
      }
    }
    this.#log = log
    return true
  }

  /** Does one thing that a game does. */
  act(): void {
    const { random } = this.#parts
    if (!this.isOpen) return
    // Now and then a large batch: the counter can go back far.
    const count = random.next() < 0.01 ? random.int(30, 150) : random.int(1, 3)
    for (let left = count; left > 0; left--) this.#append()
    if (random.next() < 0.2) this.#awaitDurable()
    if (random.next() < 0.08) this.snapshot()
  }

  /** Ends the room for good. */
  end(): void {
    const log = this.#log
    if (!log || !this.isOpen) return
    this.isClosed = true
    this.#checkOnce(log.close([markedEvent(END, this.index, this.stepCount++)]))
  }

  /** Gives the room up as it is. */
  release(): void {
    if (!this.isOpen) return
    this.isClosed = true
    if (this.#log) this.#checkOnce(this.#log.close())
  }

  snapshot(): void {
    if (!this.isOpen) return
    this.#log?.snapshot({
      publicState: JSON.stringify(this.#shown),
      hiddenState: JSON.stringify(this.#hidden),
      runtime: '{}',
    })
  }

  /** What was acknowledged is durable. Checked after each step. */
  check(): void {
    const { ledger, findings } = this.#parts
    const n = this.#log?.acknowledgedN ?? 0
    if (n === 0) return
    findings.check(
      (ledger.lastOf(this.room)?.n ?? 0) >= n,
      'OB1',
      () => `n=${n} of ${this.room} was acknowledged to owner ${this.index} and is not durable`,
    )
  }

  /** Everything it appended is durable, unless it was told otherwise. */
  checkAtEnd(): void {
    if (this.isFenced || this.isRefused || !this.#log) return
    const count = this.#parts.ledger.durableCount(this.index)
    this.#parts.findings.check(
      count === this.stepCount,
      'OB2',
      () => `owner ${this.index} of ${this.room}: ${count} of ${this.stepCount} steps are durable`,
    )
  }

  #append(): void {
    const { random, index } = this.#parts
    const step = this.stepCount
    const isPatch = step === 0 || random.next() < 0.7
    const event = isPatch
      ? markedPatch(index, step, random.next() < 0.001)
      : markedEvent('kill', index, step)
    if (!this.#log?.append(event)) return
    this.stepCount++
    if (event.type === PATCH) this.#change(event)
  }

  #change(event: NewEvent): void {
    this.#shown = applyMergePatch(this.#shown, JSON.parse(event.data) as Json)
    if (event.hidden) this.#hidden = applyMergePatch(this.#hidden, JSON.parse(event.hidden) as Json)
  }

  #awaitDurable(): void {
    if (this.#log) this.#checkOnce(this.#log.durable())
  }

  /** Once it resolves, all steps up to now are durable. */
  #checkOnce(durable: Promise<void>): void {
    const count = this.stepCount
    const { ledger, findings } = this.#parts
    durable.then(
      () =>
        findings.check(
          ledger.durableCount(this.index) >= count,
          'OB1',
          () => `owner ${this.index} was told that ${count} steps are durable`,
        ),
      () => {},
    )
  }

  #onFenced(): void {
    const { ledger, findings } = this.#parts
    this.isFenced = true
    const events = ledger.rooms.get(this.room)?.events ?? []
    const n = this.#log?.acknowledgedN ?? 0
    findings.check(
      events.length > n,
      'OB2 OB4',
      () => `owner ${this.index} of ${this.room} was fenced at n=${n} by nothing`,
    )
    const epoch = this.#log?.epoch ?? 0
    const last = events.at(-1)
    findings.check(
      last !== undefined && (last.epoch > epoch || n === 0),
      'OB4',
      () => `owner ${this.index} of ${this.room} was fenced by epoch ${last?.epoch}`,
    )
  }
}

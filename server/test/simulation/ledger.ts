import { isDeepStrictEqual } from 'node:util'
import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import {
  END,
  OWNER,
  PATCH,
  TOMBSTONE,
  messageKeyText,
  patchNOf,
} from '../../src/outbox/contract/store.ts'
import { Voids } from '../../src/outbox/history/voids.ts'
import type { LogEvent, MessageKey, NewHistory, Snapshot } from '../../src/outbox/contract/store.ts'
import type { Change, Documents } from './documents.ts'
import type { Findings } from './findings.ts'
import { numberOf, readMark } from './mark.ts'

/** All that ever became durable in one room, n = 1 first. */
export interface RoomLedger {
  readonly events: LogEvent[]
  patchN: number
}

export interface RoomState {
  readonly shown: Json
  readonly hidden: Json
}

/**
 * The truth: what a majority has had, whatever was deleted since. It checks each change in the order in which
 * it became durable, and knows what the processes should see.
 */
export class Ledger {
  readonly #findings: Findings
  readonly #majority: Documents
  /** By seq; never forgets. */
  readonly durable = new Map<number, LogEvent>()
  /** Owners that were told of an event that can never be written. */
  readonly refused = new Set<number>()
  readonly rooms = new Map<string, RoomLedger>()
  /** How many events of each ownership are durable, as their marks count them. */
  readonly #marks = new Map<number, number>()
  /** The messages that ever became durable, by the text of their keys, oldest first. */
  readonly #messages = new Map<string, LogEvent[]>()
  /** The newest message of each process. */
  readonly #newest = new Map<string, LogEvent>()
  /** What was durable when the log was backed up. */
  #backup: readonly LogEvent[] = []
  /** The log was put back and is not marked yet: nobody may rely on it. */
  #isLost = false
  #voids = new Voids([])
  /** The greatest W that any process, or the log itself, has claimed. */
  #claimed: number
  tombstoneCount = 0
  snapshotCount = 0

  constructor(majority: Documents, findings: Findings) {
    this.#majority = majority
    this.#findings = findings
    this.#claimed = majority.sealed
  }

  get eventCount(): number {
    return this.durable.size - this.tombstoneCount
  }

  backUp(): void {
    this.#backup = [...this.durable.values()]
  }

  /** The log is put back as it was: what is written until it is marked counts only where the log goes on from it. */
  restore(): void {
    this.#isLost = true
  }

  /** From here on the truth is that of the new history: all up to the last number before its void range. */
  #onHistory({ voids, base }: NewHistory): void {
    const end = voids.at(-1)?.after ?? 0
    const kept = new Map<number, LogEvent>()
    const before = this.#isLost ? this.#backup : this.durable.values()
    for (const event of before) if (event.seq <= end) kept.set(event.seq, event)
    this.#voids = new Voids(voids)
    for (const event of this.#majority.events.values())
      if (event.seq > this.#majority.floor && event.seq <= end && !this.#voids.has(event.seq))
        kept.set(event.seq, event)
    this.#isLost = false
    this.durable.clear()
    this.rooms.clear()
    this.#marks.clear()
    this.#messages.clear()
    this.#newest.clear()
    this.tombstoneCount = 0
    this.#claimed = 0
    for (const event of [...kept.values()].sort((a, b) => a.seq - b.seq)) this.#onEvent(event)
    this.#claimed = base
  }

  readonly onCommit = (change: Change): void => {
    if (change.kind === 'history') this.#onHistory(change.next)
    if (this.#isLost || this.#isOfLost(change)) return
    if (change.kind === 'transaction') for (const each of change.changes) this.onCommit(each)
    else if (change.kind === 'event') this.#onEvent(change.event)
    else if (change.kind === 'sealed') this.claim(change.to, 'stored watermark')
    else if (change.kind === 'floor') this.#onFloor()
    else if (change.kind === 'snapshot') this.#onSnapshot(change.snapshot)
    else if (change.kind === 'no-snapshot') this.#checkState(change.room)
    else if (change.kind === 'delete')
      this.#findings.check(
        change.seq <= this.#majority.floor,
        'OB6',
        () => `${change.seq} was deleted while the floor was ${this.#majority.floor}`,
      )
  }

  #isOfLost(change: Change): boolean {
    if (change.kind === 'event') return this.#voids.has(change.event.seq)
    if (change.kind === 'snapshot') return this.#voids.has(change.snapshot.seq)
    return change.kind === 'delete' && this.#voids.has(change.seq)
  }

  /** Somebody says that everything up to `sealed` was read. */
  claim(sealed: number, who: string): void {
    for (let seq = this.#claimed + 1; seq <= sealed; seq++)
      this.#findings.check(
        this.durable.has(seq),
        'OB1 OB3',
        () => `${who} is ${sealed} while ${seq} is not durable`,
      )
    this.#claimed = Math.max(this.#claimed, sealed)
  }

  /** What must be shown of (after, upTo], in order. */
  visible(after: number, upTo: number): LogEvent[] {
    const found: LogEvent[] = []
    for (let seq = after + 1; seq <= upTo; seq++) {
      seq = this.#voids.rangeOf(seq)?.upTo ?? seq
      const event = seq <= upTo ? this.durable.get(seq) : undefined
      if (event && event.type !== TOMBSTONE) found.push(event)
    }
    return found
  }

  lastOf(room: string): LogEvent | null {
    return this.rooms.get(room)?.events.at(-1) ?? null
  }

  hasEnded(room: string): boolean {
    return this.lastOf(room)?.type === END
  }

  /** How many of the events that ownership `index` appended are durable. */
  durableCount(index: number): number {
    return this.#marks.get(index) ?? 0
  }

  /** The calls that have brought the message into the log: more than one only where it was cut in between. */
  messageNumbers(key: MessageKey): ReadonlySet<number> {
    return new Set(this.#messages.get(messageKeyText(key))?.map(numberOf))
  }

  /** The room's state right after `n`, as its log has it. */
  stateAt(room: string, n: number): RoomState {
    let shown: Json = {}
    let hidden: Json = {}
    for (const event of this.rooms.get(room)?.events.slice(0, n) ?? []) {
      if (event.type !== PATCH) continue
      shown = applyMergePatch(shown, JSON.parse(event.data) as Json)
      if (event.hidden !== null) hidden = applyMergePatch(hidden, JSON.parse(event.hidden) as Json)
    }
    return { shown, hidden }
  }

  #onEvent(event: LogEvent): void {
    const { seq } = event
    // A number that was taken and cut is voided by who stood still meanwhile: nobody sees it any more.
    const isCut = seq <= this.#majority.floor
    if (isCut && event.type === TOMBSTONE && this.durable.has(seq)) return
    const check = this.#findings.check.bind(this.#findings)
    check(seq > this.#claimed, 'OB3', () => `${seq} appeared at or below W ${this.#claimed}`)
    check(!this.durable.has(seq), 'OB3', () => `${seq} was written twice`)
    this.durable.set(seq, event)
    if (event.type === TOMBSTONE) this.tombstoneCount++
    if (event.message) this.#onMessage(event, event.message)
    if (event.room !== null) this.#onRoomEvent(event.room, event)
  }

  #onMessage(event: LogEvent, key: MessageKey): void {
    const check = this.#findings.check.bind(this.#findings)
    const text = messageKeyText(key)
    const known = this.#messages.get(text) ?? []
    this.#messages.set(text, [...known, event])
    const isTwice = known.some(({ seq }) => this.#majority.events.has(seq))
    check(!isTwice, 'OB107', () => `${text} is in the log twice, now at ${event.seq}`)
    check(event.n === 0 && event.epoch === 0, 'OB107', () => `${text} has a place in a room`)
    const last = this.#newest.get(event.own)
    const isNext = !last || (last.seq < event.seq && last.at <= event.at)
    check(isNext, 'OB107', () => `${text} of ${event.own} follows ${last?.seq}`)
    this.#newest.set(event.own, event)
    check(!event.data.includes('"refuse"'), 'OB107', () => `${text} was refused`)
    // A follower of the same key may have been called before others, and goes when the first is refused.
    const number = numberOf(event)
    check(!known.some((one) => numberOf(one) === number), 'OB107', () => `call ${number} twice`)
  }

  #onRoomEvent(room: string, event: LogEvent): void {
    const check = this.#findings.check.bind(this.#findings)
    const ledger = this.rooms.get(room) ?? { events: [], patchN: 0 }
    this.rooms.set(room, ledger)
    const last = ledger.events.at(-1)
    const at = (): string => `${room} n=${event.n} seq=${event.seq} own=${event.own}`
    check(event.n === (last?.n ?? 0) + 1, 'OB2', () => `${at()} follows n=${last?.n ?? 0}`)
    check(event.seq > (last?.seq ?? 0), 'OB2 OB4', () => `${at()} is below seq ${last?.seq}`)
    check(event.at >= (last?.at ?? 0), 'OB2', () => `${at()}: at went back`)
    check(event.prev === ledger.patchN, 'OB2', () => `${at()}: prev ${event.prev}`)
    check(last?.type !== END, 'OB4', () => `${at()} follows the end`)
    if (last && event.own !== last.own) {
      check(event.type === OWNER, 'OB4', () => `${at()}: another owner without a marker`)
      check(event.epoch > last.epoch, 'OB4', () => `${at()}: epoch ${event.epoch} is not higher`)
    } else if (last) check(event.epoch === last.epoch, 'OB4', () => `${at()}: epoch changed`)
    ledger.events.push(event)
    if (event.type === PATCH) ledger.patchN = event.n
    const mark = readMark(event)
    if (!mark) return
    for (const step of mark.steps) {
      const expected = this.durableCount(mark.owner)
      // After a refusal the end is all that follows (OB8).
      const isNext = step === expected || (event.type === END && this.refused.has(mark.owner))
      check(isNext, 'OB2', () => `${at()}: step ${step} instead of ${expected}`)
      this.#marks.set(mark.owner, expected + 1)
    }
  }

  #onFloor(): void {
    const { floor } = this.#majority
    this.#findings.check(
      floor <= this.#claimed,
      'OB6',
      () => `the floor ${floor} is above W ${this.#claimed}`,
    )
    for (const room of this.rooms.keys()) this.#checkState(room)
  }

  /** Before floor becomes f every living room has a snapshot of its state at f. */
  #checkState(room: string): void {
    const { floor } = this.#majority
    const last = this.rooms.get(room)?.events.findLast((event) => event.seq <= floor)
    if (!last || last.type === END) return
    const snapshot = this.#majority.snapshotAt(room, Number.MAX_SAFE_INTEGER)
    // A newer snapshot than the floor serves a takeover, but not a reader at the floor.
    const atFloor = this.#majority.snapshotAt(room, floor)
    this.#findings.check(
      snapshot !== null && atFloor !== null && atFloor.seq >= last.seq,
      'OB6',
      () => `${room} has no state at the floor ${floor}, where its last event is ${last.seq}`,
    )
  }

  #onSnapshot(snapshot: Snapshot): void {
    const { room, n, seq, epoch, patchN } = snapshot
    this.snapshotCount++
    const check = this.#findings.check.bind(this.#findings)
    const event = this.rooms.get(room)?.events[n - 1]
    const at = `snapshot of ${room} at n=${n}`
    check(event !== undefined, 'OB6', () => `${at}: n is not durable`)
    if (!event) return
    check(event.seq === seq && event.epoch === epoch, 'OB6', () => `${at}: seq or epoch is wrong`)
    check(patchN === patchNOf(event), 'OB6', () => `${at}: its last patch is not ${patchN}`)
    const truth = this.stateAt(room, n)
    check(
      isState(snapshot, truth),
      'OB6',
      () => `${at}: ${snapshot.publicState} instead of ${JSON.stringify(truth.shown)}`,
    )
  }
}

/** Whether what was stored or restored is the state that the log has. */
export function isState(
  stored: Pick<Snapshot, 'publicState' | 'hiddenState'>,
  truth: RoomState,
): boolean {
  return (
    isDeepStrictEqual(plain(stored.publicState), plain(JSON.stringify(truth.shown))) &&
    isDeepStrictEqual(plain(stored.hiddenState ?? '{}'), plain(JSON.stringify(truth.hidden)))
  )
}

function plain(text: string): unknown {
  return JSON.parse(text)
}

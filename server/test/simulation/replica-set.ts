import { RingsideError } from '../../src/process/errors.ts'
import { messageKeyText } from '../../src/outbox/contract/store.ts'
import type { LogEvent, NewHistory, Snapshot, VoidRange } from '../../src/outbox/contract/store.ts'
import { Documents } from './documents.ts'
import type { Change } from './documents.ts'
import type { SimClock } from './sim-clock.ts'
import type { Weather } from './weather.ts'

const DELETE_CHUNK = 8
/** How long a primary may take to notice that it is none any more, at most. */
const DEPOSED_MS = 2_000
/** How often a read that waits is looked at. */
const LOOKS_AGAIN_MS = 5

interface Entry {
  readonly change: Change
  /** Calls with its time once a majority has it, with null when nobody can say any more. */
  readonly waiters: ((time: number | null) => void)[]
}

/** What an insert says of its documents before anybody has looked at what blocks it. */
type Verdict =
  | { readonly kind: 'stored' }
  | { readonly kind: 'duplicate'; readonly index: number }
  | { readonly kind: 'refused'; readonly index: number }

/** `time`: whoever reads at it, or later, sees what was stored. */
export type InsertReply = Verdict & { readonly time: number }

export interface Transaction {
  readonly first: number
  readonly count: number
  readonly events: readonly LogEvent[]
  readonly historyId: string | undefined
}

type Fault = Verdict | { readonly kind: 'conflict' }

export type CommitReply = Fault & { readonly time: number }

/** The outcome of an operation is not known: it may have happened, or happen still. */
export class Unknown extends Error {}

/** Whether the log is no longer of the history that was asked for. */
export function isOther({ historyId }: Documents, asked: string | undefined): boolean {
  return asked !== undefined && asked !== historyId
}

/**
 * A replica set as its clients can tell: writes take effect on the primary one document at a time, block
 * duplicates at once, and are seen by majority reads later. A fail-over takes back what no majority had.
 */
export class ReplicaSet {
  readonly origin: number
  readonly #clock: SimClock
  readonly #weather: Weather
  readonly #listeners = new Set<() => void>()
  /** What the new primary goes by; requests of an older term are cut off. */
  #term = 0
  #primary: Documents
  /** The primary before, cut off from the others: it goes on for a while and reaches no majority. */
  #deposed: Documents | null = null
  #tail: Entry[] = []
  #isReplicating = false
  readonly #aborted = new Map<string, Fault>()
  readonly majority: Documents
  /** What a new primary may still take for the majority's state: older, never wrong. */
  readonly #behind: Documents
  #notBehind: Change[] = []
  #isBehind = false
  /** Called with each change in order as a majority has it, after it was applied. */
  onCommit: (change: Change) => void = () => {}
  rollbackCount = 0
  /** The log was put back, and nobody has said so yet. */
  #isRestored = false

  constructor(clock: SimClock, weather: Weather) {
    this.#clock = clock
    this.#weather = weather
    this.origin = clock.now() * 1000
    this.#primary = new Documents(this.origin)
    this.majority = new Documents(this.origin)
    this.#behind = new Documents(this.origin)
  }

  /**
   * What a majority read sees that asks for `after` at least (afterClusterTime): a primary that knows of an
   * older point only lets it wait.
   */
  async visible(after: number): Promise<Documents> {
    for (;;) {
      const visible = this.#isBehind ? this.#behind : this.majority
      if (visible.time >= after) return visible
      await this.#clock.wait(LOOKS_AGAIN_MS)
    }
  }

  /** Calls whenever a majority has got something. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** @throws Unknown when the outcome is open. */
  async insert(request: string, events: readonly LogEvent[]): Promise<InsertReply> {
    const term = this.#term
    let verdict: Verdict = { kind: 'stored' }
    for (const [index, event] of events.entries()) {
      if (index > 0 && this.#weather.strikes(0.3)) await this.#clock.wait(this.#weather.hopMs())
      if (term !== this.#term) throw new Unknown('The primary stepped down')
      const id = `${request}/${index}`
      if (this.#primary.done.has(id)) continue
      if (this.#primary.blocking(event)) verdict = { kind: 'duplicate', index }
      else if (event.data.includes('"refuse"')) verdict = { kind: 'refused', index }
      if (verdict.kind !== 'stored') break
      this.#write({ kind: 'event', event, request: id })
    }
    return { ...verdict, time: await this.#acknowledge() }
  }

  /** Answered by the primary alone (w: 1), or by one that does not know yet that it is none any more. */
  async increment(request: string, count: number, historyId?: string): Promise<number> {
    const change: Change = { kind: 'counter', count, request }
    const deposed = this.#weather.chance(0.5) ? this.#deposed : null
    const primary = deposed ?? this.#primary
    if (!primary.done.has(request)) {
      // One that was deposed is not believed: a majority is asked why.
      if (isOther(primary, historyId))
        throw isOther(this.majority, historyId)
          ? new RingsideError('log_restored')
          : new Unknown('It is no primary any more')
      if (deposed) deposed.apply(change)
      else this.#write(change)
    }
    return primary.done.get(request) ?? 0
  }

  /** What a transaction that is beginning sees as its first number. */
  get next(): number {
    return this.#primary.counter + 1
  }

  /**
   * Commits a transaction that took `count` numbers from `first`: all or nothing, at one moment.
   * Once it was told to have failed it cannot come about any more.
   */
  async commit(
    request: string,
    { first, count, events, historyId }: Transaction,
  ): Promise<CommitReply> {
    if (isOther(this.#primary, historyId)) throw new RingsideError('log_restored')
    const failed = this.#aborted.get(request)
    if (failed) return { ...failed, time: this.majority.time }
    if (!this.#primary.done.has(request)) {
      const fault = this.#faultOf(first, events)
      if (fault) {
        this.#aborted.set(request, fault)
        return { ...fault, time: this.majority.time }
      }
      const changes: Change[] = [{ kind: 'counter', count, request }]
      for (const [index, event] of events.entries())
        changes.push({ kind: 'event', event, request: `${request}/${index}` })
      this.#write({ kind: 'transaction', changes })
    }
    return { kind: 'stored', time: await this.#acknowledge() }
  }

  #faultOf(first: number, events: readonly LogEvent[]): Fault | null {
    if (this.next !== first) return { kind: 'conflict' }
    const places = new Set<string>()
    for (const [index, event] of events.entries()) {
      const { n, room, message } = event
      const place = message ? `message ${messageKeyText(message)}` : `${n} ${room}`
      const isRival = (n > 0 || message !== undefined) && places.has(place)
      if (isRival || this.#primary.blocking(event)) return { kind: 'duplicate', index }
      places.add(place)
      if (event.data.includes('"refuse"')) return { kind: 'refused', index }
    }
    return null
  }

  async update(change: Change): Promise<void> {
    this.#write(change)
    await this.#acknowledge()
  }

  async deleteThrough(seq: number): Promise<number> {
    const term = this.#term
    const seqs = this.#primary.deletable(seq)
    for (let at = 0; at < seqs.length; at += DELETE_CHUNK) {
      if (at > 0) await this.#clock.wait(this.#weather.hopMs())
      if (term !== this.#term) throw new Unknown('The primary stepped down')
      // Only what a restore took back: whoever deletes before the floor is raised must be seen (OB6).
      const isTakenBack = this.#isRestored || this.#primary.voids.length > 0
      if (isTakenBack && seq > this.#primary.floor) throw new Unknown('It was of another history')
      for (const each of seqs.slice(at, at + DELETE_CHUNK))
        this.#write({ kind: 'delete', seq: each })
    }
    await this.#acknowledge()
    return seqs.length
  }

  async deleteVoid({ after, upTo }: VoidRange): Promise<number> {
    const seqs = [...this.#primary.events.keys()].filter((seq) => seq > after && seq <= upTo)
    for (const seq of seqs) this.#write({ kind: 'delete', seq })
    await this.#acknowledge()
    return seqs.length
  }

  raiseFloor(seq: number, historyId?: string): Promise<void> {
    if (isOther(this.#primary, historyId)) return Promise.reject(new RingsideError('log_restored'))
    if (this.#isRestored) return Promise.reject(new Unknown('It was of another history'))
    return this.update({ kind: 'floor', to: seq })
  }

  /** As deleteThrough: what belongs to a history that is lost is not done. */
  deleteSnapshots(room: string, below: number): Promise<void> {
    const { voids } = this.#primary
    const isLost = voids.some(({ after, upTo }) => below > after && below <= upTo)
    if (this.#isRestored || isLost) return Promise.reject(new Unknown('It was of another history'))
    return this.update({ kind: 'no-snapshot', room, below })
  }

  async beginHistory(next: NewHistory): Promise<boolean> {
    if (isOther(this.#primary, next.from)) return false
    await this.update({ kind: 'history', next })
    this.#isRestored = false
    return true
  }

  saveSnapshot(snapshot: Snapshot): Promise<void> {
    return this.update({ kind: 'snapshot', snapshot })
  }

  backUp(): Documents {
    return this.majority.clone()
  }

  /**
   * All that was written since the backup is gone, and whoever waits learns nothing. What is on its way may land
   * still, but for what cuts the log: that no server runs while one restores it is the operator's part.
   */
  restore(backup: Documents): void {
    for (const { waiters } of this.#tail.splice(0)) for (const waiter of waiters) waiter(null)
    this.#isRestored = true
    this.#deposed = null
    this.#isBehind = false
    this.#notBehind = []
    const time = this.majority.time + 1
    this.majority.become(backup, time)
    this.#behind.become(backup, time)
    this.#primary = this.majority.clone()
  }

  /** Another member becomes primary: with some of what no majority had, or with none of it. */
  failOver(): void {
    this.#term++
    const kept = this.#weather.random.int(0, this.#tail.length)
    const lost = this.#tail.splice(kept)
    this.rollbackCount += lost.length
    this.#depose(this.#primary)
    this.#primary = this.majority.clone()
    for (const { change } of this.#tail) this.#primary.apply(change)
    // Connections break: whoever waited learns nothing.
    for (const entry of [...this.#tail, ...lost])
      for (const waiter of entry.waiters.splice(0)) waiter(null)
    this.#fallBehind()
    this.#replicate()
  }

  #depose(primary: Documents): void {
    this.#deposed = this.#weather.strikes(0.5) ? primary : null
    this.#clock.after(this.#weather.random.int(1, DEPOSED_MS), () => {
      if (this.#deposed === primary) this.#deposed = null
    })
  }

  /** A new primary knows for a moment only of an older point that a majority had. */
  #fallBehind(): void {
    if (!this.#weather.strikes(0.5)) return
    this.#isBehind = true
    this.#clock.after(this.#weather.random.int(1, 300), () => (this.#isBehind = false))
  }

  #write(change: Change): void {
    this.#primary.apply(change)
    this.#tail.push({ change, waiters: [] })
    this.#replicate()
  }

  /** Resolves once a majority has everything written so far, with the time of that. */
  async #acknowledge(): Promise<number> {
    const last = this.#tail.at(-1)
    if (!last) return this.majority.time
    const time = await new Promise<number | null>((resolve) => {
      last.waiters.push(resolve)
      // wtimeout: a writeConcernError, although it was applied.
      if (this.#weather.strikes(0.05))
        this.#clock.after(this.#weather.random.int(5, 200), () => resolve(null))
    })
    if (time === null) throw new Unknown('No majority has confirmed it')
    return time
  }

  #replicate(): void {
    if (this.#isReplicating || this.#tail.length === 0) return
    this.#isReplicating = true
    this.#clock.after(this.#weather.replicationMs(), () => {
      this.#isReplicating = false
      if (!this.#weather.isSplit) this.#replicateSome()
      this.#replicate()
    })
  }

  #replicateSome(): void {
    const most = this.#tail.length
    const count = this.#weather.isBad ? this.#weather.random.int(1, most) : most
    for (const { change, waiters } of this.#tail.splice(0, count)) {
      this.majority.advance(change)
      this.onCommit(change)
      this.#notBehind.push(change)
      for (const waiter of waiters) waiter(this.majority.time)
    }
    if (!this.#isBehind) this.#catchUp()
    for (const listener of this.#listeners) listener()
  }

  /** Never quite: what is behind must be worth looking at. */
  #catchUp(): void {
    const most = this.#notBehind.length
    for (const change of this.#notBehind.splice(0, this.#weather.random.int(0, most)))
      this.#behind.advance(change)
  }
}

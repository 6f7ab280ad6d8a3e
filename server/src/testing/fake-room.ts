import { applyMergePatch } from '@ringside/protocol'
import type { EventsOf, Json, RoomDefinition, StateOf } from '@ringside/protocol'
import { checkOf, roomId } from '../feed/position/room-id.ts'
import { toFeedJson } from '../room/output/event-json.ts'
import { compileState, createStateTracker } from '../state/tracker.ts'
import type { StateTracker } from '../state/contract.ts'

/** One event of a fake feed's log. */
export interface FakeEntry {
  readonly room: string
  readonly type: string
  readonly n: number
  readonly seq: number
  readonly at: number
  readonly data: Json
  /** The room's public state after it. */
  readonly state: Json
}

/** The id of an entry in the feed of its room: a server's look the same. */
export function entryId({ n, seq }: FakeEntry): string {
  return roomId({ n, check: checkOf({ own: 'fake', n, seq }) })
}

/** A room needs these of its feed. */
export interface FakeRoomParts {
  readonly id: string
  readonly definition: RoomDefinition
  readonly state: object
  readonly now: () => number
  /** Moves the log's position on by so many events, and returns it. */
  readonly nextSeq: (count: number) => number
  readonly publish: (entry: FakeEntry) => void
}

/** A room of a fake feed. The test calls the things that happen in it. */
export class FakeRoom<R extends RoomDefinition = RoomDefinition> {
  readonly id: string
  readonly #parts: FakeRoomParts
  readonly #tracker: StateTracker
  readonly #log: FakeEntry[] = []
  #n = 0
  #isGone = false
  #patchN = 0

  /** Made by a {@link FakeFeed}. @throws RingsideError state_invalid when the state does not fit the contract. */
  constructor(parts: FakeRoomParts) {
    this.id = parts.id
    this.#parts = parts
    const { definition, state } = parts
    this.#tracker = createStateTracker(compileState(definition.state), state as never)
    // The log begins as a room's does, with its whole state.
    this.#add('patch', { prev: 0, data: JSON.parse(this.#tracker.fullLog().data) as Json })
  }

  /** The state, to be changed as in a room; `patch` sends the changes. */
  get state(): StateOf<R> {
    return this.#tracker.state as StateOf<R>
  }

  /** The id of its newest event in the feed of this room alone. */
  get lastId(): string {
    const last = this.#log.at(-1)
    return last ? entryId(last) : ''
  }

  get hasEnded(): boolean {
    return this.#log.at(-1)?.type === 'end'
  }

  /** Changes the state and sends the changes; nothing when there are none. */
  patch(change: (state: StateOf<R>) => void = () => {}): void {
    change(this.state)
    this.#tracker.flushPlayers({ epoch: 1, tick: this.#n, at: this.#parts.now() })
    const patch = this.#tracker.flushLog()
    if (patch) this.#add('patch', { prev: this.#patchN, data: JSON.parse(patch.data) as Json })
  }

  /**
   * Sends an event of the game, after the changes of the state that wait: a room's log has them in this order.
   * @throws TypeError for a name that the contract does not have.
   */
  emit<N extends keyof EventsOf<R> & string>(name: N, payload: EventsOf<R>[N]): void {
    const schema = this.#parts.definition.events?.[name]?.payload
    if (!schema) throw new TypeError(`Expected an event of the contract, got '${name}'`)
    this.#happen(name, { data: toFeedJson(schema, payload) })
  }

  joined(sessionId: string, name: string): void {
    this.#happen('joined', { data: { sessionId, name } })
  }

  left(sessionId: string, name: string): void {
    this.#happen('left', { data: { sessionId, name } })
  }

  /** The room is over: streams of it alone end, and a reader that asks again after the end gets 204. */
  end(): void {
    this.#happen('end', {})
  }

  /**
   * The room that has ended leaves the log: whoever asks for it is told that it is over, and nothing else.
   * @throws Error while it goes on.
   */
  expire(): void {
    if (!this.hasEnded) throw new Error(`Expected room '${this.id}' to have ended`)
    this.#isGone = true
  }

  get isGone(): boolean {
    return this.#isGone
  }

  /** Events happen that no stream shows: a reader that counts finds a gap at the next one. */
  skip(count = 1): void {
    this.#n += count
    this.#parts.nextSeq(count)
  }

  /** Everything that has happened, in order; it is never empty. The feed reads it. */
  get log(): readonly FakeEntry[] {
    return this.#log
  }

  #happen(type: string, rest: { readonly [key: string]: Json }): void {
    this.patch()
    this.#add(type, rest)
  }

  #add(type: string, rest: { readonly [key: string]: Json }): void {
    const { id: room, now, nextSeq, publish } = this.#parts
    const before = this.#log.at(-1)?.state ?? {}
    const n = ++this.#n
    const isPatch = type === 'patch'
    if (isPatch) this.#patchN = n
    const at = now()
    const state = isPatch ? applyMergePatch(structuredClone(before), rest['data'] as Json) : before
    const data: Json = { room, n, at, ...rest }
    const entry: FakeEntry = { room, type, n, seq: nextSeq(1), at, data, state }
    this.#log.push(entry)
    publish(entry)
  }
}

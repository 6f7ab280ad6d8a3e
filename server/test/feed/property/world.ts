import type { Json } from '@ringside/protocol'
import { applyMergePatch } from '@ringside/protocol'
import { ManualClock } from '../../../src/process/clock.ts'
import type { LogEvent, LogStore } from '../../../src/outbox/contract/store.ts'
import { MemoryStore } from '../../../src/outbox/stores/memory/store.ts'
import { FakeDirectory, FeedRig, itemAt } from '../rig.ts'
import type { ScriptedRoom } from '../rig.ts'

/** One event of the log, as readers are to see it. */
export interface Logged {
  readonly seq: number
  readonly room: string | null
  readonly n: number
  readonly type: string
  readonly data: Json
  readonly topic: string | null
  readonly to: string | null
  readonly messageId: string | null
}

/** What became of the log so far, written down beside the product. */
export class Ledger {
  readonly events: Logged[] = []
  readonly #bySeq = new Map<number, Logged>()
  readonly #byPlace = new Map<string, Logged>()
  readonly #byMessage = new Map<string, Logged>()
  /** The public state of each room behind each of its events. */
  readonly #states = new Map<string, Json>()

  add(event: LogEvent): void {
    if (event.type === 'tombstone' || this.#bySeq.has(event.seq)) return
    const { seq, room, n, type, message } = event
    const logged: Logged = {
      seq,
      room,
      n,
      type,
      data: JSON.parse(event.data) as Json,
      topic: message?.topic ?? null,
      to: message?.to ?? null,
      messageId: message?.messageId ?? null,
    }
    this.#bySeq.set(seq, logged)
    this.events.push(logged)
    this.events.sort((a, b) => a.seq - b.seq)
    if (logged.messageId !== null) this.#byMessage.set(logged.messageId, logged)
    if (room === null) return
    this.#byPlace.set(`${room} ${n}`, logged)
    const before = this.#states.get(`${room} ${n - 1}`) ?? {}
    const state = type === 'patch' ? applyMergePatch(structuredClone(before), logged.data) : before
    this.#states.set(`${room} ${n}`, state)
  }

  at(room: string, n: number): Logged | undefined {
    return this.#byPlace.get(`${room} ${n}`)
  }

  message(messageId: string): Logged | undefined {
    return this.#byMessage.get(messageId)
  }

  stateAt(room: string, n: number): Json | undefined {
    return this.#states.get(`${room} ${n}`)
  }
}

export interface WorldOptions {
  /** Opens another process's store of the same log; null: all processes share the one in memory. */
  readonly openStore: ((clock: ManualClock) => LogStore) | null
  /** Delay of the last room in ms. */
  readonly delayMs: number
  /** Until what is on its way over a real connection has come. */
  readonly breathe: () => Promise<void>
}

const LIMITS = {
  feedRingBytes: 65_536,
  retentionMs: 10_000,
  retentionEvents: 400,
  maxBehindMs: 5_000,
  snapshotEvery: 50,
}
/** What everybody may read; the other topics nobody here. */
export const PUBLIC_TOPICS = ['public', 'news.*']
export const ROOMS = ['r0', 'r1', 'r2']

/** Two servers on one log, of which the first owns the rooms. Either may end, and begin anew. */
export class World {
  readonly clock = new ManualClock()
  readonly ledger = new Ledger()
  readonly directory = new FakeDirectory()
  readonly servers: FeedRig[] = []
  /** When each server sealed an event, by its own clock. */
  readonly #sealedAt: Map<number, number>[] = [new Map(), new Map()]
  readonly #told: Set<string>[] = [new Set(), new Set()]
  rooms: ScriptedRoom[] = []
  readonly #options: WorldOptions
  readonly #memory: LogStore | null
  #marks = 0

  private constructor(options: WorldOptions) {
    this.#options = options
    this.#memory = options.openStore ? null : new MemoryStore({ clock: this.clock })
  }

  static async start(options: WorldOptions): Promise<World> {
    const world = new World(options)
    for (const index of [0, 1]) await world.#start(index)
    await world.#own()
    return world
  }

  async #start(index: number): Promise<void> {
    const { openStore } = this.#options
    const store = openStore ? openStore(this.clock) : (this.#memory as LogStore)
    const starting = FeedRig.start({
      ...LIMITS,
      store,
      clock: this.clock,
      directory: this.directory,
      publicTopics: PUBLIC_TOPICS,
    })
    const rig = await this.until(starting)
    this.servers[index] = rig
    const sealedAt = new Map<number, number>()
    const told = new Set<string>()
    this.#sealedAt[index] = sealedAt
    this.#told[index] = told
    rig.outbox.onSealed((events) => {
      for (const event of events) {
        this.ledger.add(event)
        sealedAt.set(event.seq, this.clock.now())
        if (event.message) told.add(event.message.messageId)
      }
    })
  }

  /** The first server takes the rooms, as a new owner where they had one. */
  async #own(): Promise<void> {
    const rig = itemAt(this.servers, 0)
    const states = this.rooms.map(({ state }) => state)
    this.rooms = []
    for (const [index, id] of ROOMS.entries()) {
      const delayMs = index === ROOMS.length - 1 ? this.#options.delayMs : 0
      const room = await this.until(rig.own(id, { delayMs }))
      if (states[index] === undefined) room.patch({ tick: 0 })
      else room.state = states[index]
      this.rooms.push(room)
    }
    await this.sync()
  }

  /** Ends a server and begins it anew on the log. */
  async restart(index: number): Promise<void> {
    await this.sync()
    const rig = itemAt(this.servers, index)
    rig.feed.drain(0)
    rig.feed.stop()
    if (this.#options.openStore) await this.until(rig.outbox.stop())
    await this.#start(index)
    if (index === 0) await this.#own()
    else await this.sync()
  }

  /** Waits for what needs real time, while the clock stands or creeps. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isThere = false
    const done = (): void => {
      isThere = true
    }
    promise.then(done, done)
    for (let turn = 0; !isThere && turn < 20_000; turn++) {
      for (const rig of this.servers) await rig.settle()
      await this.#options.breathe()
      if (turn % 20 === 19) await this.creep(5)
    }
    return promise
  }

  /** Lets what is under way go on until it is so, or long enough for what waits for the clock. */
  async rest(isDone: () => boolean): Promise<void> {
    const turns = this.#options.openStore ? 400 : 2
    for (let turn = 0; turn < turns && !isDone(); turn++) {
      for (const rig of this.servers) await rig.settle()
      await this.#options.breathe()
    }
  }

  async creep(ms: number): Promise<void> {
    const [rig] = this.servers
    await (rig ? rig.advance(ms) : this.clock.advanceAsync(ms))
  }

  /** Until both servers have sealed all that was written so far. */
  async sync(): Promise<void> {
    const id = `mark-${this.#marks++}`
    await this.publish({ topic: 'marks', type: 'mark', data: null, messageId: id })
    for (let turn = 0; this.#told.some((told) => !told.has(id)); turn++) {
      if (turn > 20_000) throw new Error('Expected the log to be sealed at every server')
      for (const rig of this.servers) await rig.settle()
      await this.#options.breathe()
      if (turn % 20 === 19) await this.creep(5)
    }
    for (const rig of this.servers) await rig.settle()
  }

  async publish(order: {
    topic: string
    type: string
    data: Json
    messageId: string
    to?: string | null
  }): Promise<boolean> {
    const { topic, type, data, messageId, to = null } = order
    const message = { topic, to, messageId, principal: 'server', trace: null }
    const [rig] = this.servers
    if (!rig) throw new Error('Expected a server')
    const { duplicate } = await this.until(
      rig.outbox.publish({ ...message, type, data: JSON.stringify(data) }),
    )
    return duplicate
  }

  /** When this server sealed the event (null: before it began), and how old it must be to be shown. */
  ageOf(index: number, { seq, room }: Logged): { sealedAt: number | null; delayMs: number } {
    const delayMs = room === ROOMS.at(-1) ? this.#options.delayMs : 0
    return { sealedAt: this.#sealedAt[index]?.get(seq) ?? null, delayMs }
  }

  async stop(): Promise<void> {
    for (const rig of this.servers) {
      rig.feed.stop()
      if (this.#options.openStore) await this.until(rig.outbox.stop())
    }
  }
}

import { expect } from 'vitest'
import type { Json } from '@ringside/protocol'
import { applyMergePatch } from '@ringside/protocol'
import type { Reader } from '../rig.ts'
import { itemAt } from '../rig.ts'
import type { Ledger, Logged, World } from './world.ts'
import { PUBLIC_TOPICS, ROOMS } from './world.ts'

/** What a spectator asks for. */
export interface Choice {
  /** Null: all. */
  readonly rooms: readonly string[] | null
  readonly topics: readonly string[]
  readonly types: readonly string[] | null
  readonly clientId: string | null
  /** The feed of one room by itself. */
  readonly isSingle: boolean
  readonly isLines: boolean
  readonly fromStart: boolean
}

interface Block {
  /** Where it ends in the text, which is ASCII. */
  readonly end: number
  readonly type: string | null
  readonly id: string | null
  readonly data: Record<string, Json> | null
}

interface Kept {
  n: number
  state: Json
}

const like = (pattern: string, text: string): boolean =>
  pattern === '*' ||
  (pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern)

/** Says of an event of the log whether it is one of those asked for, by the words of docs/protocol.md. */
export function isWanted({ rooms, topics, types, clientId }: Choice, event: Logged): boolean {
  if (types && !types.some((pattern) => like(pattern, event.type))) return false
  if (event.room !== null) return rooms === null || rooms.includes(event.room)
  // Nobody here may read more, whoever it was meant for (AU5).
  if (!PUBLIC_TOPICS.some((pattern) => like(pattern, event.topic ?? ''))) return false
  if (event.to !== null) return event.to === clientId
  return topics.some((pattern) => like(pattern, event.topic ?? ''))
}

/** The address that asks for it. */
export function pathOf({ rooms, topics, types, clientId, isSingle, fromStart }: Choice): string {
  const parts = new URLSearchParams()
  if (types) parts.set('types', types.join(','))
  if (fromStart) parts.set('from', 'start')
  if (isSingle) return `/rooms/${rooms?.[0]}/feed?${parts}`
  if (rooms) parts.set('rooms', rooms.join(','))
  parts.set('topics', topics.join(','))
  if (clientId) parts.set('clientId', clientId)
  return `/feed?${parts}`
}

const CONTROL = new Set([
  'hello',
  'caught-up',
  'going-away',
  'room-unknown',
  'room-alias',
  'heartbeat',
])

/** One reader over many connections, as an SDK would be: it keeps its id and its picture of the rooms. */
export class Spectator {
  reader: Reader | null = null
  server = 0
  lastId = ''
  resets = 0
  seen = 0
  /** It has read so many blocks of this connection. */
  #read = 0
  /** When each block of this connection came. */
  #cameAt: number[] = []
  /** It has everything up to here that it asked for; null: nobody can say. */
  #cursor: number | null = null
  /** It was told that it has lost something. */
  #mayMiss = false
  readonly #rooms = new Map<string, Kept>()
  /** What it has asked for, each since a seq. */
  readonly #choices: { readonly choice: Choice; readonly since: number; fromByte: number }[]

  readonly #world: World

  constructor(world: World, choice: Choice) {
    this.#world = world
    this.#choices = [{ choice, since: -1, fromByte: 0 }]
  }

  get choice(): Choice {
    return itemAt(this.#choices, -1).choice
  }

  get path(): string {
    return pathOf(this.choice)
  }

  get isOpen(): boolean {
    return this.reader?.exchange.isOpen === true
  }

  /** Dials, at either server, with the id that it has. */
  async open(server: number): Promise<void> {
    this.server = server
    const rig = itemAt(this.#world.servers, server)
    const accept = this.choice.isLines ? { accept: 'application/x-ndjson' } : {}
    const isFirst = this.lastId === ''
    // A live stream begins where the log stands once its request has been looked at: nothing may come meanwhile.
    if (isFirst) await this.#world.sync()
    const headers = isFirst ? accept : { ...accept, 'last-event-id': this.lastId }
    this.#read = 0
    this.#cameAt = []
    for (const one of this.#choices) one.fromByte = 0
    if (isFirst) {
      this.#rooms.clear()
      const { rooms, fromStart } = this.choice
      const isDelayed = rooms === null || rooms.includes(ROOMS.at(-1) ?? '')
      // Of a delayed room's feed, and of topics whose start may have left the log, nobody can say where they begin.
      this.#cursor = rig.outbox.sealed
      if (isDelayed || (fromStart && rooms.length === 0)) this.#cursor = null
      else if (fromStart) this.#cursor = 0
      this.#mayMiss = false
    }
    const reader = rig.get(this.path, headers)
    this.reader = reader
    // Nothing is written before it has begun, or nobody could say where.
    const { exchange } = reader
    await this.#world.rest(
      () => (exchange.status !== 0 && !exchange.isOpen) || reader.text.includes('caught-up'),
    )
  }

  /** The connection breaks behind the block `keep` of those that came. */
  cut(keep: number): void {
    this.read(keep)
    this.reader?.exchange.abort()
    this.reader = null
  }

  /** Changes what it follows, on the open stream. */
  async follow(change: Pick<Choice, 'rooms' | 'topics' | 'types'>): Promise<void> {
    const hello = this.#blocks().find(({ type }) => type === 'hello')
    if (!hello?.data || !this.isOpen) return
    const { streamId, streamKey } = hello.data as { streamId: string; streamKey: string }
    const rig = itemAt(this.#world.servers, this.server)
    const { rooms, topics, types } = change
    const answer = rig.transport.request({
      method: 'PATCH',
      path: `/feed/streams/${streamId}`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        streamKey,
        rooms: rooms === null ? '*' : rooms.join(','),
        topics: topics.join(','),
        types: types?.join(',') ?? null,
      }),
    })
    await this.#world.until(answer.done)
    if (answer.status === 429) return
    expect([this.path, answer.status]).toEqual([this.path, 200])
    const choice = { ...this.choice, ...change }
    this.#choices.push({ choice, since: rig.outbox.sealed, fromByte: this.#sentBytes })
  }

  get blockCount(): number {
    return this.#blocks().length
  }

  /** Notes when each block came. */
  note(): void {
    const count = this.#blocks().length
    while (this.#cameAt.length < count) this.#cameAt.push(this.#world.clock.now())
  }

  /** Takes in what has come, up to so many blocks of this connection, and holds each to the log. */
  read(upTo = Infinity): void {
    if (this.reader?.exchange.status !== 200) return
    this.note()
    const blocks = this.#blocks()
    for (; this.#read < Math.min(blocks.length, upTo); this.#read++) {
      const block = itemAt(blocks, this.#read)
      if (block.type !== null && block.data) this.#take(block.type, block.data)
      if (block.id !== null) this.lastId = block.id
    }
  }

  /** FE1: all that was asked for has come, and every room is as it is. */
  finish(): void {
    this.read()
    const { events } = this.#world.ledger
    this.#expectAll(itemAt(events, -1).seq + 1)
    for (const [id, { state, n }] of this.#rooms) {
      const room = this.#world.rooms.find((one) => one.id === id)
      if (!this.#follows(id) || this.choice.types) continue
      expect([this.path, id, n, state]).toEqual([this.path, id, n, room?.state])
    }
  }

  #follows(room: string): boolean {
    const { rooms } = this.choice
    return rooms === null || rooms.includes(room)
  }

  /** So many bytes were written to this connection, taken or not. */
  get #sentBytes(): number {
    const { text = '', exchange } = this.reader ?? {}
    return text.length + (exchange?.openBody?.bufferedBytes ?? 0)
  }

  #blocks(): Block[] {
    const text = this.reader?.text ?? ''
    const { isLines } = this.choice
    const mark = isLines ? '\n' : '\n\n'
    let end = 0
    return text
      .split(mark)
      .slice(0, -1)
      .map((part) => {
        end += part.length + mark.length
        return { end, ...(isLines ? lineOf(part) : blockOf(part)) }
      })
  }

  #take(type: string, data: Record<string, Json>): void {
    if (CONTROL.has(type)) return
    if (type === 'reset') {
      this.resets++
      this.#rooms.clear()
      this.#mayMiss = true
      return
    }
    const { ledger } = this.#world
    if (type === 'snapshot') {
      const { room, n, state } = data as { room: string; n: number; state: Json }
      expect([this.path, room, n, state]).toEqual([this.path, room, n, ledger.stateAt(room, n)])
      const event = ledger.at(room, n)
      if (event) this.#expectAge(event, `${this.path} snapshot ${room} ${n}`)
      this.#rooms.set(room, { n, state: structuredClone(state) })
      // The start has left the log.
      if (this.#cursor === 0) this.#mayMiss = true
      return
    }
    const event = eventOf(ledger, data)
    // FE2: what is shown is what the log has, and nothing else.
    expect([this.path, type, data['data'] ?? null]).toEqual([
      this.path,
      event?.type,
      type === 'owner' ? null : event?.data,
    ])
    if (event) this.#takeEvent(event, data)
  }

  #takeEvent(event: Logged, data: Record<string, Json>): void {
    this.seen++
    const where = `${this.path} ${event.seq} ${event.type}`
    // FE4, FE72: it was asked for, by what is asked now or was when it was written to the stream.
    const isAsked = this.#choices.some(
      ({ choice }, index) => isWanted(choice, event) && this.#mayStill(index),
    )
    expect([where, isAsked]).toEqual([where, true])
    // FE1: in the order of the log, each once.
    if (this.#cursor !== null) expect(event.seq, where).toBeGreaterThan(this.#cursor)
    this.#expectAll(event.seq)
    this.#expectAge(event, where)
    this.#cursor = event.seq
    this.#mayMiss = false
    if (event.room === null) return
    const kept = this.#rooms.get(event.room)
    const { types, fromStart } = this.choice
    if (!kept && !(fromStart && event.n === 1)) return
    const { n, state } = kept ?? { n: 0, state: {} }
    if (types) expect(event.n, where).toBeGreaterThan(n)
    // FE6: every n of the room.
    else expect([where, event.n]).toEqual([where, n + 1])
    if (event.type === 'patch') expect(data['prev'], where).toBeLessThanOrEqual(n)
    const next =
      event.type === 'patch' ? applyMergePatch(state, structuredClone(event.data)) : state
    this.#rooms.set(event.room, { n: event.n, state: next })
    if (!types)
      expect([where, next]).toEqual([where, this.#world.ledger.stateAt(event.room, event.n)])
  }

  /** What was asked for at this index may be what the block under way was written for. */
  #mayStill(index: number): boolean {
    const next = this.#choices[index + 1]
    return next === undefined || itemAt(this.#blocks(), this.#read).end <= next.fromByte
  }

  /** Nothing below `seq` is missing, but what a reset or a snapshot stands for. */
  #expectAll(seq: number): void {
    const from = this.#cursor
    if (from === null || this.#mayMiss) return
    const missing = this.#world.ledger.events.filter(
      (event) => event.seq > from && event.seq < seq && this.#isDue(event),
    )
    expect([this.path, missing]).toEqual([this.path, []])
  }

  /** It was asked for ever since it was written. */
  #isDue(event: Logged): boolean {
    const isAsked = this.#choices.every(({ choice }, index) => {
      const next = this.#choices[index + 1]
      return (next !== undefined && next.since < event.seq) || isWanted(choice, event)
    })
    if (!isAsked || event.room === null) return isAsked
    const kept = this.#rooms.get(event.room)
    // A room whose snapshot is still to come, or stands for it.
    const hasSnapshots =
      this.choice.types === null || this.choice.types.some((type) => like(type, 'patch'))
    if (!hasSnapshots || this.choice.fromStart) return kept === undefined || event.n > kept.n
    return kept !== undefined && event.n > kept.n
  }

  /** FE3: no event of a delayed room is younger than the delay. */
  #expectAge(event: Logged, where: string): void {
    const { sealedAt, delayMs } = this.#world.ageOf(this.server, event)
    if (sealedAt === null) return
    const cameAt = this.#cameAt[this.#read] ?? 0
    expect(cameAt - sealedAt, where).toBeGreaterThanOrEqual(delayMs)
  }
}

function eventOf(ledger: Ledger, data: Record<string, Json>): Logged | undefined {
  const { messageId, room, n } = data
  if (typeof messageId === 'string') return ledger.message(messageId)
  return typeof room === 'string' ? ledger.at(room, Number(n)) : undefined
}

function lineOf(text: string): Omit<Block, 'end'> {
  const { type, id = null, data } = JSON.parse(text) as Omit<Block, 'id'> & { id?: string }
  return { type, id, data }
}

function blockOf(text: string): Omit<Block, 'end'> {
  const field = (name: string): string | null =>
    new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1] ?? null
  return {
    type: field('event'),
    id: field('id'),
    data: JSON.parse(field('data') ?? 'null') as Block['data'],
  }
}

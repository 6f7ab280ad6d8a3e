import {
  command,
  decodeSystem,
  defineGame,
  encodeMessage,
  int,
  map,
  schema,
  encodeSystem,
  readCommandId,
  system,
} from '@ringside/protocol'
import type { MatchmakeAnswer } from '@ringside/protocol'
import { ManualClock, MemoryStore, createServer } from '../../../../src/index.ts'
import type { MemoryTransport, Room, RoomSession, Server } from '../../../../src/index.ts'
import type { GameServer } from '../../../../src/game-server.ts'
import type { LogEvent } from '../../../../src/outbox/contract/store.ts'
import type { Host } from '../../../../src/host/host.ts'
import { makeTestServer } from '../../../../src/testing/test-server.ts'
import type { LoggedLine, TestServer } from '../../../../src/testing/index.ts'
import { GRACE_MS, HOOK_MS, SETTLE_MS, TICKET_MS } from './seat-model.ts'
import type { HookDeed, PlayerName, RoomPlan, SeatHookName } from './seat-model.ts'

const roomType = { state: schema({ players: map(1, schema({ hits: int(1) })) }) }
/** A type of room for each number of seats, with a grace and without. */
const seatGame = defineGame({
  commands: { later: command(0x0100, { value: int(1) }, { reply: { value: int(1) } }) },
  rooms: { one: roomType, two: roomType, 'one-brief': roomType, 'two-brief': roomType },
})

function typeOf({
  maxClients,
  graceMs,
}: Pick<RoomPlan, 'maxClients' | 'graceMs'>): keyof typeof seatGame.rooms {
  const size = maxClients === 1 ? 'one' : 'two'
  return graceMs === 0 ? `${size}-brief` : size
}

type MemoryExchange = ReturnType<MemoryTransport['request']>
type Socket = Exclude<ReturnType<MemoryTransport['dial']>, { status: number }>

/** One connection of a player, and what it was told. */
interface RealSocket {
  readonly socket: Socket
  readonly frames: string[]
  closed: number | null
  /** Who is in the room, as this client knows it from JOINED and PRESENCE. */
  readonly roster: Set<string>
}

interface RealPlayer {
  ticket: MatchmakeAnswer | null
  /** The request that onAuth was asked about. */
  asking: MemoryExchange | null
  /** Answers onAuth. */
  admit: (isAdmitted: boolean) => void
  readonly answers: string[]
  wish: string
  readonly sockets: RealSocket[]
}

/** A seat as its hooks saw it. */
interface RealSeat {
  readonly player: PlayerName
  readonly hooks: string[]
  /** Tokens in the order of JOINED. */
  readonly tokens: string[]
}

interface HookCall {
  readonly room: Room
  readonly session: RoomSession
  readonly reason?: string | undefined
}

interface Promised {
  readonly settle: () => void
  readonly fail: () => void
}

/** Ends of the turns that promises take between a request and its answer. */
const MICRO_TURNS = 12
const MAX_MICRO_TURNS = 200

async function micro(turns = MICRO_TURNS): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve()
}

/** Two servers over one log, on one clock; rooms are made one after the other, and move between the two. */
export class SeatServers {
  readonly clock = new ManualClock()
  readonly store = new MemoryStore({ clock: this.clock })
  readonly kits: TestServer<typeof seatGame>[] = []
  run: SeatRun | null = null

  static async start(): Promise<SeatServers> {
    const servers = new SeatServers()
    for (const prefix of ['a', 'b']) await servers.#start(prefix)
    return servers
  }

  async #start(prefix: string): Promise<void> {
    const many = 1e6
    let ids = 0
    const kit = makeTestServer<typeof seatGame>(
      seatGame,
      ({ seed: _ofTheKit, ...settings }) => {
        const server = createServer(seatGame, {
          ...settings,
          seed: 7,
          newId: () => `${prefix}${String(++ids).padStart(11, '0')}`,
        })
        for (const maxClients of [1, 2])
          for (const graceMs of [0, GRACE_MS]) this.#register(server, maxClients, graceMs)
        return server
      },
      {
        clock: this.clock,
        store: this.store,
        ticketSecret: 'a secret for tests, 32 characters long',
        ticketTtlMs: TICKET_MS,
        hookTimeoutMs: HOOK_MS,
        settleMs: SETTLE_MS,
        joinsPerSecondPerIp: many,
        connectionsPerSecondPerIp: many,
        readsPerSecondPerIp: many,
        maxUnclaimedPerIp: many,
        maxRoomsPerIp: many,
      },
    )
    await kit.during(kit.server.listen({ port: 0 }))
    this.kits.push(kit)
  }

  /** All types run the hooks of the run that is under way. */
  #register(server: Server<typeof seatGame>, maxClients: number, graceMs: number): void {
    const hook = (name: SeatHookName) => (room: Room, session: RoomSession, reason?: string) =>
      this.run?.hook(name, { room, session, reason }) as undefined
    server.room(typeOf({ maxClients, graceMs }), {
      maxClients,
      tickHz: 0,
      patchHz: 5,
      logHz: 5,
      reconnectGraceMs: graceMs,
      emptyTimeoutMs: null,
      onCreate: () => ({ players: {} }),
      onAuth: (_room, { name }) => this.run?.onAuth(name as PlayerName),
      onDrain: () => void this.run?.roomHooks.push('onDrain'),
      onDispose: () => void this.run?.roomHooks.push('onDispose'),
      onRestore: () => void this.run?.roomHooks.push('onRestore'),
      onJoin: hook('onJoin'),
      onDrop: hook('onDrop'),
      onReconnect: hook('onReconnect'),
      onLeave: hook('onLeave'),
      commands: { later: (_room, _session, { value }) => ({ value }) },
    })
  }

  #kitOf(index: number): TestServer<typeof seatGame> {
    const kit = this.kits[index]
    if (!kit) throw new Error(`Expected a server ${index}`)
    return kit
  }

  #serverOf(index: number): GameServer {
    return this.#kitOf(index).server as unknown as GameServer
  }

  hostOf(index: number): Host {
    return this.#serverOf(index).host
  }

  transportOf(index: number): MemoryTransport {
    return this.#kitOf(index).transport
  }

  retake(index: number, roomId: string, sessionId: string): MatchmakeAnswer {
    return this.#serverOf(index).retakeSeat(roomId, sessionId) as MatchmakeAnswer
  }

  /** Lets everything happen that is due within `ms`. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.now() + ms
    await micro()
    while (this.clock.runNext(end)) await micro()
    this.clock.advance(end - this.clock.now())
  }

  /** Lets things happen until the promise has settled. */
  async during<T>(promise: Promise<T>, limitMs = 10_000): Promise<T> {
    let isDone = false
    const done = (): void => {
      isDone = true
    }
    promise.then(done, done)
    const end = this.clock.now() + limitMs
    for (;;) {
      for (let turn = 0; turn < MAX_MICRO_TURNS && !isDone; turn++) await Promise.resolve()
      if (isDone) return promise
      if (!this.clock.runNext(end)) throw new Error('Waited in vain')
    }
  }

  #lastSeq = 0

  /** Events of a room since the last call: one room follows the other here. */
  async newEventsOf(roomId: string): Promise<LogEvent[]> {
    const query = {
      room: roomId,
      after: this.#lastSeq,
      upTo: Number.MAX_SAFE_INTEGER,
      limit: 10_000,
    }
    const events = await this.during(this.store.events.range(query))
    this.#lastSeq = events.at(-1)?.seq ?? this.#lastSeq
    return events
  }

  get logged(): LoggedLine[] {
    return this.kits.flatMap(({ logged }) => logged)
  }

  async close(): Promise<void> {
    for (const kit of this.kits) await kit.close()
  }
}

/** One room, its players and what they see. */
export class SeatRun {
  readonly #servers: SeatServers
  readonly #plan: RoomPlan
  readonly roomId: string
  #at = 0
  readonly players: Readonly<Record<PlayerName, RealPlayer>> = {
    A: newPlayer(),
    B: newPlayer(),
  }
  /** By session id, in the order of their tickets. */
  readonly seats = new Map<string, RealSeat>()
  readonly #promises: Record<PlayerName, Promised[]> = { A: [], B: [] }
  /** Hooks of each seat that have begun and not settled, for those that are waited for. */
  readonly faults: string[] = []
  readonly roomHooks: string[] = []

  private constructor(servers: SeatServers, plan: RoomPlan, roomId: string) {
    this.#servers = servers
    this.#plan = plan
    this.roomId = roomId
    servers.run = this
  }

  static async start(servers: SeatServers, plan: RoomPlan): Promise<SeatRun> {
    const room = await servers.during(servers.hostOf(0).create(typeOf(plan), null))
    return new SeatRun(servers, plan, room.id)
  }

  get #host(): Host {
    return this.#servers.hostOf(this.#at)
  }

  get room() {
    return this.#host.rooms.get(this.roomId) ?? null
  }

  /** Nothing of the run is left. */
  async clear(): Promise<void> {
    for (const { sockets } of Object.values(this.players))
      for (const { socket } of sockets) socket.vanish()
    this.room?.finish('room_ended')
    await this.#servers.pass(50)
  }

  /** The room as lists show it: GET /rooms is made of this. */
  listing(): string {
    const listed = this.#host.list(() => 0).find(({ roomId }) => roomId === this.roomId)
    if (!listed) return 'no'
    return `${listed.clients} of ${listed.maxClients}${listed.locked ? ' locked' : ''}`
  }

  get connectionCount(): number {
    return [0, 1].reduce((sum, at) => sum + this.#servers.transportOf(at).connectionCount, 0)
  }

  // ---- the game

  onAuth(name: PlayerName): unknown {
    if (!this.#plan.isAsking) return undefined
    return new Promise((resolve) => {
      this.players[name].admit = resolve
    })
  }

  hook(name: SeatHookName, { room, session, reason }: HookCall): unknown {
    const seat = this.seats.get(session.id)
    if (!seat) {
      this.faults.push(`${name} of a seat that nobody has asked for`)
      return undefined
    }
    seat.hooks.push(reason === undefined ? name : `${name} ${reason}`)
    const { players } = room.state as { players: Record<string, object> }
    if (name === 'onJoin') players[session.id] = { hits: 0 }
    if (name === 'onLeave') delete players[session.id]
    const deed = this.#plan.deeds[name]
    if (deed) this.#do(deed, name, { room, session })
    if (!this.#plan.isAsync || (name !== 'onJoin' && name !== 'onLeave')) return undefined
    return new Promise<void>((resolve, reject) => {
      this.#promises[seat.player].push({
        settle: resolve,
        fail: () => reject(new Error(`${name} fails`)),
      })
    })
  }

  #do(deed: HookDeed, name: SeatHookName, { room, session }: HookCall): void {
    if (deed === 'kick') session.kick()
    else if (deed === 'throw') {
      const isAwaiting = this.#plan.isAsync && (name === 'onJoin' || name === 'onLeave')
      if (!isAwaiting) throw new Error(`${name} throws`)
    } else room.end()
  }

  // ---- actions

  /** Does what an action says, lets everything happen that needs no time, and returns the answer. */
  async apply(action: string): Promise<string> {
    const [verb, name, which] = action.split(' ') as [string, PlayerName?, string?]
    const isOfPlayer = name === 'A' || name === 'B'
    const answer = isOfPlayer ? await this.#play(verb, name, which) : await this.#rule(action)
    await this.#servers.pass(0)
    return answer
  }

  async #rule(action: string): Promise<string> {
    const face = this.room?.face
    if (action === 'lock') face?.lock()
    else if (action === 'unlock') face?.unlock()
    else if (action === 'hide') face?.setPrivate(true)
    else if (action === 'show' && face) {
      face.setPrivate(false)
      // Until the log says so, whoever takes the room over finds it private (OB126).
      await this.#servers.during(face.durable())
    } else if (action === 'end') {
      face?.end()
      // The game ends it in a turn, which this is not.
      this.room?.finish('room_ended')
    }
    return 'done'
  }

  /** Gives the room to the other server; the result is the time at which that one has it. */
  async move(): Promise<number> {
    await this.#servers.during(this.#host.release(this.roomId))
    this.#at = 1 - this.#at
    await this.#servers.during(this.#adopt())
    const adoptedAt = this.#servers.clock.now()
    await this.#servers.pass(0)
    return adoptedAt
  }

  /** The other server takes the room, which this one learns later. */
  async seize(): Promise<{ adoptedAt: number; isLeftAt: number }> {
    const before = this.room
    this.#at = 1 - this.#at
    await this.#servers.during(this.#adopt())
    const adoptedAt = this.#servers.clock.now()
    await this.#servers.pass(0)
    while (before && !before.isOver) await this.#servers.pass(1)
    return { adoptedAt, isLeftAt: this.#servers.clock.now() }
  }

  async #adopt(): Promise<void> {
    const records = await this.#servers.store.rooms.living('', 1_000)
    const record = records.find(({ room }) => room === this.roomId)
    if (record) await this.#host.adopt(record)
  }

  async #play(verb: string, name: PlayerName, which?: string): Promise<string> {
    const player = this.players[name]
    switch (verb) {
      case 'ask':
        return this.#ask(name)
      case 'admit':
      case 'refuse':
        player.admit(verb === 'admit')
        return 'done'
      case 'abort':
        player.asking?.abort()
        return 'done'
      case 'giveUp': {
        const { status } = await this.#post('release', { wish: player.wish })
        return status === 204 ? 'done' : 'refused'
      }
      case 'take':
        return this.#take(player)
      case 'giveBack': {
        const ticket = player.ticket?.ticket
        const { status, body } = await this.#post('release', { ticket })
        return status === 204 ? 'done' : codeOf(body)
      }
      case 'return': {
        const answer = await this.#askBack(name, which ?? 'newest')
        return answer === 'ticket' ? this.#take(player) : answer
      }
      case 'askBack':
        return this.#askBack(name, 'newest')
      case 'retake': {
        const [id = ''] = this.#lastSeat(name)
        player.ticket = this.#servers.retake(this.#at, this.roomId, id)
        return this.#take(player)
      }
      case 'break':
        openSocketOf(player)?.socket.vanish()
        return 'done'
      case 'leave':
        openSocketOf(player)?.socket.send(encodeSystem('leave', {}))
        return 'done'
      case 'kick': {
        const [id = ''] = this.#lastSeat(name)
        this.room?.face.sessions.get(id)?.kick()
        return 'done'
      }
      case 'command':
        return this.#command(player)
      case 'settle':
      case 'fail':
        this.#promises[name].shift()?.[verb]()
        return 'done'
      default:
        throw new Error(`Expected an action, got '${verb}'`)
    }
  }

  #lastSeat(name: PlayerName): [string?, RealSeat?] {
    return [...this.seats].findLast(([, { player }]) => player === name) ?? []
  }

  #wishCount = 0

  #request(path: string, body: object): MemoryExchange {
    return this.#servers.transportOf(this.#at).request({
      method: 'POST',
      path: `/matchmake/${path}`,
      body: JSON.stringify(body),
    })
  }

  async #post(path: string, body: object): Promise<{ status: number; body: unknown }> {
    const exchange = this.#request(path, body)
    await this.#servers.during(exchange.done)
    const text = exchange.text()
    return { status: exchange.status, body: text === '' ? null : JSON.parse(text) }
  }

  async #ask(name: PlayerName): Promise<string> {
    const player = this.players[name]
    player.wish = `a-wish-of-${name}-${String(++this.#wishCount).padStart(8, '0')}`
    const exchange = this.#request(`joinById/${this.roomId}`, { name, wish: player.wish })
    const answered = exchange.done.then(() => this.#answered(name, exchange))
    if (!this.#plan.isAsking) return answered
    player.asking = exchange
    void answered.then((answer) => {
      if (answer !== '' && player.asking === exchange) player.answers.push(answer)
    })
    await this.#servers.pass(0)
    if (exchange.isOpen) return 'asking'
    player.asking = null
    player.answers.pop()
    return answered
  }

  #answered(name: PlayerName, exchange: MemoryExchange): string {
    // The player has gone.
    if (exchange.status === 0) return ''
    const body: unknown = exchange.json()
    if (exchange.status !== 200) return codeOf(body)
    const answer = body as MatchmakeAnswer
    this.players[name].ticket = answer
    this.seats.set(answer.sessionId, { player: name, hooks: [], tokens: [] })
    return 'ticket'
  }

  /** The tokens of each generation, the newest first: a JOINED that answers an old one again has its generation again. */
  async #askBack(name: PlayerName, which: string): Promise<string> {
    const [id, seat] = this.#lastSeat(name)
    const generations = this.generationsOf(id ?? '')
    const distinct = [...new Set(generations)].toSorted((one, other) => other - one)
    const wanted = distinct[['newest', 'older', 'old'].indexOf(which)]
    const token = seat?.tokens[generations.lastIndexOf(wanted ?? -1)]
    const { status, body } = await this.#post(`reconnect/${this.roomId}`, { token })
    if (status !== 200) return codeOf(body)
    this.players[name].ticket = body as MatchmakeAnswer
    return 'ticket'
  }

  /** The model knows them; tokens are sealed. */
  generationsOf: (sessionId: string) => readonly number[] = () => []

  async #take(player: RealPlayer): Promise<string> {
    const dialled = this.#servers.transportOf(this.#at).dial({ protocols: ['ringside.1'] })
    if ('status' in dialled) throw new Error(`refused with ${dialled.status}`)
    const real: RealSocket = { socket: dialled, frames: [], closed: null, roster: new Set() }
    player.sockets.push(real)
    dialled.onmessage = ({ data }) => this.#hear(real, new Uint8Array(data))
    dialled.onclose = ({ code }) => {
      real.closed = code
    }
    await micro(4)
    dialled.send(encodeSystem('join', { ticket: player.ticket?.ticket ?? '' }))
    await this.#servers.pass(0)
    const refused = real.closed === 4005 && real.frames.length === 1
    return refused ? (real.frames[0] ?? '').replace('error ', '') : 'taken'
  }

  async #command(player: RealPlayer): Promise<string> {
    const real = openSocketOf(player)
    const { id, payload } = seatGame.commands.later
    let reply = ''
    const before = real?.frames.length ?? 0
    if (real) {
      const { onmessage } = real.socket
      real.socket.onmessage = (event) => {
        if (readCommandId(new Uint8Array(event.data)) === system.reply.id) reply = 'reply'
        else onmessage?.(event)
      }
      real.socket.send(
        encodeSystem('request', {
          correlation: 1,
          command: id,
          payload: encodeMessage(payload, { value: 1 }),
        }),
      )
      await this.#servers.pass(0)
      real.socket.onmessage = onmessage
    }
    const told = real?.frames.slice(before).find((frame) => frame.startsWith('error'))
    return told?.replace('error ', '') ?? reply
  }

  #hear(real: RealSocket, bytes: Uint8Array): void {
    const id = readCommandId(bytes)
    if (id === system.joined.id) {
      const { roster, sessionId, reconnectToken } = decodeSystem('joined', bytes)
      real.roster.clear()
      for (const one of roster) real.roster.add(one.sessionId)
      this.seats.get(sessionId)?.tokens.push(reconnectToken)
      real.frames.push('joined')
    } else if (id === system.state.id) {
      // A full state may come later too, in place of a patch.
      if (real.frames.at(-1) === 'joined') real.frames.push('state')
    } else if (id === system.left.id) real.frames.push('left')
    else if (id === system.error.id) real.frames.push(`error ${decodeSystem('error', bytes).code}`)
    else if (id === system.presence.id) {
      const { sessionId, present } = decodeSystem('presence', bytes)
      if (!present) real.roster.delete(sessionId)
      else if (real.roster.has(sessionId)) this.faults.push('joined twice')
      else real.roster.add(sessionId)
    }
  }
}

function codeOf(body: unknown): string {
  return (body as { error: { code: string } }).error.code
}

function openSocketOf({ sockets }: RealPlayer): RealSocket | undefined {
  return sockets.findLast(({ closed }) => closed === null)
}

function newPlayer(): RealPlayer {
  return { ticket: null, asking: null, admit: () => {}, answers: [], wish: '', sockets: [] }
}

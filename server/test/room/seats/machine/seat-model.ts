/** The hooks of a seat. */
export type SeatHookName = 'onJoin' | 'onDrop' | 'onReconnect' | 'onLeave'
/** What a hook of the game does besides its work. */
export type HookDeed = 'throw' | 'kick' | 'end'

/** The room of a run. */
export interface RoomPlan {
  readonly maxClients: number
  /** onJoin and onLeave await something. */
  readonly isAsync: boolean
  readonly deeds: Partial<Record<SeatHookName, HookDeed>>
  readonly graceMs: number
  /** onAuth awaits something. */
  readonly isAsking: boolean
}

export type PlayerName = 'A' | 'B'

/** The numbers of the room under test, in ms; so odd that two of them are seldom due at once. */
export const TICKET_MS = 1_003
export const GRACE_MS = 409
export const HOOK_MS = 151
export const SETTLE_MS = 53
export const TAKEOVER_GRACE_MS = 30_000

export interface ModelSocket {
  /** `joined`, `state`, `left` and `error <code>`, in order. */
  readonly frames: string[]
  closed: number | null
}

type Phase =
  | 'reserved'
  | 'joining'
  | 'seated'
  | 'dropped'
  /** It is given up, and its onJoin is on its way. */
  | 'early'
  | 'leaving'
  | 'gone'

export interface ModelSeat {
  readonly player: PlayerName
  readonly number: number
  /** Counts those who have entered the room. */
  entered: number
  phase: Phase
  /** `<hook> <reason>`, in order. */
  readonly hooks: string[]
  /** A hook that is waited for until then. */
  waitsUntil: number | null
  heldUntil: number | null
  reason: string
  generation: number
  openTicket: number
  openGeneration: number
  /** The ticket with which the seat was taken first, until its player is back. */
  firstTicket: number
  socket: ModelSocket | null
  /** Generations of the tokens that its player has, in the order of JOINED. */
  readonly tokens: number[]
  /** onJoin was called, and onLeave was not. */
  isInState: boolean
}

interface ModelTicket {
  readonly number: number
  readonly seat: ModelSeat
  readonly until: number
  /** Nobody but the owner at that time takes it. */
  readonly owner: number
}

interface ModelPlayer {
  /** A wish for a seat that onAuth has not answered: until then it is waited for. */
  asking: { readonly until: number; readonly owner: number } | null
  /** Answers to the wishes that onAuth was asked about. */
  readonly answers: string[]
  /** The seat that the last wish has come to: it may be given up by its name until it is taken. */
  wished: ModelSeat | null
  seat: ModelSeat | null
  ticket: ModelTicket | null
  readonly sockets: ModelSocket[]
  /** Promises of hooks that have not settled, the oldest first. */
  readonly promises: { readonly seat: ModelSeat; readonly hook: SeatHookName; owner: number }[]
}

/**
 * What docs/rooms.md and the rules RM, MM, SE and CL say of the seats of one room, with nothing of how the server does it.
 */
export class SeatModel {
  now: number
  owner = 0
  isLocked = false
  isPrivate = false
  isEnded = false
  #isEndAsked = false
  #ticketCount = 0
  #enteredCount = 0
  readonly seats: ModelSeat[] = []
  readonly thrown = new Set<string>()
  /** The room's own hooks, in order. */
  readonly roomHooks: string[] = []
  readonly players: Readonly<Record<PlayerName, ModelPlayer>> = {
    A: newPlayer(),
    B: newPlayer(),
  }
  readonly #plan: RoomPlan

  constructor(plan: RoomPlan, now: number) {
    this.#plan = plan
    this.now = now
  }

  /** Players with a seat, connected or not, in the order of joining. */
  get seated(): ModelSeat[] {
    return this.seats
      .filter(({ phase }) => IN.has(phase))
      .toSorted((one, other) => one.entered - other.entered)
  }

  get freeCount(): number {
    const taken = this.seats.filter(
      ({ phase }) => IN.has(phase) || phase === 'reserved' || phase === 'early',
    )
    return this.#plan.maxClients - taken.length
  }

  /** Everything that can be done now, by players, the game and the server. */
  enabled(): string[] {
    const actions: string[] = []
    for (const name of ['A', 'B'] as const) {
      const { seat, ticket, promises, asking, wished } = this.players[name]
      const phase = seat?.phase ?? 'gone'
      if (asking) actions.push(`admit ${name}`, `refuse ${name}`, `abort ${name}`)
      if (this.#plan.isAsking && (asking || wished)) actions.push(`giveUp ${name}`)
      if (phase === 'gone' || phase === 'leaving' || phase === 'early') actions.push(`ask ${name}`)
      if (ticket) actions.push(`take ${name}`, `giveBack ${name}`)
      if (seat?.socket?.closed === null)
        actions.push(`break ${name}`, `leave ${name}`, `command ${name}`)
      if (seat && IN.has(seat.phase) && !this.isEnded) actions.push(`kick ${name}`)
      const generations = new Set(seat?.tokens).size
      for (const [back, which] of ['newest', 'older', 'old'].entries())
        if (generations > back) actions.push(`return ${name} ${which}`)
      if (generations > 0) actions.push(`askBack ${name}`)
      if (phase === 'joining' && !this.isEnded) actions.push(`retake ${name}`)
      if (promises.length > 0) actions.push(`settle ${name}`, `fail ${name}`)
    }
    if (!this.isEnded) {
      actions.push(this.isLocked ? 'unlock' : 'lock', 'end', 'move', 'seize')
      actions.push(this.isPrivate ? 'show' : 'hide')
    }
    actions.push('wait hook', 'wait grace', 'wait ticket')
    return actions.filter((action) => !this.#isDeaf(action))
  }

  /** A player who waits for an answer asks for nothing else. */
  #isDeaf(action: string): boolean {
    const [verb = '', name] = action.split(' ')
    const isAsking = (name === 'A' || name === 'B') && this.players[name].asking !== null
    return isAsking && ['ask', 'askBack', 'return', 'retake'].includes(verb)
  }

  /** Does what an action does, and returns its answer. */
  apply(action: string): string {
    const [verb, name, which] = action.split(' ') as [string, PlayerName?, string?]
    const answer = name && name in this.players ? this.#play(verb, name, which) : this.#rule(action)
    if (this.#isEndAsked) this.#end()
    return answer
  }

  #rule(action: string): string {
    if (action === 'lock' || action === 'unlock') this.isLocked = action === 'lock'
    else if (action === 'hide' || action === 'show') this.isPrivate = action === 'hide'
    else if (action === 'end') this.#isEndAsked = true
    return 'done'
  }

  #play(verb: string, name: PlayerName, which?: string): string {
    const player = this.players[name]
    const { seat } = player
    switch (verb) {
      case 'ask':
        if (!this.#plan.isAsking || this.isEnded) return this.#ask(name)
        player.asking = { until: this.now + HOOK_MS, owner: this.owner }
        player.wished = null
        return 'asking'
      case 'admit':
        return this.#answer(player, () =>
          player.asking?.owner === this.owner ? this.#ask(name) : 'room_released',
        )
      case 'refuse':
        return this.#answer(player, () => 'auth_failed')
      case 'abort':
        player.asking = null
        return 'done'
      case 'giveUp':
        // The name is known where the wish was told.
        if (player.asking && (player.asking.owner - this.owner) % 2 !== 0) return 'done'
        if (player.asking) this.#answer(player, () => 'ticket_expired')
        else if (player.wished?.phase === 'reserved') player.wished.phase = 'gone'
        return 'done'
      case 'take':
        return this.#take(name)
      case 'giveBack':
        return this.#giveBack(player)
      case 'return': {
        const answer = this.#askBack(name, which ?? 'newest')
        return answer === 'ticket' ? this.#take(name) : answer
      }
      case 'askBack':
        return this.#askBack(name, 'newest')
      case 'retake':
        if (seat) this.#ticketFor(name, seat, seat.generation)
        return this.#take(name)
      case 'break':
        if (seat) this.#break(seat)
        return 'done'
      case 'leave':
        if (seat) this.#giveUp(seat, 'left')
        return 'done'
      case 'kick':
        if (seat) this.#giveUp(seat, 'kicked')
        return 'done'
      case 'command':
        if (seat?.phase === 'seated') return 'reply'
        seat?.socket?.frames.push('error not_in_room')
        return 'not_in_room'
      case 'settle':
      case 'fail':
        return this.#settle(player, verb)
      default:
        throw new Error(`Expected an action, got '${verb}'`)
    }
  }

  // ---- tickets

  #answer(player: ModelPlayer, answer: () => string): string {
    player.answers.push(answer())
    player.asking = null
    return 'done'
  }

  #ask(name: PlayerName): string {
    if (this.isEnded) return 'room_not_found'
    if (this.isLocked) return 'room_locked'
    if (this.freeCount <= 0) return 'room_full'
    const seat: ModelSeat = {
      player: name,
      number: this.seats.length,
      entered: 0,
      phase: 'reserved',
      hooks: [],
      waitsUntil: null,
      heldUntil: this.now + TICKET_MS,
      reason: '',
      generation: 0,
      openTicket: 0,
      openGeneration: 0,
      firstTicket: 0,
      socket: null,
      tokens: [],
      isInState: false,
    }
    this.seats.push(seat)
    this.players[name].seat = seat
    this.players[name].wished = seat
    this.#ticketFor(name, seat, 0)
    return 'ticket'
  }

  #askBack(name: PlayerName, which: string): string {
    const { seat } = this.players[name]
    const generations = [...new Set(seat?.tokens)].toSorted((one, other) => other - one)
    const generation = generations[['newest', 'older', 'old'].indexOf(which)]
    const isKnown = seat && generation !== undefined && IN.has(seat.phase) && !this.isEnded
    if (!isKnown || generation < seat.generation - 1) return 'reconnect_refused'
    this.#ticketFor(name, seat, generation)
    return 'ticket'
  }

  #ticketFor(name: PlayerName, seat: ModelSeat, generation: number): void {
    const number = ++this.#ticketCount
    seat.openTicket = number
    seat.openGeneration = generation
    this.players[name].ticket = { number, seat, until: this.now + TICKET_MS, owner: this.owner }
  }

  /** What is wrong with a ticket, or null. */
  #fault({ number, seat, until, owner }: ModelTicket): string | null {
    if (until < this.now) return 'ticket_expired'
    // Two servers take turns, and a ticket is its server's.
    if ((owner - this.owner) % 2 !== 0) return 'ticket_invalid'
    if (this.isEnded) return 'room_not_found'
    if (seat.phase !== 'reserved' && !IN.has(seat.phase)) return 'ticket_expired'
    return seat.openTicket === number ? null : 'ticket_used'
  }

  #take(name: PlayerName): string {
    const player = this.players[name]
    const { ticket } = player
    if (!ticket) throw new Error('Expected a ticket')
    const socket: ModelSocket = { frames: [], closed: null }
    player.sockets.push(socket)
    const fault = this.#fault(ticket)
    if (fault) {
      socket.frames.push(`error ${fault}`)
      socket.closed = 4005
      return fault
    }
    const { seat } = ticket
    seat.openTicket = 0
    seat.heldUntil = null
    if (seat.socket) close(seat.socket, 4006)
    seat.socket = socket
    const isNew = seat.phase === 'reserved'
    seat.firstTicket = isNew ? ticket.number : 0
    if (isNew) this.#enter(seat)
    else if (seat.phase !== 'joining') this.#reenter(seat)
    return 'taken'
  }

  #giveBack({ ticket }: ModelPlayer): string {
    if (!ticket) throw new Error('Expected a ticket')
    const { seat, number, owner, until } = ticket
    if (until < this.now) return 'ticket_expired'
    // Two servers take turns, and a ticket is its server's.
    if ((owner - this.owner) % 2 !== 0) return 'ticket_invalid'
    if (this.isEnded) return 'done'
    if (seat.phase === 'reserved' && seat.openTicket === number) seat.phase = 'gone'
    else if (IN.has(seat.phase) && seat.firstTicket === number) this.#giveUp(seat, 'left')
    else if (IN.has(seat.phase) && seat.openTicket === number) seat.openTicket = 0
    return 'done'
  }

  // ---- the life of a seat

  #enter(seat: ModelSeat): void {
    seat.phase = 'joining'
    seat.entered = ++this.#enteredCount
    seat.isInState = true
    seat.generation = 1
    seat.hooks.push('onJoin')
    if (this.#plan.isAsync) this.#await(seat, 'onJoin')
    this.#deed(seat, 'onJoin')
    if (!this.#plan.isAsync) this.#joinEnded(seat, 'settled')
  }

  #joinEnded(seat: ModelSeat, how: 'settled' | 'late'): void {
    seat.waitsUntil = null
    if (seat.phase === 'early') this.#onLeave(seat)
    else if (how === 'late') {
      seat.socket?.frames.push('error timeout')
      this.#giveUp(seat, 'timeout')
    } else if (seat.phase === 'joining') {
      seat.phase = 'seated'
      this.#greet(seat)
    }
  }

  #greet({ socket, tokens, generation }: ModelSeat): void {
    socket?.frames.push('joined', 'state')
    tokens.push(generation)
  }

  #reenter(seat: ModelSeat): void {
    seat.phase = 'seated'
    seat.hooks.push('onReconnect')
    this.#deed(seat, 'onReconnect')
    if (!IN.has(seat.phase)) return
    seat.generation = Math.max(seat.generation, seat.openGeneration + 1)
    this.#greet(seat)
  }

  #break(seat: ModelSeat): void {
    if (seat.socket) seat.socket.closed = 1006
    seat.socket = null
    if (seat.phase === 'joining' || this.#plan.graceMs === 0) return this.#giveUp(seat, 'dropped')
    seat.phase = 'dropped'
    seat.heldUntil = this.now + this.#plan.graceMs
    seat.hooks.push('onDrop')
    this.#deed(seat, 'onDrop')
  }

  /** The seat is not the player's any more; onLeave comes after an onJoin on its way. */
  #giveUp(seat: ModelSeat, reason: string): void {
    if (!IN.has(seat.phase)) return
    const isJoining = seat.phase === 'joining'
    seat.reason = reason
    seat.heldUntil = null
    if (seat.socket) close(seat.socket, CODES[reason] ?? 0)
    seat.socket = null
    seat.phase = 'early'
    const isOnItsWay = isJoining && (!this.#plan.isAsync || seat.waitsUntil !== null)
    if (!isOnItsWay) this.#onLeave(seat)
  }

  #onLeave(seat: ModelSeat): void {
    seat.phase = 'leaving'
    seat.isInState = false
    seat.hooks.push(`onLeave ${seat.reason}`)
    if (this.#plan.isAsync) this.#await(seat, 'onLeave')
    this.#deed(seat, 'onLeave')
    if (!this.#plan.isAsync || this.isEnded) seat.phase = 'gone'
  }

  #await(seat: ModelSeat, hook: SeatHookName): void {
    seat.waitsUntil = this.now + HOOK_MS
    this.players[seat.player].promises.push({ seat, hook, owner: this.owner })
  }

  #deed(seat: ModelSeat, hook: SeatHookName): void {
    const deed = this.#plan.deeds[hook]
    const isAwaiting = this.#plan.isAsync && (hook === 'onJoin' || hook === 'onLeave')
    if (deed === 'throw' && !isAwaiting) this.thrown.add(hook)
    else if (deed === 'kick') this.#giveUp(seat, 'kicked')
    else if (deed === 'end' && !this.isEnded) this.#isEndAsked = true
  }

  #settle({ promises }: ModelPlayer, verb: string): string {
    const promise = promises.shift()
    if (!promise) throw new Error('Expected a promise')
    const { seat, hook, owner } = promise
    if (verb === 'fail') this.thrown.add(hook)
    const phase = hook === 'onJoin' ? ['joining', 'early'] : ['leaving']
    const isAwaited = owner === this.owner && phase.includes(seat.phase) && seat.waitsUntil !== null
    if (!isAwaited || this.isEnded) return 'done'
    if (hook === 'onJoin') this.#joinEnded(seat, 'settled')
    else seat.phase = 'gone'
    return 'done'
  }

  // ---- time and owners

  advance(ms: number): void {
    const end = this.now + ms
    for (const player of Object.values(this.players))
      if (player.asking && player.asking.until <= end) this.#answer(player, () => 'timeout')
    for (;;) {
      const due = this.seats
        .map((seat) => ({
          seat,
          at: Math.min(seat.waitsUntil ?? Infinity, seat.heldUntil ?? Infinity),
        }))
        .filter(({ seat, at }) => at <= end && seat.phase !== 'gone')
        .toSorted((one, other) => one.at - other.at)[0]
      if (!due) break
      this.now = due.at
      this.#due(due.seat)
      if (this.#isEndAsked) this.#end()
    }
    this.now = end
  }

  #due(seat: ModelSeat): void {
    const { phase } = seat
    if (phase === 'reserved') seat.phase = 'gone'
    else if (phase === 'dropped') this.#giveUp(seat, 'dropped')
    else if (phase === 'leaving') seat.phase = 'gone'
    else this.#joinEnded(seat, 'late')
  }

  #end(): void {
    this.#isEndAsked = false
    this.isEnded = true
    this.roomHooks.push('onDispose')
    for (const seat of this.seats) {
      if (seat.phase === 'reserved' || seat.phase === 'leaving') seat.phase = 'gone'
      this.#giveUp(seat, 'room_ended')
      this.#endsEarly(seat)
    }
  }

  /** The end waits for no onJoin. */
  #endsEarly(seat: ModelSeat): void {
    if (seat.phase === 'early') this.#onLeave(seat)
  }

  /** A release waits for what awaits, so long. */
  get settleMs(): number {
    const { A, B } = this.players
    const isAwaiting = [...A.promises, ...B.promises].some(({ owner }) => owner === this.owner)
    return isAwaiting ? SETTLE_MS : 0
  }

  /** The owner before has stored everything, and the next one goes on at this time. */
  adopted(now: number, closeCode = 1001): void {
    this.owner++
    this.now = now
    // One that is taken away hears of it when the next owner has it already.
    const isReleased = closeCode === 1001
    this.roomHooks.push(
      ...(isReleased ? ['onDrain', 'onDispose', 'onRestore'] : ['onRestore', 'onDispose']),
    )
    for (const seat of this.seats) {
      if (seat.phase === 'reserved') seat.phase = 'gone'
      if (seat.phase === 'gone') continue
      if (seat.socket) seat.socket.closed = closeCode
      seat.socket = null
      seat.waitsUntil = null
      seat.heldUntil = null
      seat.openTicket = 0
      seat.firstTicket = 0
      if (seat.phase === 'seated' || seat.phase === 'dropped') {
        seat.phase = 'dropped'
        seat.heldUntil = now + Math.max(this.#plan.graceMs, TAKEOVER_GRACE_MS)
        continue
      }
      // Its onJoin or onLeave has not settled: this owner ends what that one has begun.
      if (seat.phase === 'joining') seat.reason = 'dropped'
      this.#onLeave(seat)
    }
    if (this.#isEndAsked) this.#end()
  }
}

/** Phases in which the seat is the player's. */
const IN: ReadonlySet<string> = new Set<Phase>(['joining', 'seated', 'dropped'])

const CODES: Readonly<Record<string, number>> = {
  left: 1000,
  dropped: 1000,
  kicked: 4000,
  room_ended: 4001,
  timeout: 4005,
}

function close(socket: ModelSocket, code: number): void {
  socket.frames.push('left')
  socket.closed = code
}

function newPlayer(): ModelPlayer {
  return {
    asking: null,
    answers: [],
    wished: null,
    seat: null,
    ticket: null,
    sockets: [],
    promises: [],
  }
}

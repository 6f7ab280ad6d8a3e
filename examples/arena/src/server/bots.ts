import type { ClientRoom } from '@ringside/client'
import type { Clock, Logger } from '@ringside/server'
import { STEP_MS } from '../shared/constants.ts'
import type { game } from '../shared/game.ts'
import type { Input } from '../shared/movement.ts'
import { BOT_NAMES } from '../shared/names.ts'
import type { BotSeat } from './arena-room.ts'
import type { BlindSeat } from './blind-seat.ts'
import { BotBrain } from './bot-brain.ts'
import type { Intent } from './bot-brain.ts'

export type BotRoom = ClientRoom<typeof game, 'arena'>

/** A bot decides on every so manieth input and repeats itself in between: 10 times a second. */
const INPUTS_PER_DECISION = 3
/** A seat that was lost is asked for again after this, in ms, as long as the room exists. */
const REJOIN_MS = 8_000
/** Attempts in a row before a lost seat is given up. */
const MAX_REJOINS = 3

export interface BotSquadOptions {
  /**
   * Takes a seat for a bot of this name, a new one or that of `sessionId` again, with a replica of the room's
   * state, as a player's client does.
   */
  readonly join: (name: string, sessionId?: string) => Promise<BotRoom>
  /**
   * Takes a seat without a replica: such bots see through the replica of one that has it. Default: every
   * bot has its own.
   */
  readonly joinBlind?: (name: string, sessionId?: string) => Promise<BlindSeat>
  readonly clock: Clock
  readonly logger: Logger
  /** Bots, 1-16. */
  readonly count: number
  /** Seats of before a restart: so many of the bots take them again, each once. Default none. */
  readonly seats?: readonly BotSeat[]
  /** Any whole number: the bots' names and minds derive from it. */
  readonly seed: number
}

interface Bot {
  readonly name: string
  readonly seed: number
  readonly sessionId: string
  /** Its own replica, or null. */
  readonly sight: BotRoom | null
  readonly brain: BotBrain
  send(input: Input): void
  leave(): Promise<void>
  intent: Intent | null
  sequence: number
}

interface Who extends Pick<Bot, 'name' | 'seed'> {
  /** Its seat of before a restart. */
  readonly before?: BotSeat | undefined
}

/**
 * The bots of one room. Each has a seat and a connection of its own and sends what a player's client sends;
 * one timer drives them all.
 */
export class BotSquad {
  readonly #options: BotSquadOptions
  readonly #bots = new Set<Bot>()
  readonly #cancels = new Set<() => void>()
  #isStopped = false
  #steps = 0
  #dueAt = 0

  constructor(options: BotSquadOptions) {
    this.#options = options
  }

  /** Bots that have a seat now. */
  get size(): number {
    return this.#bots.size
  }

  /** Seats the bots, then lets them play. Resolves when each has a seat or was refused one. */
  async start(): Promise<void> {
    const { count, seed, clock, seats = [] } = this.#options
    for (let index = 0; index < count && !this.#isStopped; index++) {
      const before = seats[index]
      // Names differ between rooms, yet are the same for the same seed.
      const name = before?.name ?? BOT_NAMES[(index + Math.abs(seed)) % BOT_NAMES.length] ?? 'Bot'
      await this.#enter({ name, seed: seed * 1_000 + index, before }, 0)
    }
    // Squads of one process take turns within a step instead of all waking at once.
    this.#dueAt = clock.now() + ((Math.abs(seed) * 7) % STEP_MS)
    if (!this.#isStopped) this.#schedule()
  }

  /** Plays no more, but leaves the seats as they are: for a server that is about to close. */
  halt(): void {
    this.#isStopped = true
    for (const cancel of this.#cancels) cancel()
    this.#cancels.clear()
  }

  /** Takes every bot out of the room. Resolves when all have left; a second call does nothing. */
  async stop(): Promise<void> {
    this.halt()
    const bots = [...this.#bots]
    this.#bots.clear()
    await Promise.all(bots.map((bot) => bot.leave()))
  }

  async #enter(who: Who, rejoins: number): Promise<void> {
    let bot: Bot
    try {
      bot = await this.#takeSeat(who, (code) => this.#lost(bot, code, rejoins))
    } catch (error) {
      this.#options.logger.warn({ bot: who.name, error }, 'A bot got no seat')
      // Its seat of before a restart is gone: it begins anew.
      if (who.before) return this.#enter({ name: who.name, seed: who.seed }, rejoins)
      // Its old seat may be kept for a while yet; a bot that never had one is not wanted.
      if (rejoins > 0) this.#rejoin(who, rejoins)
      return
    }
    if (this.#isStopped) await bot.leave()
    else this.#bots.add(bot)
  }

  async #takeSeat(who: Who, onLost: (code: number) => void): Promise<Bot> {
    const { join, joinBlind } = this.#options
    if (joinBlind && this.#sight) {
      const seat = await joinBlind(who.name, who.before?.sessionId)
      seat.onLost = onLost
      const send = (input: Input): void => seat.send(input)
      return createBot(who, {
        sessionId: seat.sessionId,
        sight: null,
        send,
        leave: () => seat.leave(),
      })
    }
    const room = await join(who.name, who.before?.sessionId)
    room.onStatus((status, { code }) => {
      if (status === 'closed') onLost(code ?? 0)
    })
    const send = (input: Input): void => void room.send('input', input)
    return createBot(who, {
      sessionId: room.sessionId,
      sight: room,
      send,
      leave: () => room.leave(),
    })
  }

  /** A replica that any bot may look through, or null. */
  get #sight(): BotRoom | null {
    for (const { sight } of this.#bots) if (sight) return sight
    return null
  }

  #lost(bot: Bot, code: number, rejoins: number): void {
    if (!this.#bots.delete(bot) || this.#isStopped) return
    this.#options.logger.warn({ bot: bot.name, code }, 'A bot lost its seat')
    this.#rejoin({ name: bot.name, seed: bot.seed }, rejoins)
  }

  #rejoin(who: Who, rejoins: number): void {
    if (this.#isStopped || rejoins >= MAX_REJOINS) return
    this.#after(REJOIN_MS, () => void this.#enter(who, rejoins + 1))
  }

  /** Steps at a steady rate: a late timer is followed by a shorter wait, but steps are not made up for. */
  #schedule(): void {
    const now = this.#options.clock.now()
    this.#dueAt = Math.max(this.#dueAt + STEP_MS, now)
    this.#after(this.#dueAt - now, () => {
      this.#step()
      this.#schedule()
    })
  }

  #step(): void {
    this.#steps += 1
    const shared = this.#sight
    // Nothing moves meanwhile, and no input would be taken.
    if (shared?.isPaused) return
    let index = 0
    for (const bot of this.#bots) {
      const sight = bot.sight ?? shared
      // A third of the squad thinks in each step, so that no step is heavy.
      if (sight && (!bot.intent || (this.#steps + index) % INPUTS_PER_DECISION === 0))
        bot.intent = bot.brain.decide(sight.state, sight.at)
      index += 1
      if (!bot.intent) continue
      bot.sequence += 1
      const { moveX, moveY, angle, buttons } = bot.intent
      bot.send({ sequence: bot.sequence, moveX, moveY, angle, buttons })
    }
  }

  #after(ms: number, callback: () => void): void {
    const cancel = this.#options.clock.after(ms, () => {
      this.#cancels.delete(cancel)
      callback()
    })
    this.#cancels.add(cancel)
  }
}

function createBot(who: Who, seat: Pick<Bot, 'sessionId' | 'sight' | 'send' | 'leave'>): Bot {
  const { name, seed, before } = who
  const brain = new BotBrain(seat.sessionId, seed)
  return { name, seed, ...seat, brain, intent: null, sequence: before?.lastInput ?? 0 }
}

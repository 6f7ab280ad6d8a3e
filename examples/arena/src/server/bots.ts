import type { ClientRoom } from '@ringside/client'
import type { Clock, Logger } from '@ringside/server'
import { STEP_MS } from '../shared/constants.ts'
import type { game } from '../shared/game.ts'
import { BOT_NAMES } from '../shared/names.ts'
import { BotBrain } from './bot-brain.ts'
import type { Intent } from './bot-brain.ts'

export type BotRoom = ClientRoom<typeof game, 'arena'>

/** A bot decides on every so manieth input and repeats itself in between: 10 times a second. */
const INPUTS_PER_DECISION = 3
/** A seat that was lost is asked for again after this, in ms, as long as the room exists. */
const REJOIN_MS = 5_000
/** Attempts in a row before a lost seat is given up. */
const MAX_REJOINS = 3

export interface BotSquadOptions {
  /** Takes a seat of the room for a bot of this name: over any connection, as a player would. */
  readonly join: (name: string) => Promise<BotRoom>
  readonly clock: Clock
  readonly logger: Logger
  /** Bots, 1-16. */
  readonly count: number
  /** Any whole number: the bots' minds derive from it. */
  readonly seed: number
}

interface Bot {
  readonly name: string
  readonly seed: number
  readonly room: BotRoom
  readonly brain: BotBrain
  intent: Intent | null
  sequence: number
}

/**
 * The bots of one room. Each has a seat, a connection and a replica of its own and sends what a player's
 * browser sends; one timer drives them all.
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
    const { count, seed, clock } = this.#options
    for (let index = 0; index < count && !this.#isStopped; index++) {
      // Not the same names in every room, yet the same for the same seed.
      const name = BOT_NAMES[(index + Math.abs(seed)) % BOT_NAMES.length] ?? 'Bot'
      await this.#enter({ name, seed: seed * 1_000 + index }, 0)
    }
    this.#dueAt = clock.now()
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
    const rooms = [...this.#bots].map(({ room }) => room)
    this.#bots.clear()
    await Promise.all(rooms.map((room) => room.leave()))
  }

  async #enter(who: { name: string; seed: number }, rejoins: number): Promise<void> {
    const { join, logger } = this.#options
    let room: BotRoom
    try {
      room = await join(who.name)
    } catch (error) {
      logger.warn({ bot: who.name, error }, 'A bot got no seat')
      return
    }
    if (this.#isStopped) {
      await room.leave()
      return
    }
    const brain = new BotBrain(room.sessionId, who.seed)
    const bot: Bot = { ...who, room, brain, intent: null, sequence: 0 }
    this.#bots.add(bot)
    room.onStatus((status, { code }) => {
      if (status !== 'closed' || !this.#bots.delete(bot) || this.#isStopped) return
      logger.warn({ bot: bot.name, roomId: room.id, code }, 'A bot lost its seat')
      if (rejoins >= MAX_REJOINS) return
      this.#after(REJOIN_MS, () => void this.#enter(who, rejoins + 1))
    })
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
    let index = 0
    for (const bot of this.#bots) {
      // A third of the squad thinks in each step, so that no step is heavy.
      if (!bot.intent || (this.#steps + index) % INPUTS_PER_DECISION === 0)
        bot.intent = bot.brain.decide(bot.room.state, bot.room.at)
      index += 1
      if (!bot.intent || bot.room.status !== 'connected') continue
      bot.sequence += 1
      const { moveX, moveY, angle, buttons } = bot.intent
      bot.room.send('input', { sequence: bot.sequence, moveX, moveY, angle, buttons })
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

import { encodeFrame, encodeMessage } from '@ringside/protocol'
import type { Json, PageEvent } from '@ringside/protocol'
import { createServer, silentLogger } from '@ringside/server'
import type { Server } from '@ringside/server'
import { startTestServer } from '@ringside/server/testing'
import type { TestAnswer, TestServer, TestServerSettings } from '@ringside/server/testing'
import { arenaRoom } from '../src/server/arena-room.ts'
import type { BotSeat } from '../src/server/arena-room.ts'
import { BlindSeat } from '../src/server/blind-seat.ts'
import { Demo } from '../src/server/demo.ts'
import { game } from '../src/shared/game.ts'

export const API_KEY = 'test-key-test-key'

/** These are made with each process of the server. */
interface Process {
  readonly server: Server<typeof game>
  readonly demo: Demo
  readonly left: Map<string, readonly BotSeat[]>
}

function startProcess(settings: TestServerSettings): Process {
  const server = createServer(game, settings)
  const left = new Map<string, readonly BotSeat[]>()
  const onBotsLeft = (roomId: string, seats: readonly BotSeat[]): void => {
    left.set(roomId, seats)
  }
  server.room('arena', arenaRoom({ botKey: 'bots', onBotsLeft }))
  const { clock, seed } = settings
  const demo = new Demo({ server, clock, logger: silentLogger, botKey: 'bots', seed })
  demo.register()
  return { server, demo, left }
}

/** A whole arena in the test kit, with its bots. */
export class ArenaServer implements AsyncDisposable {
  readonly kit: TestServer<typeof game>
  readonly server: Server<typeof game>
  readonly demo: Demo
  /** Bots' seats of before a restart, by room. */
  readonly left: ReadonlyMap<string, readonly BotSeat[]>
  /** All processes of this log, the newest last. */
  readonly #processes: Process[]

  private constructor(kit: TestServer<typeof game>, processes: Process[]) {
    const process = processes.at(-1)
    if (!process) throw new Error('Expected a server that was made')
    this.kit = kit
    this.#processes = processes
    this.server = process.server
    this.demo = process.demo
    this.left = process.left
  }

  /** `before`: the server, closed by now, whose log this one goes on with. */
  static async open(seed = 1, before: ArenaServer | null = null): Promise<ArenaServer> {
    if (before) return new ArenaServer(await before.kit.restart({ seed }), before.#processes)
    const processes: Process[] = []
    const kit = await startTestServer<typeof game>(
      game,
      (settings) => {
        const process = startProcess(settings)
        processes.push(process)
        return process.server
      },
      { seed, apiKey: API_KEY },
    )
    return new ArenaServer(kit, processes)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.demo.halt()
    await this.kit.close()
  }

  /** Moves time on and lets everything that waits on promises run. */
  pass(ms: number): Promise<void> {
    return this.kit.advance(ms)
  }

  /** Waits for a promise that needs time to pass. */
  until<T>(promise: Promise<T>): Promise<T> {
    return this.kit.during(promise)
  }

  async join(roomId: string, name: string): Promise<BlindSeat> {
    const seat = await this.server.reserveSeat(roomId, { name })
    return this.until(BlindSeat.take(this.server.loopback(), seat))
  }

  request(method: string, path: string, text = '', key = ''): Promise<TestAnswer> {
    return this.kit.request(method, path, { headers: { 'x-api-key': key }, text })
  }

  /** All of a room's log as spectators may see it. */
  publicLog(roomId: string): Promise<PageEvent[]> {
    return this.kit.eventsOf(roomId)
  }
}

/** Sends a chat line over the connection of a seat, as a plain command. */
export function chatFrame(text: string): Uint8Array {
  const { id, payload } = game.commands.chat
  return encodeFrame(id, encodeMessage(payload, { text }))
}

export type JsonObject = { [key: string]: Json }

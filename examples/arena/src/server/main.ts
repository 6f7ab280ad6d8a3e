import { randomBytes, randomInt } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { addressOf, closeOnSignal, openProgram, runProgram } from '@ringside/example-support'
import type { Environment } from '@ringside/example-support'
import { createServer } from '@ringside/server'
import { game } from '../shared/game.ts'
import { arenaRoom } from './arena-room.ts'
import type { BotSeat } from './arena-room.ts'
import { Demo } from './demo.ts'
import { addPages } from './pages.ts'

/** Bots in the room that is there from the start. */
const FIRST_BOTS = 8

/** This file runs from dist/server; Vite builds the pages into dist/web. */
const WEB_FOLDER = fileURLToPath(new URL('../web', import.meta.url))

async function main(): Promise<void> {
  const { environment, clock, logger, options, dead, describeLog } = await openProgram(8080)
  const botKey = randomBytes(16).toString('base64url')
  const server = createServer(game, options)
  // Rooms that go on after a restart, and the bots' seats in them.
  const restored = new Map<string, readonly BotSeat[]>()
  server.room('arena', arenaRoom({ botKey, onBotsLeft: (...left) => void restored.set(...left) }))
  const demo = new Demo({ server, clock, logger, botKey, seed: randomInt(1_000_000) })
  demo.register()
  // The pages come last, for they answer whatever nothing before them did.
  addPages(server, WEB_FOLDER)
  closeOnSignal(
    () => {
      demo.halt()
      return server.close()
    },
    logger,
    dead,
  )

  const { host } = environment
  const port = await server.listen({ port: environment.port, host })
  const log = describeLog(server.rooms.length)
  for (const [roomId, seats] of restored) await demo.adopt(roomId, seats)
  const [roomId = ''] =
    restored.size > 0
      ? restored.keys()
      : await demo.start({ rooms: 1, bots: FIRST_BOTS, title: 'Main Ring' })
  process.stdout.write(banner(environment, { address: addressOf(host, port), roomId, log }))
}

function banner(
  { isKeyMade, options }: Environment,
  { address, roomId, log }: { address: string; roomId: string; log: string },
): string {
  const lines = [
    'The arena is open.',
    '',
    `  Arena            ${address}/`,
    `  Spectators wall  ${address}/watch`,
    `  Watch this room  ${address}/watch/${roomId}`,
    `  Follow its log   curl -N ${address}/rooms/${roomId}/feed`,
    `  Log              ${log}`,
  ]
  if (isKeyMade) lines.push(`  API key          ${options.apiKey}  (header X-API-Key)`)
  return `${lines.join('\n')}\n\n`
}

runProgram(main)

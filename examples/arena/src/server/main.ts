import { randomBytes, randomInt } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { RingsideError, SystemClock, createServer } from '@ringside/server'
import type { Clock, LogStore, Logger } from '@ringside/server'
import { game } from '../shared/game.ts'
import { arenaRoom } from './arena-room.ts'
import { Demo } from './demo.ts'
import { EnvironmentError, readEnvironment } from './environment.ts'
import type { Settings } from './environment.ts'
import { addPages } from './pages.ts'

/** Bots in the room that is there from the start. */
const FIRST_BOTS = 8
/** A drain that takes longer than this is given up, in ms. */
const MAX_CLOSE_MS = 15_000

/** This file runs from dist/server; Vite builds the pages into dist/web. */
const WEB_FOLDER = fileURLToPath(new URL('../web', import.meta.url))

async function main(): Promise<void> {
  const settings = readEnvironment(process.env)
  const logger = pino({ level: settings.logLevel })
  const clock = new SystemClock()
  const botKey = randomBytes(16).toString('base64url')
  const { apiKey, allowedOrigins, nodeName, isDevelopment, mongodbUri } = settings
  const store = mongodbUri ? await openStore(mongodbUri, { clock, logger }) : undefined
  const server = createServer(game, {
    logger,
    clock,
    apiKey,
    allowedOrigins,
    nodeName,
    isDevelopment,
    ...(store ? { store } : {}),
  })
  // Rooms that go on after a restart, and the bots that they had.
  const restored = new Map<string, number>()
  const onBotsGone = (roomId: string, bots: number): void => void restored.set(roomId, bots)
  server.room('arena', arenaRoom({ botKey, onBotsGone }))
  const demo = new Demo({ server, clock, logger, botKey, seed: randomInt(1_000_000) })
  demo.register()
  // Last: it answers whatever nothing before it did.
  addPages(server, WEB_FOLDER)

  let isClosing = false
  const close = (signal: string): void => {
    // npm and the terminal may both hand on the same Ctrl-C.
    if (isClosing) return
    isClosing = true
    logger.info({ signal }, 'Closing')
    setTimeout(() => process.exit(1), MAX_CLOSE_MS).unref()
    demo.halt()
    server.close().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    )
  }
  process.on('SIGTERM', close)
  process.on('SIGINT', close)

  const port = await server.listen({ port: settings.port, host: settings.host })
  for (const [roomId, bots] of restored) await demo.adopt(roomId, bots)
  const [roomId = ''] =
    restored.size > 0
      ? restored.keys()
      : await demo.start({ rooms: 1, bots: FIRST_BOTS, title: 'Main Ring' })
  process.stdout.write(banner(settings, port, roomId))
}

/** The driver is loaded only when it is used. */
async function openStore(uri: string, parts: { clock: Clock; logger: Logger }): Promise<LogStore> {
  const { MongoStore } = await import('@ringside/server/mongo')
  return new MongoStore({ uri, ...parts })
}

function banner(settings: Settings, port: number, roomId: string): string {
  const isAny = settings.host === '0.0.0.0' || settings.host === '::'
  const name = isAny
    ? 'localhost'
    : settings.host.includes(':')
      ? `[${settings.host}]`
      : settings.host
  const address = `http://${name}:${port}`
  const lines = [
    'The arena is open.',
    '',
    `  Arena            ${address}/`,
    `  Spectators wall  ${address}/watch`,
    `  Watch this room  ${address}/watch/${roomId}`,
    `  Follow its log   curl -N ${address}/rooms/${roomId}/feed`,
  ]
  if (settings.isKeyMade) lines.push(`  API key          ${settings.apiKey}  (header X-API-Key)`)
  return `${lines.join('\n')}\n\n`
}

/** Says in one line what is wrong where that is known; a bug shows its stack. */
function fail(error: unknown): never {
  process.stderr.write(`${explain(error)}\n`)
  process.exit(1)
}

function explain(error: unknown): string {
  if (error instanceof RingsideError && error.code === 'port_in_use')
    return `${error.message}: stop the other program, or choose another port with PORT`
  if (error instanceof EnvironmentError || error instanceof RingsideError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

main().catch(fail)

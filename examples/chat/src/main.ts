import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { defineGame } from '@ringside/protocol'
import { SystemClock, createServer, serveFolder } from '@ringside/server'
import { registerChat } from './chat.ts'
import { readEnvironment } from './environment.ts'

const PAGES = fileURLToPath(new URL('../public', import.meta.url))

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}

async function main(): Promise<void> {
  const { port, host, logLevel, mongodbUri, isKeyMade, options } = readEnvironment(process.env)
  const clock = new SystemClock()
  const logger = pino({ level: logLevel })
  const store = mongodbUri
    ? // The driver is loaded only when it is used.
      new (await import('@ringside/server/mongo')).MongoStore({ uri: mongodbUri, clock, logger })
    : undefined
  const server = createServer(defineGame({}), {
    ...options,
    clock,
    logger,
    ...(store ? { store } : {}),
  })
  registerChat(server, clock)
  server.route('GET', '/*', serveFolder({ folder: PAGES }))

  let isClosing = false
  const close = (): void => {
    if (isClosing) return
    isClosing = true
    server.close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'Close failed')
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', close)
  process.on('SIGINT', close)

  const bound = await server.listen({ port, host })
  process.stdout.write(`The chat is open: http://${host}:${bound}/\n`)
  if (isKeyMade) process.stdout.write(`API key: ${server.apiKey} (header X-API-Key)\n`)
}

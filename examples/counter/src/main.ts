import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import { createCounter } from './server.ts'

const { env } = process
const host = env['HOST'] || '127.0.0.1'
const logger = pino({ level: env['LOG_LEVEL'] || 'warn' })
const isDevelopment = env['NODE_ENV'] !== 'production'

try {
  const port = Number(env['PORT'] || 8082)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`Expected PORT from 0 to 65535, got '${env['PORT']}'`)
  if (!env['API_KEY'] && !isDevelopment) throw new Error('Expected API_KEY in production, got none')
  const uri = env['MONGODB_URI']
  // The driver is loaded only when it is used.
  const store = uri
    ? new (await import('@ringside/server/mongo')).MongoStore({ uri, logger })
    : undefined
  const server = createCounter({
    ...(store ? { store } : {}),
    logger,
    isDevelopment,
    apiKey: env['API_KEY'] || randomBytes(18).toString('base64url'),
    allowedOrigins: (env['ALLOWED_ORIGINS'] ?? '').split(',').filter(Boolean),
    nodeName: env['NODE_NAME'] || 'node-1',
  })
  const close = (): void => {
    server.close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'Close failed')
        process.exit(1)
      },
    )
  }
  process.once('SIGTERM', close)
  process.once('SIGINT', close)
  const bound = await server.listen({ port, host })
  const address = `http://${host}:${bound}`
  process.stdout.write(`The counter runs on ${address} (API key ${server.apiKey})\n`)
  process.stdout.write(`Play: node examples/counter/dist/play.js ${address}\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}

import { randomBytes } from 'node:crypto'
import type { ServerOptions } from '@ringside/server'

/** What the environment says. */
export interface Environment {
  readonly port: number
  readonly host: string
  readonly logLevel: string
  /** Where the log is kept; null = in memory. Holds a password: never print it. */
  readonly mongodbUri: string | null
  /** Made up at start, to be printed, because none was given. */
  readonly isKeyMade: boolean
  readonly options: Pick<ServerOptions, 'apiKey' | 'allowedOrigins' | 'nodeName' | 'isDevelopment'>
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/**
 * Reads PORT, HOST, MONGODB_URI, API_KEY, ALLOWED_ORIGINS, NODE_NAME, LOG_LEVEL and NODE_ENV.
 * @throws Error that names the variable and what it held.
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  const port = Number(env['PORT'] || 8081)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`Expected PORT from 0 to 65535, got '${env['PORT']}'`)
  const isDevelopment = env['NODE_ENV'] !== 'production'
  const given = env['API_KEY'] || null
  if (!given && !isDevelopment) throw new Error('Expected API_KEY in production, got none')
  const logLevel = env['LOG_LEVEL'] || 'warn'
  if (!LOG_LEVELS.includes(logLevel))
    throw new Error(`Expected LOG_LEVEL as one of ${LOG_LEVELS.join(', ')}, got '${logLevel}'`)
  const origins = (env['ALLOWED_ORIGINS'] ?? '').split(',').map((origin) => origin.trim())
  return {
    port,
    host: env['HOST'] || '127.0.0.1',
    logLevel,
    mongodbUri: env['MONGODB_URI'] || null,
    isKeyMade: given === null,
    options: {
      apiKey: given ?? randomBytes(18).toString('base64url'),
      allowedOrigins: origins.filter((origin) => origin !== ''),
      nodeName: env['NODE_NAME'] || 'node-1',
      isDevelopment,
    },
  }
}

import { pino } from 'pino'
import { RingsideError, SystemClock } from '@ringside/server'
import type { Clock, LogStore, Logger, ServerOptions } from '@ringside/server'
import { EnvironmentError, readEnvironment } from './environment.ts'
import type { Environment } from './environment.ts'

/** What each example's server is made of. */
export interface Program {
  readonly environment: Environment
  readonly clock: Clock
  readonly logger: Logger
  /** All of the above, for `createServer`. */
  readonly options: ServerOptions
}

/**
 * Reads the environment and opens what it names.
 * @throws EnvironmentError; what MongoStore throws at a connection string that is none.
 */
export async function openProgram(defaultPort: number): Promise<Program> {
  const environment = readEnvironment(process.env, defaultPort)
  const { logLevel, mongodbUri } = environment
  const clock = new SystemClock()
  const logger = pino({ level: logLevel })
  const store = mongodbUri ? await openStore(mongodbUri, { clock, logger }) : undefined
  const options = { ...environment.options, clock, logger, ...(store ? { store } : {}) }
  return { environment, clock, logger, options }
}

/** The driver is loaded only when it is used. */
async function openStore(uri: string, parts: { clock: Clock; logger: Logger }): Promise<LogStore> {
  const { MongoStore } = await import('@ringside/server/mongo')
  return new MongoStore({ uri, ...parts })
}

/** Where a browser on this machine finds the server. */
export function addressOf(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '::') return `http://localhost:${port}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Runs `main`. When it fails the program says why and ends with exit code 1. */
export function runProgram(main: () => Promise<void>): void {
  main().catch((error: unknown) => {
    process.stderr.write(`${explain(error)}\n`)
    process.exit(1)
  })
}

/** One line where the cause is known; a bug shows its stack. */
function explain(error: unknown): string {
  if (error instanceof RingsideError && error.code === 'port_in_use')
    return `${error.message}: stop the other program, or choose another port with PORT`
  if (error instanceof EnvironmentError || error instanceof RingsideError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

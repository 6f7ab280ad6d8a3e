import { pino } from 'pino'
import { RingsideError, SystemClock } from '@ringside/server'
import type { Clock, LogStore, Logger, ServerOptions } from '@ringside/server'
import { EnvironmentError, readEnvironment } from './environment.ts'
import type { Environment } from './environment.ts'

/** The parts of each example's server. */
export interface Program {
  readonly environment: Environment
  readonly clock: Clock
  readonly logger: Logger
  /** Options for `createServer` with all of the above. */
  readonly options: ServerOptions
  /** Resolves with the reason when the server can do its work no longer (`onDead`). */
  readonly dead: Promise<Error>
  /** Tells the log's place in one line without secrets; `goesOnCount`: rooms that were there at the start. */
  readonly describeLog: (goesOnCount: number) => string
}

/**
 * Reads the environment and opens what it names.
 * @throws EnvironmentError, or MongoStore's error for a connection string that is none.
 */
export async function openProgram(defaultPort: number): Promise<Program> {
  const environment = readEnvironment(process.env, defaultPort)
  const { logLevel, mongodbUri, collectionPrefix } = environment
  const clock = new SystemClock()
  const logger = pino({ level: logLevel })
  const place = collectionPrefix === null ? {} : { collectionPrefix }
  const log = mongodbUri ? await openStore(mongodbUri, { clock, logger, ...place }) : null
  let onDead = (_cause: Error): void => {}
  const dead = new Promise<Error>((resolve) => {
    onDead = resolve
  })
  const store = log ? { store: log.store } : {}
  const options = { ...environment.options, clock, logger, onDead, ...store }
  const describeLog = (goesOnCount: number): string => describe(log?.address ?? null, goesOnCount)
  return { environment, clock, logger, options, dead, describeLog }
}

/** The driver is loaded only when it is used. */
async function openStore(
  uri: string,
  parts: { clock: Clock; logger: Logger; collectionPrefix?: string },
): Promise<{ readonly store: LogStore; readonly address: string }> {
  const { MongoStore, maskAddress } = await import('@ringside/server/mongo')
  return { store: new MongoStore({ uri, ...parts }), address: maskAddress(uri) }
}

/** @param address - null: the log is in memory. */
function describe(address: string | null, goesOnCount: number): string {
  if (address === null) return 'in memory, ends with this process (set MONGODB_URI to keep it)'
  if (goesOnCount === 0) return `MongoDB at ${address}`
  return `MongoDB at ${address}, ${goesOnCount === 1 ? '1 room goes' : `${goesOnCount} rooms go`} on`
}

/** Gives the address at which a browser on this machine finds the server. */
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

/** Tells a known cause in one line; a bug shows its stack. */
function explain(error: unknown): string {
  if (error instanceof RingsideError && error.code === 'port_in_use')
    return `${error.message}: stop the other program, or choose another port with PORT`
  if (error instanceof EnvironmentError || error instanceof RingsideError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

import { once } from 'node:events'
import { createServer } from 'node:net'
import { RingsideError } from '../process/errors.ts'
import type { ServerErrorCode } from '../process/errors.ts'
import type { ListenAddress } from './contract.ts'

/** The system's names of failures (listen(2), getaddrinfo(3)) that are not a wrong host. */
const codes: Readonly<Record<string, ServerErrorCode>> = {
  EADDRINUSE: 'port_in_use',
  EACCES: 'port_forbidden',
  EPERM: 'port_forbidden',
}

/**
 * Finds out why nobody can listen at an address, for uWebSockets.js says only that it cannot: it is tried with a socket
 * of Node, which says why. An address that is free by now was in use a moment ago (HT21).
 */
export async function listenFailure({ host, port }: ListenAddress): Promise<RingsideError> {
  const cause = await tryListen({ host, port })
  const code = cause === null ? 'port_in_use' : (codes[cause] ?? 'host_unavailable')
  return new RingsideError(code, messages[code]?.(host, port, cause))
}

const messages: Readonly<
  Partial<Record<ServerErrorCode, (host: string, port: number, cause: string | null) => string>>
> = {
  port_in_use: (host, port) => `Expected a free address, got ${host}:${port} in use`,
  port_forbidden: (host, port) =>
    `Expected a port that this process may use, got ${host}:${port}: ports below 1024 need a privilege`,
  host_unavailable: (host, _, cause) =>
    `Expected a host of this machine, such as '127.0.0.1' or '0.0.0.0', got '${host}' (${cause})`,
}

/** The system's name of the failure; null when there is none. */
async function tryListen({ host, port }: ListenAddress): Promise<string | null> {
  const server = createServer()
  try {
    server.listen({ host, port, exclusive: true })
    await once(server, 'listening')
    return null
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code ?? 'unknown'
  } finally {
    server.close()
  }
}

import { RPC_ERROR_ID, RPC_ID, encodeFrame } from '@ringside/protocol'
import type { Server } from '../../src/index.ts'
import type { ArenaHandlers, testGame } from '../support/test-game.ts'
import { TestServer } from '../support/test-server.ts'
import type { TestClient, TestOptions } from '../support/test-server.ts'

export type GameOfTest = Server<typeof testGame>

/** An answer as it came: over the socket the id of its frame, over HTTP its status. */
export interface RpcTold {
  readonly via: number
  /** '' for none. */
  readonly text: string
}

/** Sends a text of JSON-RPC and waits for what comes back. */
export type Ask = (text: string | Uint8Array) => Promise<RpcTold>

export async function startServer(
  setUp: (server: GameOfTest) => void = () => {},
  options: TestOptions = {},
  handlers: Partial<ArenaHandlers> = {},
): Promise<TestServer> {
  return TestServer.start(options, handlers, setUp)
}

/** The frames of JSON-RPC that a client has got so far, taken out. */
export function taken({ frames }: TestClient): RpcTold[] {
  const isRpc = ({ id }: { readonly id: number }): boolean => id === RPC_ID || id === RPC_ERROR_ID
  const told = frames.filter(isRpc).map(({ id, payload }) => ({
    via: id,
    text: Buffer.from(payload).toString(),
  }))
  frames.splice(0, frames.length, ...frames.filter((entry) => !isRpc(entry)))
  return told
}

export function sendText(client: TestClient, text: string | Uint8Array): void {
  client.sendBytes(encodeFrame(RPC_ID, typeof text === 'string' ? Buffer.from(text) : text))
}

/** Over a socket without a seat. */
export async function overSocket(test: TestServer): Promise<Ask> {
  const client = await test.dial()
  return (text) => askClient(test, client, text)
}

/** Over this client's socket. */
export async function askClient(
  test: TestServer,
  client: TestClient,
  text: string | Uint8Array,
): Promise<RpcTold> {
  taken(client)
  sendText(client, text)
  await test.clock.advanceAsync(0)
  const [told, ...more] = taken(client)
  if (more.length > 0) throw new Error('Expected one answer')
  return told ?? { via: 0, text: '' }
}

export interface HttpInit {
  readonly headers?: Readonly<Record<string, string>>
  readonly remoteAddress?: string
}

export const JSON_TYPE = { 'content-type': 'application/json' } as const

/** Over `POST /rpc`. */
export function overHttp(test: TestServer, init: HttpInit = {}): Ask {
  return async (body) => {
    const exchange = post(test, body, init)
    await test.during(exchange.done)
    return { via: exchange.status, text: exchange.text() }
  }
}

/** A request of `POST /rpc` that is not waited for. */
export function post(test: TestServer, body: string | Uint8Array, init: HttpInit = {}) {
  const { headers = {}, remoteAddress = '127.0.0.1' } = init
  return test.transport.request({
    remoteAddress,
    method: 'POST',
    path: '/rpc',
    headers: { ...JSON_TYPE, ...headers },
    body,
  })
}

/** A request as text. */
export function call(id: number | string | null, method: string, params?: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params, id })
}

/** A notification as text. */
export function note(method: string, params?: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params })
}

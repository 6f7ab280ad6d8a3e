import { defineGame } from '@ringside/protocol'
import { SignJWT } from 'jose'
import type { JWTPayload } from 'jose'
import type { Principal } from '../../src/auth/principal.ts'
import { createServer } from '../../src/index.ts'
import type { Server } from '../../src/index.ts'
import { eventually, startTestServer } from '../../src/testing/index.ts'
import type { TestServer, TestServerOptions } from '../../src/testing/index.ts'

export const game = defineGame({ commands: {}, rooms: {} })
export type Game = typeof game

export const SECRET = 'a secret of tokens for tests, 32 characters or more'
export const OPERATOR = 'the key of a test'

export interface DoorOptions extends TestServerOptions {
  readonly setUp?: (server: Server<Game>) => void
}

export interface Asked {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly remoteAddress?: string
}

export interface Told {
  readonly status: number
  readonly json: unknown
  readonly headers: Readonly<Record<string, string>>
}

/** A server whose route `/who` tells who asks; `seen` has each principal that was. */
export async function startDoor({ setUp, ...options }: DoorOptions = {}) {
  const seen: Principal[] = []
  const test: TestServer<Game> = await startTestServer<Game>(
    game,
    (settings) => {
      const server = createServer(game, settings)
      for (const method of ['GET', 'POST'])
        server.route(method, '/who', async (_request, response, context) => {
          const principal = await context.authenticate()
          seen.push(principal)
          response.send(200, {}, JSON.stringify({ id: principal.id, kind: principal.kind }))
        })
      setUp?.(server)
      return server
    },
    options,
  )
  /** Asks, and waits for the answer in real time: the test's stands still, though signatures take several turns. */
  const ask = async ({
    path = '/who',
    headers = {},
    body,
    ...asked
  }: Asked = {}): Promise<Told> => {
    const exchange = test.transport.request({
      ...asked,
      path,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    await eventually(() => !exchange.isOpen)
    const text = exchange.text()
    return {
      status: exchange.status,
      json: text.startsWith('{') ? JSON.parse(text) : text || null,
      headers: exchange.headers,
    }
  }
  const bearer = (token: string): Promise<Told> =>
    ask({ headers: { authorization: `Bearer ${token}` } })
  const admin = (method: string, body?: unknown, path = '/admin/keys'): Promise<Told> =>
    ask({
      method,
      path,
      headers: { 'x-api-key': OPERATOR },
      ...(body === undefined ? {} : { body }),
    })
  const makeKey = async (fields: object): Promise<{ id: string; key: string }> => {
    const { status, json } = await admin('POST', fields)
    if (status !== 201) throw new Error(JSON.stringify(json))
    return json as { id: string; key: string }
  }
  return {
    test,
    seen,
    ask,
    bearer,
    admin,
    makeKey,
    /** The principal of a request that is let in. */
    async whoIs(headers: Readonly<Record<string, string>>): Promise<Principal> {
      const { status, json } = await ask({ headers })
      if (status !== 200) throw new Error(JSON.stringify(json))
      return seen.at(-1) as Principal
    },
    [Symbol.asyncDispose]: () => test[Symbol.asyncDispose](),
  }
}

export interface TokenOptions {
  readonly secret?: string
  readonly header?: Readonly<Record<string, unknown>>
  /** From now on, in ms; null: without an end. */
  readonly lifeMs?: number | null
}

/** A token signed with the secret; `now` is the test's time in ms. */
export function tokenOf(
  now: number,
  claims: JWTPayload = {},
  { secret = SECRET, header = {}, lifeMs = 60_000 }: TokenOptions = {},
): Promise<string> {
  const made = new SignJWT({ sub: 'ada', ...claims }).setProtectedHeader({
    alg: 'HS256',
    ...header,
  })
  if (lifeMs !== null) made.setExpirationTime(Math.floor((now + lifeMs) / 1000))
  return made.sign(Buffer.from(secret))
}

export function codeOf({ json }: Told): string | undefined {
  return (json as { error?: { code: string } } | null)?.error?.code
}

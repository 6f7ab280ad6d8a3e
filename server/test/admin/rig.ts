import { command, defineGame, map, schema, str } from '@ringside/protocol'
import { createServer } from '../../src/index.ts'
import type { AuditEntry, RoomHandlersOf, Server } from '../../src/index.ts'
import { startTestServer } from '../../src/testing/index.ts'
import type { TestAnswer, TestServer, TestServerOptions } from '../../src/testing/index.ts'

export const hall = defineGame({
  commands: {
    say: command(0x0100, { text: str(1) }, { chat: true, reply: { text: str(1) } }),
    step: command(0x0101, {}, { reply: { muted: str(1) } }),
    shout: command(0x0102, { text: str(1) }, { chat: true, reply: { text: str(1) } }),
  },
  rooms: { hall: { state: schema({ said: map(1, schema({ text: str(1) })) }) } },
})

export type Hall = typeof hall

/** Names of the header and value of the kit's key. */
export const KEY = { 'x-api-key': 'the key of a test' }

export interface HallOptions extends TestServerOptions {
  readonly handlers?: Partial<RoomHandlersOf<Hall, 'hall'>>
  readonly setUp?: (server: Server<Hall>) => void
}

/** A server with a hall in which players talk; `options.user` of a join is who they are. */
export function startHall({ handlers, setUp, ...options }: HallOptions = {}): Promise<
  TestServer<Hall>
> {
  return startTestServer<Hall>(
    hall,
    (settings) => {
      const server = createServer(hall, settings)
      server.room('hall', {
        maxClients: 8,
        onCreate: () => ({ said: {} }),
        onAuth: (_room, { options: wish }) => {
          const user = (wish as { user?: string } | null)?.user
          return user === undefined ? undefined : { userId: user }
        },
        commands: {
          say: (_room, _session, { text }) => ({ text }),
          step: (_room, session) => ({ muted: session.isMuted ? 'yes' : 'no' }),
        },
        ...handlers,
      })
      server.command(hall.commands.shout, (_session, { text }) => ({ text }))
      server.command(0x0001, (_session, bytes) => bytes, { chat: true })
      server.command(0x0002, (session) => Buffer.from(session.isMuted ? 'yes' : 'no'))
      setUp?.(server)
      return server
    },
    options,
  )
}

/** A request with the key. */
export function asOperator(
  test: TestServer<Hall>,
  [method, path]: readonly [string, string],
  body?: unknown,
): Promise<TestAnswer> {
  return test.request(method, path, { headers: KEY, ...(body === undefined ? {} : { body }) })
}

/** Collects what is audited. */
export function auditTrail(): { entries: AuditEntry[]; audit: (entry: AuditEntry) => void } {
  const entries: AuditEntry[] = []
  return { entries, audit: (entry) => void entries.push(entry) }
}

/** The code with which something is refused; 'ok' when it is not. */
export async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run()
    return 'ok'
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    return code ?? /"code":"(\w+)"/.exec(message)?.[1] ?? message
  }
}

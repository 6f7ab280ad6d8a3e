import { createServer } from '../../src/index.ts'
import { startTestServer } from '../../src/testing/index.ts'
import type { TestServer, TestServerOptions } from '../../src/testing/index.ts'
import { arenaHandlers, testGame } from '../support/test-game.ts'
import type { ArenaHandlers, HookLog } from '../support/test-game.ts'

export type TestGame = typeof testGame

/** A test server of the small game; `log` has its hooks in order. */
export function startArena(
  options: TestServerOptions = {},
  log: HookLog = [],
  changes: Partial<ArenaHandlers> = {},
): Promise<TestServer<TestGame>> {
  return startTestServer<TestGame>(
    testGame,
    (settings) => {
      const server = createServer(testGame, settings)
      server.room('arena', arenaHandlers(log, changes))
      server.command(0x0001, (session, bytes) => session.broadcast(0x0001, bytes))
      return server
    },
    options,
  )
}

import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { Router } from '../../src/http/router.ts'
import { MemoryTransport, createServer } from '../../src/index.ts'
import { testGame } from '../support/test-game.ts'

const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8')

/** A parameter's name is the reader's: `/rooms/:id` and `/rooms/:roomId` are one route. */
function routeOf(method: string, path: string): string {
  return `${method} ${path.replace(/\?.*$/, '').replace(/:\w+/g, ':')}`
}

/** The routes in the first column of the table under `## HTTP`; a path without a method has that of the one before. */
function documented(): string[] {
  const section = page.split(/^## /m).find((part) => part.startsWith('HTTP')) ?? ''
  const cells = section.split('\n').map((line) => /^\| (`[^|]*)\|/.exec(line)?.[1] ?? '')
  return cells.flatMap((cell) => {
    let method = ''
    return Array.from(cell.matchAll(/`(?:([A-Z]+) )?(\/[^`]*)`/g), ([, given, path = '']) => {
      method = given ?? method
      return routeOf(method, path)
    })
  })
}

test('docs/protocol.md has every route of a server, and no other', async () => {
  const add = vi.spyOn(Router.prototype, 'add')
  const transport = new MemoryTransport({
    maxMessageBytes: 1_024,
    maxBufferedBytes: 65_536,
    idleTimeoutMs: 60_000,
  })
  const server = createServer(testGame, { transport })
  await server.listen({ port: 0 })
  await server.close()
  const routes = add.mock.calls.map(([method, path]) => routeOf(method, path))
  add.mockRestore()
  expect(routes.length).toBeGreaterThan(10)
  // The sockets take the WebSocket themselves.
  expect(documented().sort()).toEqual([...routes].sort())
})

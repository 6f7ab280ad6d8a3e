import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { defineGame, encodeFrame } from '@ringside/protocol'
import { createServer } from '../../src/index.ts'
import type { Logger, ServerOptions } from '../../src/index.ts'
import { eventually } from '../../src/testing/index.ts'

interface Line {
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

const CLIENT = '203.0.113.9'

/** What makes a server of these options say that a limit was met. */
const limits: readonly {
  readonly line: string
  readonly options: ServerOptions
  readonly break: (socket: WebSocket) => void
}[] = [
  {
    line: 'Session closed: rate limit exceeded',
    options: { ratePerSecond: 1, rateBurst: 1, maxDrops: 2 },
    break: (socket) => {
      for (let count = 0; count < 10; count++) socket.send(encodeFrame(0x0001))
    },
  },
  {
    line: 'Session closed: too many invalid messages',
    options: { maxStrikes: 2 },
    break: (socket) => {
      for (let count = 0; count < 10; count++) socket.send(encodeFrame(0x0abc))
    },
  },
  {
    line: 'Session closed: too slow',
    options: { maxQueuedBytes: 4096 },
    break: (socket) => {
      socket.pause()
      for (let count = 0; count < 20; count++) socket.send(encodeFrame(0x0002))
    },
  },
  {
    line: 'Command handler did not settle in time',
    options: { handlerTimeoutMs: 100 },
    // REQUEST {correlation 1, command 3}
    break: (socket) => socket.send(encodeFrame(0xffff0003, Uint8Array.of(8, 1, 16, 3))),
  },
]

describe('RM65 the lines of limits', () => {
  it.each(limits)('RM65 "$line" says whose address it is, behind a proxy too', async (limit) => {
    const lines: Line[] = []
    const add = (fields: object, message: string): void =>
      void lines.push({ fields: fields as Line['fields'], message })
    const logger: Logger = { debug: add, info: add, warn: add, error: add }
    const server = createServer(defineGame({}), {
      logger,
      trustedProxies: ['127.0.0.1'],
      ...limit.options,
    })
    server.command(0x0001, () => undefined)
    server.command(0x0002, () => new Uint8Array(512 * 1024))
    server.command(0x0003, () => new Promise(() => {}))
    const port = await server.listen({ port: 0 })
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, 'ringside.1', {
      headers: { 'x-forwarded-for': `10.1.1.1, ${CLIENT}` },
    })
    socket.on('error', () => {})
    try {
      await once(socket, 'open')
      limit.break(socket)
      const line = await eventually(() => lines.find(({ message }) => message === limit.line))
      expect(line?.fields).toMatchObject({ remoteAddress: CLIENT })
    } finally {
      socket.terminate()
      await server.close()
    }
  })
})

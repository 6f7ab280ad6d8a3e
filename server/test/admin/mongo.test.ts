import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { createServer } from '../../src/index.ts'
import type { Server } from '../../src/index.ts'
import { MongoStore } from '../../src/mongo.ts'
import { eventually } from '../../src/testing/index.ts'
import { useMongo } from '../support/use-mongo.ts'
import { hall } from './rig.ts'
import type { Hall } from './rig.ts'

const mongo = useMongo()
const KEY = 'a key of sixteen characters'

function start(name: string): Server<Hall> {
  const server = createServer(hall, {
    store: new MongoStore({ uri: mongo.uri(), database: name }),
    apiKey: KEY,
    trustedProxies: ['127.0.0.1'],
  })
  server.room('hall', { onCreate: () => ({ said: {} }) })
  return server
}

/** What a handshake comes to: `open`, or the status and body of its refusal. */
function handshake(port: number, address: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, {
      headers: { 'x-forwarded-for': address },
    })
    socket.on('open', () => {
      resolve('open')
      socket.close()
    })
    socket.on('unexpected-response', (_request, response) => {
      let text = ''
      response.on('data', (bytes: Buffer) => (text += bytes.toString()))
      response.on('end', () => resolve(`${response.statusCode} ${text}`))
    })
    socket.on('error', () => {})
  })
}

describe('bans in MongoDB', () => {
  it('AD4 a ban over the real socket is there after a restart, another process sees it, and it ends in time', async () => {
    const { databaseName } = mongo.database('admin-bans')
    const first = start(databaseName)
    const port = await first.listen({ port: 0 })
    const answer = await fetch(`http://127.0.0.1:${port}/admin/ban`, {
      method: 'POST',
      headers: { 'x-api-key': KEY, 'content-type': 'application/json' },
      body: JSON.stringify({ address: '203.0.113.0/24', durationMs: 60_000, reason: 'raid' }),
    })
    expect(answer.status).toBe(200)
    await first.ban({ userId: 'ada' })
    await first.ban({ userId: 'soon over', durationMs: 1_000 })
    await first.close()
    const second = start(databaseName)
    const third = start(databaseName)
    try {
      const ports = [await second.listen({ port: 0 }), await third.listen({ port: 0 })]
      const refused = /^403 .*"code":"banned"/
      for (const at of ports) {
        expect(await handshake(at, '203.0.113.9')).toMatch(refused)
        expect(await handshake(at, '203.0.114.9')).toBe('open')
      }
      await third.unban({ address: '203.0.113.0/24' })
      await eventually(() => second.bans().length === 1, { deadlineMs: 10_000 })
      expect(second.bans()).toMatchObject([{ target: { userId: 'ada' }, until: null }])
      expect(await handshake(ports[0] ?? 0, '203.0.113.9')).toBe('open')
    } finally {
      await second.close()
      await third.close()
    }
  }, 60_000)
})

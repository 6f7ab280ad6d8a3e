import { setTimeout as wait } from 'node:timers/promises'
import { defineGame, schema, str } from '@ringside/protocol'
import { expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { createServer } from '../../src/index.ts'
import { MongoStore } from '../../src/mongo.ts'
import { useMongo } from '../support/use-mongo.ts'

const mongo = useMongo()
const KEY = 'a key of sixteen characters'
const LIMIT = 4
const game = defineGame({ rooms: { hall: { state: schema({ name: str(1) }) } } })

/** Two processes on one log, each of which would let LIMIT in by itself. */
async function startTwo(name: string) {
  const { databaseName } = mongo.database(name)
  const servers = [1, 2].map(() => {
    const server = createServer(game, {
      store: new MongoStore({ uri: mongo.uri(), database: databaseName }),
      apiKey: KEY,
      trustedProxies: ['127.0.0.1'],
      publishPerSecond: LIMIT,
      joinsPerSecondPerIp: LIMIT,
      connectionsPerSecondPerIp: LIMIT,
    })
    server.room('hall', { onCreate: () => ({ name: '' }) })
    return server
  })
  const ports: number[] = []
  for (const server of servers) ports.push(await server.listen({ port: 0 }))
  return {
    ports,
    async [Symbol.asyncDispose]() {
      for (const server of servers) await server.close()
    },
  }
}

const post = (port: number, path: string, headers: Record<string, string>, body: unknown) =>
  fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

/** Runs it until it was done within a window of a second, and no other began before. */
async function withinWindow<T>(run: () => Promise<T>): Promise<T> {
  for (;;) {
    await wait(1_100)
    const beganAt = performance.now()
    const result = await run()
    if (performance.now() - beganAt < 900) return result
  }
}

it('LI12 two servers on one log count publishers together, and each publisher for itself', async () => {
  await using two = await startTwo('limits-publish')
  const made = await post(
    two.ports[0] ?? 0,
    '/admin/keys',
    { 'x-api-key': KEY },
    {
      scopes: ['publish:topic:*'],
    },
  )
  const { key } = (await made.json()) as { key: string }
  const publish = (port: number, by: string) =>
    post(port, '/feed/broadcast', { 'x-api-key': by }, { type: 'news', data: 1 })
  // The key is known to the other server within a second.
  const answers = await withinWindow(() =>
    Promise.all([0, 1, 0, 1, 0, 1, 0, 1].map((index) => publish(two.ports[index] ?? 0, key))),
  )
  const statuses = answers.map(({ status }) => status)
  expect(statuses.filter((status) => status === 202)).toHaveLength(LIMIT)
  expect(statuses.filter((status) => status === 429)).toHaveLength(LIMIT)
  const refused = answers.find(({ status }) => status === 429)
  expect(refused?.headers.get('retry-after')).toBe('1')
  expect((await publish(two.ports[0] ?? 0, KEY)).status).toBe(202)
}, 60_000)

it('LI12 two servers on one log count joins of an address together', async () => {
  await using two = await startTwo('limits-joins')
  const join = (port: number, address: string) =>
    post(port, '/matchmake/create/hall', { 'x-forwarded-for': address }, {})
  const answers = await withinWindow(() =>
    Promise.all([0, 1, 0, 1, 0, 1].map((index) => join(two.ports[index] ?? 0, '203.0.113.1'))),
  )
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(LIMIT)
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(2)
  expect((await join(two.ports[1] ?? 0, '203.0.113.2')).status).toBe(200)
}, 60_000)

it('LI12 two servers on one log count handshakes of an address together, once they have heard', async () => {
  await using two = await startTwo('limits-handshakes')
  const dial = (port: number): Promise<string> =>
    new Promise((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, {
        headers: { 'x-forwarded-for': '203.0.113.1' },
      })
      socket.on('open', () => {
        socket.close()
        resolve('open')
      })
      socket.on('unexpected-response', (_request, response) => {
        response.resume()
        resolve(String(response.statusCode))
      })
      socket.on('error', () => {})
    })
  const told = await withinWindow(async () => {
    const results: string[] = []
    for (let count = 0; count < LIMIT + 2; count++) {
      results.push(await dial(two.ports[count % 2] ?? 0))
      await wait(60)
    }
    return results
  })
  // Of what this process has not been told yet one more may come in.
  expect(told.slice(0, LIMIT)).toEqual(Array.from({ length: LIMIT }, () => 'open'))
  expect(told.at(-1)).toBe('429')
}, 60_000)

import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { decodeSystem, defineGame, encodeFrame, readCommandId, system } from '@ringside/protocol'
import { SystemClock, createServer } from '@ringside/server'
import type { Server } from '@ringside/server'
import { registerChat } from '../src/chat.ts'

let server: Server | null = null
const sockets: WebSocket[] = []

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate()
  await server?.close()
})

async function start(): Promise<number> {
  server = createServer(defineGame({}), { connectionsPerSecondPerIp: 1000 })
  registerChat(server, new SystemClock())
  return server.listen({ port: 0 })
}

/** A plain 4-byte client: no SDK, no subprotocol. */
class PlainClient {
  readonly frames: Buffer[] = []
  readonly socket: WebSocket
  constructor(port: number) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/ws`)
    sockets.push(this.socket)
    this.socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) throw new Error('Expected binary messages only')
      this.frames.push(data)
    })
  }
  json(id: number, value: unknown): void {
    this.socket.send(encodeFrame(id, Buffer.from(JSON.stringify(value))))
  }
  /** Waits for the next frame with this id and takes it out, with all before it. */
  async next(id: number): Promise<Buffer> {
    const end = Date.now() + 3_000
    for (;;) {
      const index = this.frames.findIndex((frame) => readCommandId(frame) === id)
      const frame = this.frames[index]
      if (frame) {
        this.frames.splice(0, index + 1)
        return frame
      }
      if (Date.now() > end) throw new Error(`Timed out waiting for ${id}`)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
  async nextJson(id: number): Promise<Record<string, unknown>> {
    const frame = await this.next(id)
    return JSON.parse(frame.subarray(4).toString())
  }
  async nextError(): Promise<{ code: string; command: number }> {
    return decodeSystem('error', await this.next(system.error.id))
  }
}

async function connect(port: number): Promise<PlainClient> {
  const client = new PlainClient(port)
  await once(client.socket, 'open')
  await client.next(0x0003)
  return client
}

test('CH1 a message reaches all, the sender included, with the time added; golden bytes', async () => {
  const port = await start()
  const [ada, bob] = [await connect(port), await connect(port)]
  const sent = Buffer.from(
    '00000001' + Buffer.from('{"username":"Ada","message":"hé"}').toString('hex'),
    'hex',
  )
  ada.socket.send(sent)
  for (const client of [ada, bob]) {
    const frame = await client.next(0x0001)
    expect(frame.subarray(0, 4).toString('hex')).toBe('00000001')
    const text = frame.subarray(4).toString()
    const { timestamp } = JSON.parse(text) as { timestamp: string }
    expect(text).toBe(`{"username":"Ada","message":"hé","timestamp":"${timestamp}"}`)
    expect(new Date(timestamp).toISOString()).toBe(timestamp)
    expect(Math.abs(Date.now() - Date.parse(timestamp))).toBeLessThan(5_000)
  }
})

test('CH2 coming, naming and going are broadcast; the list goes to the asker only', async () => {
  const port = await start()
  const ada = await connect(port)
  const bob = await connect(port)
  const arrival = await ada.nextJson(0x0003)
  expect(arrival['username']).toMatch(/^Guest-/)
  bob.json(0x0008, { username: '  Bob ' })
  const renamed = await ada.nextJson(0x0003)
  expect(renamed).toEqual({ ...arrival, username: 'Bob' })
  expect(await bob.nextJson(0x0003)).toEqual(renamed)
  ada.socket.send(encodeFrame(0x0005))
  const list = (await ada.nextJson(0x0006)) as unknown as { id: string; username: string }[]
  expect(list).toHaveLength(2)
  expect(list[1]).toEqual(renamed)
  bob.json(0x0001, { message: 'fence' })
  await bob.next(0x0001)
  expect(bob.frames.map((frame) => readCommandId(frame))).not.toContain(0x0006)
  bob.socket.close(1000)
  expect(await ada.nextJson(0x0004)).toEqual({ id: arrival['id'], username: 'Bob' })
})

test("CH3 the session's name overrides the payload's", async () => {
  const port = await start()
  const ada = await connect(port)
  ada.json(0x0008, { username: 'Ada' })
  ada.json(0x0001, { username: 'Admin', message: 'x' })
  expect((await ada.nextJson(0x0001))['username']).toBe('Ada')
})

test('CH4 what is no message is ERROR invalid_payload and reaches nobody', async () => {
  const port = await start()
  const [ada, bob] = [await connect(port), await connect(port)]
  const bad: (string | Buffer)[] = [
    '{bad',
    '',
    'null',
    '[]',
    '{"message":5}',
    '{"message":""}',
    '{"message":"   "}',
    JSON.stringify({ message: 'x'.repeat(501) }),
    '{"message":"a\\u0007b"}',
    '{"message":"a\\u202eb"}',
    '{"message":"hi","username":"a\\u202eb"}',
    '{"message":"hi","username":"\\u200b"}',
    '{"message":"a\\nb"}',
    '{"message":"\\ud800"}',
    Buffer.from([0x7b, 0xff, 0x7d]),
    JSON.stringify({ username: 'x'.repeat(25), message: 'ok' }),
    JSON.stringify({ username: { a: 1 }, message: 'ok' }),
  ]
  for (const payload of bad) {
    ada.socket.send(encodeFrame(0x0001, Buffer.from(payload)))
    expect(await ada.nextError()).toMatchObject({ code: 'invalid_payload', command: 1 })
  }
  ada.json(0x0008, { username: 'a\u0000b' })
  expect(await ada.nextError()).toMatchObject({ code: 'invalid_payload', command: 8 })
  ada.json(0x0001, { message: '😀'.repeat(500) })
  expect((await bob.nextJson(0x0001))['message']).toBe('😀'.repeat(500))
})

test('CH5 an unknown command is answered, a text message and a short one close', async () => {
  const port = await start()
  const ada = await connect(port)
  ada.socket.send(encodeFrame(0x0777))
  expect(await ada.nextError()).toMatchObject({ code: 'unknown_command', command: 0x0777 })
  ada.socket.send('{"message":"text"}')
  const [code, reason] = (await once(ada.socket, 'close')) as [number, Buffer]
  expect([code, reason.toString()]).toEqual([1002, 'Invalid message format'])
  const bob = await connect(port)
  bob.socket.send(Buffer.from([0, 0, 0]))
  expect((await once(bob.socket, 'close'))[0]).toBe(1002)
})

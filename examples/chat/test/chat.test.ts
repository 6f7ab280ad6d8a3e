import { expect, test } from 'vitest'
import { decodeSystem, defineGame } from '@ringside/protocol'
import { createServer } from '@ringside/server'
import { startTestServer } from '@ringside/server/testing'
import type { RawClient, TestServer } from '@ringside/server/testing'
import { registerChat } from '../src/chat.ts'

const game = defineGame({})

function start(): Promise<TestServer> {
  return startTestServer(game, (settings) => {
    const server = createServer(game, settings)
    registerChat(server, settings.clock)
    return server
  })
}

/** A plain 4-byte client, without SDK and subprotocol. */
async function connect(kit: TestServer): Promise<RawClient> {
  const client = await kit.dial({ protocols: [] })
  await client.next(0x0003)
  return client
}

function say(client: RawClient, id: number, value: unknown): void {
  client.send(id, Buffer.from(JSON.stringify(value)))
}

async function nextJson(client: RawClient, id: number): Promise<Record<string, unknown>> {
  return JSON.parse(Buffer.from((await client.next(id)).payload).toString())
}

async function nextError(client: RawClient): Promise<{ code: string; command: number }> {
  return decodeSystem('error', (await client.next('error')).bytes)
}

test('CH1 a message reaches all, the sender included, with the time added; golden bytes', async () => {
  await using kit = await start()
  const [ada, bob] = [await connect(kit), await connect(kit)]
  const sent = Buffer.from(
    '00000001' + Buffer.from('{"username":"Ada","message":"hé"}').toString('hex'),
    'hex',
  )
  ada.sendBytes(sent)
  const timestamp = new Date(kit.clock.now()).toISOString()
  for (const client of [ada, bob]) {
    const frame = Buffer.from((await client.next(0x0001)).bytes)
    expect(frame.subarray(0, 4).toString('hex')).toBe('00000001')
    const text = frame.subarray(4).toString()
    expect(text).toBe(`{"username":"Ada","message":"hé","timestamp":"${timestamp}"}`)
  }
})

test('CH2 coming, naming and going are broadcast; the list goes to the asker only', async () => {
  await using kit = await start()
  const ada = await connect(kit)
  const bob = await connect(kit)
  const arrival = await nextJson(ada, 0x0003)
  expect(arrival['username']).toMatch(/^Guest-/)
  say(bob, 0x0008, { username: '  Bob ' })
  const renamed = await nextJson(ada, 0x0003)
  expect(renamed).toEqual({ ...arrival, username: 'Bob' })
  expect(await nextJson(bob, 0x0003)).toEqual(renamed)
  ada.send(0x0005)
  const list = (await nextJson(ada, 0x0006)) as unknown as { id: string; username: string }[]
  expect(list).toHaveLength(2)
  expect(list[1]).toEqual(renamed)
  say(bob, 0x0001, { message: 'fence' })
  await bob.next(0x0001)
  expect(bob.frames.map(({ id }) => id)).not.toContain(0x0006)
  bob.close(1000)
  expect(await nextJson(ada, 0x0004)).toEqual({ id: arrival['id'], username: 'Bob' })
})

test("CH3 the session's name overrides the payload's", async () => {
  await using kit = await start()
  const ada = await connect(kit)
  say(ada, 0x0008, { username: 'Ada' })
  say(ada, 0x0001, { username: 'Admin', message: 'x' })
  expect((await nextJson(ada, 0x0001))['username']).toBe('Ada')
})

test('CH4 what is no message is ERROR invalid_payload and reaches nobody', async () => {
  await using kit = await start()
  const [ada, bob] = [await connect(kit), await connect(kit)]
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
    ada.send(0x0001, Buffer.from(payload))
    expect(await nextError(ada)).toMatchObject({ code: 'invalid_payload', command: 1 })
  }
  say(ada, 0x0008, { username: 'a\u0000b' })
  expect(await nextError(ada)).toMatchObject({ code: 'invalid_payload', command: 8 })
  say(ada, 0x0001, { message: '😀'.repeat(500) })
  expect((await nextJson(bob, 0x0001))['message']).toBe('😀'.repeat(500))
})

test('CH5 an unknown command is answered, a text message and a short one close', async () => {
  await using kit = await start()
  const ada = await connect(kit)
  ada.send(0x0777)
  expect(await nextError(ada)).toMatchObject({ code: 'unknown_command', command: 0x0777 })
  ada.socket.sendText('{"message":"text"}')
  await kit.until(() => ada.closed)
  expect(ada.closed).toEqual({ code: 1002, reason: 'Invalid message format' })
  const bob = await connect(kit)
  bob.sendBytes(new Uint8Array([0, 0, 0]))
  await kit.until(() => bob.closed)
  expect(bob.closed?.code).toBe(1002)
})

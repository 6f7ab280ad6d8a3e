import { expect, test } from 'vitest'
import { startArena } from './kit.ts'
import type { Link, RawClient, TestServer } from '../../src/testing/index.ts'
import type { TestGame } from './kit.ts'

const ECHO = 0x0001

/** A client over a link that gets back what it sends, with the test's time of each answer. */
async function echoing(
  kit: TestServer<TestGame>,
  link: Link,
): Promise<{ client: RawClient<TestGame>; arrivals: () => [text: string, afterMs: number][] }> {
  const client = await kit.dial({ link })
  const start = kit.clock.now()
  const times: number[] = []
  const { onmessage } = client.socket
  client.socket.onmessage = (event) => {
    times.push(kit.clock.now() - start)
    onmessage?.(event)
  }
  const texts = () => client.payloads(ECHO).map((payload) => Buffer.from(payload).toString())
  return { client, arrivals: () => texts().map((text, index) => [text, times[index] ?? -1]) }
}

function say(client: RawClient<TestGame>, ...texts: string[]): void {
  for (const text of texts) client.send(ECHO, Buffer.from(text))
}

test('TK8 latency delays each way, and may change while it runs without overtaking', async () => {
  await using kit = await startArena()
  const link = kit.link({ latencyMs: 40 })
  const start = kit.clock.now()
  const { client, arrivals } = await echoing(kit, link)
  expect(kit.clock.now() - start).toBe(80)
  say(client, 'a')
  link.set({ latencyMs: 5 })
  say(client, 'b')
  await kit.advance(44)
  expect(arrivals()).toEqual([])
  await kit.advance(1)
  expect(arrivals()).toEqual([
    ['a', 45],
    ['b', 45],
  ])
  say(client, 'c')
  await kit.advance(10)
  expect(arrivals().at(-1)).toEqual(['c', 55])
})

test('TK8 jitter adds at most so much, drawn anew, and nothing overtakes', async () => {
  await using kit = await startArena()
  const { client, arrivals } = await echoing(kit, kit.link({ latencyMs: 10, jitterMs: 30 }))
  const delays = new Set<number>()
  for (let index = 0; index < 40; index++) {
    const sentAt = kit.clock.now()
    say(client, `${index}`)
    await kit.until(() => arrivals().length === index + 1)
    delays.add(kit.clock.now() - sentAt)
  }
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(20)
  expect(Math.max(...delays)).toBeLessThanOrEqual(80)
  expect(delays.size).toBeGreaterThan(10)
  say(client, ...Array.from('abcdefghij'))
  await kit.advance(200)
  expect(
    arrivals()
      .slice(40)
      .map(([text]) => text)
      .join(''),
  ).toBe('abcdefghij')
})

test('TK8 bursts gather deliveries', async () => {
  await using kit = await startArena()
  const { client, arrivals } = await echoing(kit, kit.link())
  client.link.set({ burstMs: 100 })
  await kit.advance(10)
  for (const text of 'abcdef') {
    say(client, text)
    await kit.advance(30)
  }
  await kit.advance(300)
  const times = arrivals().map(([, at]) => at)
  expect(
    arrivals()
      .map(([text]) => text)
      .join(''),
  ).toBe('abcdef')
  expect(new Set(times).size).toBe(2)
  for (const at of times) expect(at % 100).toBe(0)
})

test('TK9 a cut loses what is on its way and nothing in the middle; both ends hear 1006', async () => {
  await using kit = await startArena()
  const link = kit.link({ latencyMs: 50 })
  const { client, arrivals } = await echoing(kit, link)
  say(client, 'a', 'b')
  await kit.advance(100)
  say(client, 'c')
  await kit.advance(50)
  say(client, 'd')
  expect(kit.server.sessionCount).toBe(1)
  link.cut()
  expect(client.closed).toEqual({ code: 1006, reason: '' })
  await kit.advance(1_000)
  expect(arrivals().map(([text]) => text)).toEqual(['a', 'b'])
  expect([kit.server.sessionCount, link.connectionCount]).toEqual([0, 0])
  const again = await echoing(kit, link)
  say(again.client, 'e')
  await kit.advance(100)
  expect(again.arrivals()).toHaveLength(1)
})

test('TK9 cuts come at random times, about as often as they are asked for', async () => {
  await using kit = await startArena()
  const link = kit.link({ cutsPerMinute: 30 })
  const cuts: number[] = []
  for (let count = 0; count < 60; count++) {
    const start = kit.clock.now()
    const client = await kit.dial({ link })
    await kit.until(() => client.closed)
    cuts.push(kit.clock.now() - start)
  }
  const mean = cuts.reduce((sum, ms) => sum + ms, 0) / cuts.length
  expect(mean).toBeGreaterThan(1_200)
  expect(mean).toBeLessThan(3_200)
  expect(new Set(cuts).size).toBeGreaterThan(50)
  link.set({ cutsPerMinute: 0 })
  const client = await kit.dial({ link })
  say(client, 'a word, for the silent are closed')
  await kit.advance(30_000)
  expect(client.closed).toBeNull()
})

test("TK10 a stalled client takes nothing: the server's buffer grows, and empties in order", async () => {
  await using kit = await startArena()
  const { client, arrivals } = await echoing(kit, kit.link())
  client.link.stall()
  say(client, 'a', 'b', 'c')
  await kit.settle()
  expect(arrivals()).toEqual([])
  expect(client.socket.heldBytes).toBe(3 * 5)
  client.link.resume()
  await kit.settle()
  expect(arrivals().map(([text]) => text)).toEqual(['a', 'b', 'c'])
  expect(client.socket.heldBytes).toBe(0)
})

test('TK10 one that stays stalled is closed as slow; it hears of it once it takes again', async () => {
  await using kit = await startArena({ maxBehindMs: 1_000 })
  const ada = await kit.join('arena')
  ada.link.stall()
  await kit.advance(10_000)
  expect(kit.server.sessionCount).toBe(0)
  expect(ada.closed).toBeNull()
  ada.link.resume()
  await kit.settle()
  expect(ada.closed?.code).toBe(4002)
})

test('TK10 a client that connects over a stalled link holds its server up as well', async () => {
  await using kit = await startArena()
  const link = kit.link()
  link.stall()
  const socket = link.dial(`${kit.address.replace('http', 'ws')}/ws`)
  await kit.settle()
  kit.server.broadcast(ECHO, new Uint8Array(10))
  expect([socket.readyState, socket.heldBytes]).toEqual([0, 14])
  link.resume()
  await kit.settle()
  expect([socket.readyState, socket.heldBytes]).toEqual([1, 0])
})

test('TK10 a stalled spectator is slow as well, and other links go on', async () => {
  await using kit = await startArena()
  const ada = await kit.join('arena')
  const link = kit.link()
  const path = `/rooms/${ada.seat.roomId}/feed`
  const [stalled, other] = [await kit.follow(path, { link }), await kit.follow(path)]
  await kit.advance(500)
  link.stall()
  const count = stalled.events.length
  await kit.advance(1_000)
  expect(stalled.events.length).toBe(count)
  expect(other.events.length).toBeGreaterThan(count + 5)
  link.resume()
  await kit.advance(200)
  expect(stalled.all('patch')).toEqual(other.all('patch'))
})

test('TK11 on a silent link nobody is told anything until the server gives up', async () => {
  await using kit = await startArena({ idleTimeoutMs: 20_000 })
  const { client, arrivals } = await echoing(kit, kit.link())
  say(client, '')
  await kit.advance(1)
  client.link.goSilent()
  say(client, 'abc')
  await kit.advance(19_000)
  expect([client.closed, arrivals(), kit.server.sessionCount]).toEqual([null, [['', 0]], 1])
  expect(client.socket.bufferedAmount).toBe(7)
  await kit.advance(1_000)
  expect([client.closed, kit.server.sessionCount]).toEqual([null, 0])
  client.link.resume()
  await kit.settle()
  expect(client.closed?.code).toBe(1006)
})

test('TK11 a silent link that comes back in time has lost nothing', async () => {
  await using kit = await startArena()
  const { client, arrivals } = await echoing(kit, kit.link({ latencyMs: 10 }))
  say(client, 'a')
  client.link.goSilent()
  say(client, 'b')
  const late = kit.link()
  late.goSilent()
  const answer = late.options.fetch(`${kit.address}/rooms`)
  await kit.advance(5_000)
  expect(arrivals()).toEqual([])
  client.link.resume()
  late.resume()
  await kit.advance(20)
  expect(arrivals().map(([text]) => text)).toEqual(['a', 'b'])
  expect((await kit.during(answer)).status).toBe(200)
})

test('TK12 requests and streams pass through a link: delay, cut, abort, nothing there', async () => {
  await using kit = await startArena()
  const link = kit.link({ latencyMs: 100 })
  const { fetch } = link.options
  const start = kit.clock.now()
  expect((await kit.get('/rooms', { link })).json).toEqual({ rooms: [] })
  expect(kit.clock.now() - start).toBe(200)
  const unanswered = fetch(`${kit.address}/rooms`)
  await kit.advance(10)
  link.cut()
  await expect(unanswered).rejects.toThrow('fetch failed')
  const abort = new AbortController()
  const given = fetch(`${kit.address}/rooms`, { signal: abort.signal })
  abort.abort()
  await expect(given).rejects.toMatchObject({ name: 'AbortError' })
  await kit.advance(100)
  expect(link.connectionCount).toBe(0)
  await expect(kit.during(fetch('http://nobody.test/'))).rejects.toThrow('fetch failed')
  const response = await kit.during(fetch(`${kit.address}/rooms/stream`))
  const body = response.text()
  link.cut()
  await expect(body).rejects.toThrow('terminated')
  await kit.advance(1_000)
  expect(link.connectionCount).toBe(0)
})

test('TK12 a spectator that goes away is gone for the server, after the delay', async () => {
  await using kit = await startArena()
  const { roomId } = (await kit.join('arena')).seat
  const link = kit.link({ latencyMs: 50 })
  const stream = await kit.follow(`/rooms/${roomId}/feed`, { link })
  const spectators = async () =>
    ((await kit.get('/rooms')).json as { rooms: { spectators: number }[] }).rooms[0]?.spectators
  expect(await spectators()).toBe(1)
  stream.close()
  expect([await spectators(), link.connectionCount]).toEqual([1, 1])
  await kit.advance(50)
  expect([await spectators(), link.connectionCount]).toEqual([0, 0])
})

test('TK12 the server sees the address and the headers of a link', async () => {
  await using kit = await startArena({ connectionsPerSecondPerIp: 1, allowedOrigins: [] })
  await using other = await kit.another({ allowedOrigins: ['https://a.test'] })
  const link = kit.link({ address: '203.0.113.7' })
  await kit.dial({ link })
  await expect(kit.dial({ link })).rejects.toThrow('1006')
  await kit.dial()
  const foreign = kit.link({ headers: { origin: 'https://b.test' } })
  await expect(other.dial({ link: foreign })).rejects.toThrow('1006')
  await other.dial({ link: kit.link({ headers: { origin: 'https://a.test' } }) })
})

test.each([{ latencyMs: -1 }, { jitterMs: Number.NaN }, { cutsPerMinute: Infinity }])(
  'TK8 a shape out of range is refused: %j',
  async (shape) => {
    await using kit = await startArena()
    const refusal = expect.objectContaining({ code: 'option_invalid' })
    expect(() => kit.link(shape)).toThrow(refusal)
    const link = kit.link()
    expect(() => link.set(shape)).toThrow(Object.keys(shape)[0])
    expect(link.shape.latencyMs).toBe(0)
  },
)

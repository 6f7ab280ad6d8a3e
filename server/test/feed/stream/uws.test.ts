import net from 'node:net'
import { createParser } from 'eventsource-parser'
import { afterEach, describe, expect, it } from 'vitest'
import { SystemClock } from '../../../src/process/clock.ts'
import { createFeed } from '../../../src/feed/create-feed.ts'
import { feedRoutes } from '../../../src/feed/routes.ts'
import { authenticatorOf } from '../../support/authenticator.ts'
import { Router } from '../../../src/http/router.ts'
import { silentLogger as logger } from '../../../src/process/logger.ts'
import { createMetrics } from '../../../src/process/metrics.ts'
import { checkLimits } from '../../../src/process/limits.ts'
import { createOutbox } from '../../../src/outbox/create-outbox.ts'
import { MemoryStore } from '../../../src/outbox/stores/memory/store.ts'
import { UwsTransport } from '../../../src/transport/uws/transport.ts'
import { eventually } from '../../../src/testing/index.ts'
import { testKeyFor, FakeDirectory, ScriptedRoom } from '../rig.ts'
import { BodyGate } from '../../../src/limit/body-gate.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

async function serve() {
  const clock = new SystemClock()
  const limits = checkLimits({ feedRingBytes: 1 << 20 })
  const store = new MemoryStore({ clock })
  const outbox = createOutbox(store, limits, {
    clock,
    logger,
    randomId: () => `own-${Math.random().toString(36).slice(2).padEnd(12, '0')}`,
  })
  await outbox.start()
  const directory = new FakeDirectory()
  const parts = createFeed({
    outbox,
    directory,
    clock,
    limits,
    logger,
    keyFor: testKeyFor,
    records: store.records,
  })
  const { feed, lobby } = parts
  const metrics = createMetrics()
  const router = new Router({
    bodies: new BodyGate(checkLimits()),
    logger,
    metrics,
    isOriginAllowed: () => true,
    isTrusted: () => false,
    authenticator: authenticatorOf(null),
  })
  router.addAll(feedRoutes(parts))
  const transport = new UwsTransport({
    maxMessageBytes: 1024,
    maxBufferedBytes: 65_536,
    idleTimeoutMs: 60_000,
  })
  const refuse = (): never => {
    throw new Error('Expected HTTP only')
  }
  const port = await transport.listen(
    { host: '127.0.0.1', port: 0 },
    {
      upgrade: refuse,
      open: refuse,
      message: refuse,
      drain: refuse,
      dropped: refuse,
      close: refuse,
      http: router.handle,
    },
  )
  stops.push(async () => {
    feed.stop()
    lobby.stop()
    await transport.close()
    await outbox.stop()
  })
  directory.set('a')
  const ignore = (): void => {}
  const log = await outbox.openRoom('a', {
    onFenced: ignore,
    onGivenUp: ignore,
    onWritable: ignore,
    onRefused: ignore,
    onSnapshotDue: ignore,
  })
  return { port, feed, room: new ScriptedRoom('a', log), log }
}

/** A raw reader that can stop taking bytes. The chunked coding only adds lines between events' bytes. */
function read(port: number, headers = '', query = '') {
  const socket = net.connect(port, '127.0.0.1')
  socket.write(`GET /rooms/a/feed${query} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  const events = () => {
    const seen: { type: string; id: string | undefined; n: number }[] = []
    const parser = createParser({
      onEvent: ({ event, id, data }) =>
        seen.push({ type: event ?? '', id, n: (JSON.parse(data) as { n: number }).n }),
    })
    parser.feed(dechunk(Buffer.concat(chunks)))
    return seen
  }
  /** The event with this n has come, or its first bytes have; much cheaper than to read all of them again. */
  const hasReached = (n: number): boolean =>
    Buffer.concat(chunks.slice(-3)).includes(`"room":"a","n":${n},`)
  return { socket, events, hasReached }
}

function dechunk(bytes: Buffer): string {
  const parts: Buffer[] = []
  let at = bytes.indexOf('\r\n\r\n') + 4
  while (at < bytes.length) {
    const end = bytes.indexOf('\r\n', at)
    if (end < 0) break
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16)
    parts.push(bytes.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
  }
  return Buffer.concat(parts).toString()
}

const LINES = { accept: 'application/x-ndjson' }

/** The lines of a body, without their ends. */
async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') throw new Error('Expected the last line to end')
  return undefined
}

describe('the feed over real sockets', () => {
  it('FE1 a reader cut off and back with Last-Event-ID goes on with the next event', async () => {
    const { port, room } = await serve()
    room.patch({ score: 0 })
    const first = read(port)
    await eventually(() => first.events().at(-1)?.type === 'caught-up')
    for (let step = 0; step < 5; step++) room.emit('step', { step })
    await eventually(() => first.events().length === 8)
    first.socket.destroy()
    room.emit('step', { step: 5 })
    const second = read(port, `Last-Event-ID: ${first.events()[5]?.id}\r\n`)
    await eventually(() => second.events().at(-1)?.type === 'caught-up')
    expect(second.events().map(({ type, n }) => [type, n])).toEqual([
      ['hello', undefined],
      ['step', 5],
      ['step', 6],
      ['step', 7],
      ['caught-up', undefined],
    ])
    second.socket.destroy()
  })

  it('FE96 lines over a real socket: what was missed, whole, however the bytes are cut, then what happens', async () => {
    const { port, feed, room, log } = await serve()
    for (let step = 0; step < 5; step++) room.emit('step', { step, text: 'é'.repeat(40_000) })
    await log.durable()
    const headers = { accept: 'application/x-ndjson, */*;q=0.1' }
    const url = `http://127.0.0.1:${port}/rooms/a/feed`
    const { body, headers: answered } = await fetch(`${url}?from=start`, { headers })
    expect(answered.get('content-type')).toBe('application/x-ndjson')
    if (!body) throw new Error('Expected a body')
    const seen: { type: string; id?: string; data: { n: number } }[] = []
    const lines = readLines(body)
    const take = async (count: number): Promise<void> => {
      while (seen.length < count) {
        const { value, done } = await lines.next()
        if (done) throw new Error('Expected the feed to go on')
        seen.push(JSON.parse(value))
      }
    }
    await take(7)
    room.emit('step', { step: 5, text: '' })
    await take(8)
    expect(seen.map(({ type, data }) => [type, data.n])).toEqual([
      ['hello', undefined],
      ...[1, 2, 3, 4, 5].map((n) => ['step', n]),
      ['caught-up', undefined],
      ['step', 6],
    ])
    feed.drain(10)
    await take(9)
    expect(seen.at(-1)).toMatchObject({ type: 'going-away' })
    expect(await lines.next()).toMatchObject({ done: true })
    const late = await fetch(url, { headers })
    expect([late.status, late.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await late.json()).toMatchObject({ error: { code: 'draining' } })
  })

  it('FE98 FE103 a bounded feed over a real socket ends its body, and what is left is had by coming back', async () => {
    const { port, feed, room, log } = await serve()
    for (let step = 1; step < 6; step++) room.emit('step', { step })
    await log.durable()
    const url = `http://127.0.0.1:${port}/rooms/a/feed?from=start&limit=8`
    const whole = await fetch(`${url.slice(0, -1)}3`)
    expect((await whole.text()).split('\n\n').at(-2)).toMatch(/^id: 3-\w+~l0\nevent: bound\n/)
    const first = read(port, '', '?from=start&limit=8')
    await eventually(() => first.events().at(-1)?.type === 'caught-up')
    const { id } = first.events()[4] ?? {}
    expect(id).toMatch(/^4-\w+~l4$/)
    first.socket.destroy()
    const second = fetch(url, { headers: { 'last-event-id': id ?? '', ...LINES } })
    const rest = second.then((answer) => answer.text())
    await eventually(() => feed.streamCount === 1)
    for (let step = 6; step < 12; step++) room.emit('step', { step })
    const lines = (await rest).trimEnd().split('\n')
    const seen = lines.map(
      (line) => JSON.parse(line) as { type: string; id: string; data: { n: number } },
    )
    expect(seen.filter(({ type }) => type === 'step').map(({ data }) => data.n)).toEqual([
      5, 6, 7, 8,
    ])
    const last = seen.at(-1)
    expect(last).toMatchObject({ type: 'bound', data: { reason: 'limit' } })
    const over = await fetch(url, { headers: { 'last-event-id': last?.id ?? '' } })
    expect([over.status, over.headers.get('ringside-feed')]).toEqual([204, 'ended'])
    await eventually(() => feed.streamCount === 0)
  })

  it.each(['é2', '2é', '\u00a02', '2\u00a0', '2'])(
    'FE10 a number that uWebSockets.js has made of %j is no position',
    async (id) => {
      const { port, room, log } = await serve()
      for (let score = 0; score < 4; score++) room.patch({ score })
      await log.durable()
      const reader = read(port, `Last-Event-ID: ${id}\r\n`)
      await eventually(() => reader.events().at(-1)?.type === 'caught-up')
      const types = reader.events().map(({ type }) => type)
      expect(types).toEqual(['hello', 'reset', 'snapshot', 'caught-up'])
      reader.socket.destroy()
    },
  )

  it('FE1 FE5 a reader that pauses while megabytes pass ends with every n, in order', async () => {
    const { port, feed, room, log } = await serve()
    room.patch({ score: 0 })
    await log.durable()
    const reader = read(port)
    await eventually(() => reader.events().at(-1)?.type === 'caught-up')
    reader.socket.pause()
    const start = Math.max(...reader.events().map(({ n }) => n ?? 0))
    const text = 'z'.repeat(10_000)
    let isBehind = false
    for (let turn = 0; turn < 60; turn++) {
      for (let step = 0; step < 20; step++) room.emit('note', { text })
      await log.durable()
      isBehind ||= feed.stats.streamsApart > 0
    }
    expect(isBehind).toBe(true)
    reader.socket.resume()
    await eventually(() => reader.hasReached(room.n), { deadlineMs: 15_000 })
    await eventually(() => reader.events().at(-1)?.n === room.n)
    const seen = reader.events().filter(({ type }) => type === 'note')
    expect(seen.map(({ n }) => n)).toEqual(
      Array.from({ length: room.n - start }, (_, index) => start + 1 + index),
    )
    reader.socket.destroy()
    await eventually(() => feed.streamCount === 0)
  })
})

import { connect } from 'node:net'
import { encodeFrame, encodeSystem, readCommandId } from '@ringside/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { createServer, reject } from '../../src/index.ts'
import { sendJson } from '../../src/http/json.ts'
import { clientText } from '../../src/process/errors.ts'
import { eventually } from '../../src/testing/index.ts'
import { testGame } from '../support/test-game.ts'

/** Halves of characters, controls, and what some readers take for the end of a line. */
const UGLY = 'half \ud800 and \udc00, \u2028 \u2029 \u0085 \v\x01\x7f\r\n\0 end'
const KEY = 'a key of 32 characters for tests'
const ESCAPED_HALF =
  /\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]/

const logged: string[] = []
let port = 0
let server: ReturnType<typeof createServer<typeof testGame>>

beforeAll(async () => {
  const take = (...given: unknown[]): void => void logged.push(...given.flatMap(stringsIn))
  server = createServer(testGame, {
    apiKey: KEY,
    isDevelopment: true,
    logger: { debug: take, info: take, warn: take, error: take },
  })
  server.room('arena', {
    onCreate(room, options) {
      room.setMetadata({ [UGLY]: [UGLY], options })
      return { players: {}, ticks: 0, dice: 1, note: UGLY }
    },
    onJoin(room, session) {
      room.state.players[session.id] = { name: UGLY, score: 0, mines: [] }
      room.emit('kill', { by: UGLY, whom: session.id })
    },
    commands: {
      hit: () => ({ score: 1 }),
      mine() {},
      later: () => ({ value: 1 }),
      finish() {},
      refuse() {
        throw reject('too_far', UGLY)
      },
      fail() {
        throw new Error(UGLY)
      },
    },
  })
  server.rpc('say', () => ({ [UGLY]: UGLY }))
  server.rpc('decline', () => {
    throw reject('too_far', UGLY)
  })
  server.route('GET', '/json', (_, response) => sendJson(response, { body: { [UGLY]: UGLY } }))
  server.route('GET', '/plain', (_, response) => response.send(200, {}, UGLY))
  server.route('GET', '/refused', () => {
    throw new Error(UGLY)
  })
  server.route('GET', '/header', (_, response) => response.send(200, { 'x-said': UGLY }, ''))
  server.route('GET', '/half', (_, response) => response.send(200, { 'x-said': '\ud800' }, ''))
  server.route('GET', '/named', (_, response) => response.send(200, { 'x said': 'a' }, ''))
  port = await server.listen({ port: 0 })
})
afterAll(() => server.close())

/** Every text in a value, errors and all. */
function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (value instanceof Error) return [value.name, value.message]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, entry]) => [key, ...stringsIn(entry)])
}

/** A request of a browser that sends `headers`; the body as bytes. */
async function ask(path: string, init: Omit<RequestInit, 'headers'> = {}): Promise<Buffer> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    ...init,
    headers: { 'content-type': 'application/json', 'x-api-key': KEY },
  })
  return Buffer.from(await response.arrayBuffer())
}

const post = (path: string, body: unknown): Promise<Buffer> =>
  ask(path, { method: 'POST', body: JSON.stringify(body) })

/** SS2 SS3: it is UTF-8 that decodes, without halves and without other ends of lines. */
function expectClean(bytes: Buffer, what: string): string {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  expect(text, what).not.toMatch(ESCAPED_HALF)
  expect(/\ufffd|\\ufffd/.test(text) || !text.includes('half'), what).toBe(true)
  return text
}

async function join(): Promise<{ roomId: string; ticket: string; sessionId: string }> {
  const bytes = await post('/matchmake/create/arena', { name: UGLY, options: { title: UGLY } })
  return JSON.parse(expectClean(bytes, 'matchmake')) as never
}

async function sit(ticket: string): Promise<{ frames: Buffer[]; socket: WebSocket }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`)
  const frames: Buffer[] = []
  socket.on('message', (frame: Buffer) => frames.push(frame))
  await new Promise((resolve) => socket.once('open', resolve))
  socket.send(encodeSystem('join', { ticket }))
  await eventually(() => frames.length >= 2)
  return { frames, socket }
}

test('SS2 SS3 every answer over HTTP is well-formed, whatever a game says', async () => {
  const { roomId, ticket } = await join()
  const { socket } = await sit(ticket)
  await eventually(async () => (await ask(`/rooms/${roomId}/state`)).includes('half'))
  for (const path of ['/rooms', '/json', `/rooms/${roomId}/state`, `/rooms/${roomId}/events`]) {
    const text = expectClean(await ask(path), path)
    expect(text, path).toContain('half')
    expect(text, path).not.toMatch(/[\u0085\u2028\u2029\r\n]/)
    JSON.parse(text)
  }
  for (const path of [
    '/plain',
    '/refused',
    '/metrics',
    '/nothing',
    `/rooms/${encodeURIComponent('\u2028')}/state`,
  ])
    expectClean(await ask(path), path)
  socket.terminate()
})

test('SS2 SS3 streams of rooms and of the lobby are well-formed', async () => {
  const { roomId, ticket } = await join()
  const { socket } = await sit(ticket)
  for (const path of [`/rooms/${roomId}/feed?from=start`, '/rooms/stream', '/feed?from=start']) {
    const abort = new AbortController()
    const { body } = await fetch(`http://127.0.0.1:${port}${path}`, { signal: abort.signal })
    const chunks: Uint8Array[] = []
    for await (const chunk of body ?? []) {
      chunks.push(chunk)
      if (Buffer.concat(chunks).includes('half')) break
    }
    abort.abort()
    const text = expectClean(Buffer.concat(chunks), path)
    expect(text).not.toMatch(/[\u0085\u2028\u2029\r]/)
  }
  socket.terminate()
})

test('SS2 SS3 JSON-RPC answers with well-formed text over both ways', async () => {
  for (const method of ['say', 'decline', UGLY])
    for (const body of [{ jsonrpc: '2.0', method, id: 1 }, [{ jsonrpc: '2.0', method, id: 1 }]]) {
      const text = expectClean(await post('/rpc', body), method)
      expect(text).not.toMatch(/[\u0085\u2028\u2029]/)
      JSON.parse(text)
    }
  const { ticket } = await join()
  const { frames, socket } = await sit(ticket)
  const request = JSON.stringify({ jsonrpc: '2.0', method: 'say', id: 1 })
  socket.send(encodeFrame(0xffff_ffff, Buffer.from(request)))
  const answer = await eventually(() =>
    frames.find((frame) => readCommandId(frame) === 0xffff_ffff),
  )
  expectClean((answer ?? Buffer.alloc(0)).subarray(4), 'JSON-RPC')
  socket.terminate()
})

test('SS3 what operators say, and the reason of a close, are well-formed', async () => {
  for (const [action, fields] of [
    ['message', { text: UGLY }],
    ['kick', { reason: UGLY }],
    ['close', { reason: UGLY }],
  ] as const) {
    const { roomId, ticket, sessionId } = await join()
    const { socket } = await sit(ticket)
    // A half of a character in a close frame would be an error of `ws`, and 1006 to a browser.
    const closed = new Promise<[number, string]>((resolve, refuse) => {
      socket.once('close', (code, reason) => resolve([code, reason.toString()]))
      socket.once('error', refuse)
    })
    const target = action === 'kick' ? { sessionId } : { roomId }
    expectClean(await post(`/admin/${action}`, { ...target, ...fields }), action)
    if (action === 'message') socket.close()
    const [code, reason] = await closed
    if (action !== 'message') expect(code).toBeGreaterThanOrEqual(4_000)
    expect(reason.isWellFormed()).toBe(true)
  }
  const { ticket, sessionId } = await join()
  const { socket } = await sit(ticket)
  const closed = new Promise<number>((resolve) => socket.once('close', resolve))
  expect(server.kick(sessionId, `${UGLY}\ud800`)).toBe(true)
  expect(await closed).toBe(4_000)
})

test('TR45 a header that is none is refused where it is made, and the answer is a failure', async () => {
  for (const path of ['/header', '/half', '/named']) {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => void (text += chunk.toString('latin1')))
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    await eventually(() => text.includes('\r\n\r\n'))
    expect(text).toMatch(/^HTTP\/1\.1 (400|500) /)
    expect(text).not.toContain('\r\nx-said')
    socket.destroy()
  }
})

test('SS3 no log line has half a character of what a stranger sent', () => {
  expect(logged.length).toBeGreaterThan(0)
  // What game code threw is its own, and is logged as it is.
  const others = logged.filter((line) => !line.includes(' and \udc00'))
  for (const line of others) expect(line.isWellFormed(), line).toBe(true)
})

test('SS3 texts of refusals are cut to well-formed text', () => {
  for (const text of ['\ud800', 'a\udc00', `${'x'.repeat(998)}😀😀`, `${'x'.repeat(999)}\ud83d`])
    expect(clientText(text).isWellFormed()).toBe(true)
})

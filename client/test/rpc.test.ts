import { RPC_ERROR_ID, RPC_ID, encodeFrame } from '@ringside/protocol'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { RequestError, RpcError } from '../src/index.ts'
import type { ConnectOptions } from '../src/index.ts'
import { FakeServer } from './support/fake-server.ts'
import { settle } from './support/test-timers.ts'

async function openSession(options: ConnectOptions = {}) {
  const server = new FakeServer()
  const opening = server.client(options).open()
  await settle()
  server.socket.open()
  return { server, session: await opening }
}

/** The calls that were sent, parsed. */
function calls(server: FakeServer): unknown[] {
  return server.socket
    .frames(RPC_ID)
    .map((frame) => JSON.parse(Buffer.from(frame.subarray(4)).toString()) as unknown)
}

function answer(server: FakeServer, id: number, json: unknown): void {
  const text = typeof json === 'string' ? json : JSON.stringify(json)
  server.socket.deliver(encodeFrame(id, Buffer.from(text)))
}

describe('calls of JSON-RPC over the socket', () => {
  it('JR12: a command goes by its name with its payload, and its result is its reply', async () => {
    const { server, session } = await openSession()
    const hit = session.rpc('hit', { target: 'a' })
    expectTypeOf(hit).resolves.toEqualTypeOf<{ score: number }>()
    const go = session.rpc('go', { left: true })
    expect(calls(server)).toEqual([
      { jsonrpc: '2.0', method: 'hit', params: { target: 'a' }, id: 1 },
      { jsonrpc: '2.0', method: 'go', params: { left: true }, id: 2 },
    ])
    answer(server, RPC_ID, { jsonrpc: '2.0', result: null, id: 2 })
    answer(server, RPC_ID, { jsonrpc: '2.0', result: { score: '7' }, id: 1 })
    expect(await hit).toEqual({ score: 7 })
    expect(await go).toBeUndefined()
    session.close()
    expect(server.timers.pending).toBe(0)
  })

  it('JR12: any other method takes what it is given and resolves with the result as it came', async () => {
    const { server, session } = await openSession()
    const sum = session.rpc('math.add', [1, 2])
    expectTypeOf(sum).resolves.toEqualTypeOf<unknown>()
    const none = session.rpc('ping')
    expect(calls(server)).toEqual([
      { jsonrpc: '2.0', method: 'math.add', params: [1, 2], id: 1 },
      { jsonrpc: '2.0', method: 'ping', id: 2 },
    ])
    answer(server, RPC_ID, { jsonrpc: '2.0', result: 3, id: 1 })
    answer(server, RPC_ID, { jsonrpc: '2.0', result: null, id: 2 })
    expect(await Promise.all([sum, none])).toEqual([3, null])
  })

  it('JR12: a payload that does not fit the contract is not sent', async () => {
    const { server, session } = await openSession()
    // @ts-expect-error -- a command's payload is checked where it is written
    await expect(session.rpc('hit', { target: 1 })).rejects.toThrow('target: Expected a string')
    // @ts-expect-error -- and cannot be left out
    await expect(session.rpc('hit')).rejects.toThrow('Expected an object')
    expect(calls(server)).toEqual([])
  })

  it('JR12: an error rejects with its code, message and data', async () => {
    const { server, session } = await openSession()
    const failing = expect(session.rpc('hit', { target: '' })).rejects.toMatchObject({
      name: 'RpcError',
      code: -32_000,
      message: 'Too far away',
      data: { code: 'too_far', retry: false },
    })
    const error = {
      code: -32_000,
      message: 'Too far away',
      data: { code: 'too_far', retry: false },
    }
    answer(server, RPC_ERROR_ID, { jsonrpc: '2.0', error, id: 1 })
    await failing
  })

  it('JR12: works from a seat in a room as well', async () => {
    const server = new FakeServer()
    const room = await server.room()
    const hit = room.rpc('hit', { target: 'a' })
    answer(server, RPC_ID, { jsonrpc: '2.0', result: { score: 1 }, id: 1 })
    expect(await hit).toEqual({ score: 1 })
    const lost = expect(room.rpc('math.add')).rejects.toMatchObject({ code: 'disconnected' })
    server.socket.serverClose(1006)
    await lost
  })

  it.each([
    ['a result of another type', { jsonrpc: '2.0', result: { score: 'x' }, id: 1 }],
    ['an unknown field', { jsonrpc: '2.0', result: { score: 1, more: 2 }, id: 1 }],
  ])('JR12: %s is bad_answer', async (_what, json) => {
    const { server, session } = await openSession()
    const failing = expect(session.rpc('hit', { target: '' })).rejects.toMatchObject({
      code: 'bad_answer',
    })
    answer(server, RPC_ID, json)
    await failing
  })

  it('JR12: answers of nothing that waits, and errors without an id, change nothing', async () => {
    const { server, session } = await openSession()
    const sum = session.rpc('math.add')
    for (const json of [
      { jsonrpc: '2.0', result: 9, id: 2 },
      { jsonrpc: '2.0', result: 9, id: '1' },
      { jsonrpc: '2.0', error: { code: -32_700, message: 'Parse error' }, id: null },
      { jsonrpc: '1.0', result: 9, id: 1 },
      { jsonrpc: '2.0', id: 1 },
      { jsonrpc: '2.0', error: 5, id: 1 },
      [{ jsonrpc: '2.0', result: 9, id: 1 }],
      null,
    ])
      answer(server, RPC_ID, json)
    answer(server, RPC_ID, { jsonrpc: '2.0', result: 3, id: 1 })
    answer(server, RPC_ID, { jsonrpc: '2.0', result: 4, id: 1 })
    expect(await sum).toBe(3)
    expect(session.isOpen).toBe(true)
  })

  it('JR12: an answer that is no JSON ends the connection, and every call with it', async () => {
    const { server, session } = await openSession()
    const failing = expect(session.rpc('math.add')).rejects.toMatchObject({ code: 'disconnected' })
    answer(server, RPC_ID, '{')
    await failing
    expect(session.isOpen).toBe(false)
    await expect(session.rpc('math.add')).rejects.toBeInstanceOf(RequestError)
  })

  it('JR12: a call that is not answered in time rejects, and at most 1,000 wait', async () => {
    const { server, session } = await openSession({ requestTimeoutMs: 500 })
    const late = expect(session.rpc('a')).rejects.toMatchObject({ code: 'timeout', retry: true })
    const later = expect(session.rpc('a', [], { timeoutMs: 900 })).rejects.toMatchObject({
      code: 'timeout',
    })
    await server.timers.advance(500)
    await late
    await server.timers.advance(400)
    await later
    await expect(session.rpc('a', [], { timeoutMs: 0 })).rejects.toThrow('Expected timeoutMs')
    const waiting = Array.from({ length: 1_000 }, () => session.rpc('a').catch(() => {}))
    await expect(session.rpc('a')).rejects.toMatchObject({ code: 'too_many_pending' })
    session.close()
    await Promise.all(waiting)
  })
})

describe('calls of JSON-RPC over HTTP', () => {
  function client(reply: (body: unknown) => Response | Promise<Response>) {
    const asked: { url: string; init: RequestInit }[] = []
    const server = new FakeServer()
    const made = server.client({
      headers: { 'x-api-key': 'k' },
      fetch: async (input, init = {}) => {
        asked.push({ url: input as string, init })
        return reply(JSON.parse(init.body as string))
      },
    })
    return { client: made, asked, server }
  }

  it('JR13: posts one request to /rpc and resolves with its result', async () => {
    const { client: made, asked } = client(() =>
      Response.json({ jsonrpc: '2.0', result: [1], id: 1 }),
    )
    expect(await made.rpc('math.list', { upTo: 1 })).toEqual([1])
    expect(asked[0]?.url).toBe('http://host:1/rpc')
    expect(asked[0]?.init.headers).toEqual({ 'x-api-key': 'k', 'content-type': 'application/json' })
    expect(JSON.parse(asked[0]?.init.body as string)).toEqual({
      jsonrpc: '2.0',
      method: 'math.list',
      params: { upTo: 1 },
      id: 1,
    })
  })

  it('JR13: an error rejects as over the socket, whatever its id', async () => {
    const error = { code: -32_601, message: 'Method not found' }
    const { client: made } = client(() => Response.json({ jsonrpc: '2.0', error, id: null }))
    const failure: unknown = await made.rpc('hit', { target: 'a' }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(RpcError)
    expect(failure).toMatchObject(error)
  })

  it.each([
    ['no JSON', () => new Response('<html>'), 'bad_answer'],
    ['another id', () => Response.json({ jsonrpc: '2.0', result: 1, id: 2 }), 'bad_answer'],
    ['no answer', () => Response.json({ jsonrpc: '2.0', id: 1 }), 'bad_answer'],
    [
      'an HTTP error',
      () => Response.json({ error: { code: 'too_many_requests', message: 'm' } }, { status: 429 }),
      'too_many_requests',
    ],
    ['no server', () => Promise.reject(new TypeError('fetch failed')), 'disconnected'],
  ])('JR13: %s rejects with RequestError', async (_what, reply, code) => {
    const { client: made } = client(reply)
    await expect(made.rpc('a')).rejects.toMatchObject({ name: 'RequestError', code })
  })

  it('JR13: a call that is not answered in time rejects', async () => {
    const server = new FakeServer()
    const made = server.client({
      fetch: (_input, init) =>
        new Promise((_resolve, reject) => {
          init?.signal?.addEventListener('abort', () => reject(new Error('aborted')))
        }),
    })
    const late = expect(made.rpc('a', [], { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'timeout',
    })
    await server.timers.advance(100)
    await late
    await expect(made.rpc('a', [], { timeoutMs: -1 })).rejects.toThrow('Expected timeoutMs')
  })
})

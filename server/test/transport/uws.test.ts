import { connect, createServer } from 'node:net'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { UwsTransport } from '../../src/transport/uws/transport.ts'
import type {
  Connection,
  TransportHandlers,
  UpgradeDecision,
} from '../../src/transport/contract.ts'
import { scratchBuffer, scratchFrame } from '../../src/transport/off-heap.ts'
import { SendResult } from '../../src/transport/contract.ts'
import { describeTransport } from '../../src/testing/contracts/index.ts'
import { eventually, settle } from '../../src/testing/index.ts'

describeTransport('uWebSockets.js', {
  create: (options) => new UwsTransport(options),
  async dial(_transport, port, protocols) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, protocols, {
      perMessageDeflate: false,
    })
    const frames: Uint8Array[] = []
    socket.on('message', (data: Buffer) => frames.push(data))
    const closed = new Promise<{ code: number; reason: string }>((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
    socket.on('error', () => {})
    await once(socket, 'open')
    return {
      frames,
      closed,
      protocol: socket.protocol,
      send: (data) => socket.send(data),
      sendText: (text) => socket.send(text),
      close: (code, reason) => socket.close(code, reason),
      vanish: () => socket.terminate(),
    }
  },
  request(_transport, port, init) {
    const { method, path, headers, body } = init
    return new Promise((resolve, reject) => {
      const sent = httpRequest(
        { host: '127.0.0.1', port, method, path, headers: headers ?? {}, agent: false },
        (response) => {
          const chunks: Buffer[] = []
          const whole = new Promise<string>((done) => {
            response.on('data', (chunk: Buffer) => chunks.push(chunk))
            response.on('end', () => done(Buffer.concat(chunks).toString()))
          })
          resolve({
            status: response.statusCode ?? 0,
            header: (name) => String(response.headers[name] ?? ''),
            text: () => whole,
          })
        },
      )
      sent.on('error', reject)
      sent.end(body)
    })
  },
})

const options = { maxMessageBytes: 1024, maxBufferedBytes: 65_536, idleTimeoutMs: 8_000 }

function handlersOf(partial: Partial<TransportHandlers>): TransportHandlers {
  return {
    upgrade: () => ({ accept: true, protocol: null }),
    open() {},
    message() {},
    drain() {},
    dropped() {},
    close() {},
    http: (_, response) => response.send(200, {}, 'ok'),
    ...partial,
  }
}

test('TR24 a port in use is port_in_use, also when it belongs to another uWebSockets.js', async () => {
  const other = createServer()
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  const taken = (other.address() as { port: number }).port
  const first = new UwsTransport(options)
  const listen = (transport: UwsTransport, port: number): Promise<number> =>
    transport.listen({ host: '127.0.0.1', port }, handlersOf({}))
  await expect(listen(first, taken)).rejects.toMatchObject({ code: 'port_in_use' })
  other.close()
  const port = await listen(first, 0)
  const second = new UwsTransport(options)
  await expect(listen(second, port)).rejects.toMatchObject({ code: 'port_in_use' })
  await first.close()
})

test.each([
  [['6.6.6.6', '203.0.113.9'], '6.6.6.6,203.0.113.9'],
  [['', '203.0.113.9'], ',203.0.113.9'],
  [['', ' ', '203.0.113.9'], ',,203.0.113.9'],
])('TR28 of several lines of X-Forwarded-For (%j) all are read, in order', async (lines, told) => {
  const transport = new UwsTransport({
    ...options,
    clientAddress: (_peer, forwardedFor) => forwardedFor,
  })
  const port = await transport.listen(
    { host: '127.0.0.1', port: 0 },
    handlersOf({ http: (request, response) => response.send(200, {}, request.remoteAddress) }),
  )
  // The first line is the client's own, the second that of a proxy that adds a line.
  const headers = { 'x-forwarded-for': lines }
  const sent = httpRequest({ host: '127.0.0.1', port, headers, agent: false })
  sent.end()
  const [response] = (await once(sent, 'response')) as [AsyncIterable<Buffer>]
  let text = ''
  for await (const chunk of response) text += chunk.toString()
  expect(text).toBe(told)
  await transport.close()
})

test.each([
  ['views', (server: Connection, frame: Uint8Array<ArrayBuffer>) => server.send(frame)],
  [
    'TR29 buffers',
    (server: Connection, { buffer }: Uint8Array<ArrayBuffer>) => server.sendBuffer(buffer),
  ],
])(
  'TR25 a reader that stops: %s up to the limit, then dropped; drain when it reads again',
  async (_, send) => {
    let connection: Connection | null = null
    let drains = 0
    const transport = new UwsTransport(options)
    const port = await transport.listen(
      { host: '127.0.0.1', port: 0 },
      handlersOf({
        open: (opened) => {
          connection = opened
        },
        drain: () => drains++,
      }),
    )
    const client = new WebSocket(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: false })
    let received = 0
    client.on('message', () => received++)
    await once(client, 'open')
    await eventually(() => connection !== null)
    const server = connection as unknown as Connection
    client.pause()
    const frame = new Uint8Array(16_384)
    let accepted = 0
    for (let index = 0; index < 2_000; index++) {
      if (send(server, frame) === SendResult.dropped) break
      accepted++
      if (index % 100 === 0) await settle()
    }
    expect(accepted).toBeGreaterThan(1)
    expect(accepted).toBeLessThan(2_000)
    expect(server.bufferedBytes).toBeLessThanOrEqual(options.maxBufferedBytes)
    client.resume()
    await eventually(() => server.bufferedBytes === 0 && received === accepted)
    expect(drains).toBeGreaterThan(0)
    client.terminate()
    await transport.close()
  },
)

test('SL4 frames that wait in a socket keep their bytes, though their memory is used again', async () => {
  let connection: Connection | null = null
  const transport = new UwsTransport(options)
  const port = await transport.listen(
    { host: '127.0.0.1', port: 0 },
    handlersOf({
      open: (opened) => {
        connection = opened
        opened.subscribe('all')
      },
    }),
  )
  const client = new WebSocket(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: false })
  const received: Buffer[] = []
  client.on('message', (data: Buffer) => received.push(data))
  await once(client, 'open')
  await eventually(() => connection !== null)
  const server = connection as unknown as Connection
  client.pause()
  // Fills what the kernel takes: from here on frames wait in the process.
  let fillers = 0
  while (server.bufferedBytes === 0 && fillers < 2_000) {
    server.send(new Uint8Array(16_384))
    if (fillers++ % 100 === 0) await settle()
  }
  expect(server.bufferedBytes).toBeGreaterThan(0)
  const larger = new Uint8Array(900)
  for (let index = 0; index < 20; index++) {
    expect(server.send(scratchFrame(index, Buffer.from(`small ${index}`)))).toBe(
      SendResult.accepted,
    )
    const buffer = scratchBuffer(index, Buffer.from(`buffer ${index}`))
    expect(buffer && server.sendBuffer(buffer)).toBe(SendResult.accepted)
    larger.fill(index)
    expect(server.send(larger)).toBe(SendResult.accepted)
    transport.publish('all', larger)
    larger.fill(0xff)
  }
  client.resume()
  await eventually(() => received.length === fillers + 80)
  for (let index = 0; index < 20; index++) {
    const own = received.slice(fillers).filter((frame) => frame.equals(Buffer.alloc(900, index)))
    expect(own, `frames ${index}`).toHaveLength(2)
    const small = received.filter((frame) => frame.length < 20 && frame.readUInt32BE(0) === index)
    expect(small.map((frame) => frame.subarray(4).toString())).toEqual([
      `small ${index}`,
      `buffer ${index}`,
    ])
  }
  client.terminate()
  await transport.close()
})

test('TR26 a stream whose reader stops says false, then calls onWritable; an abort is told once', async () => {
  let writable = 0
  let closes = 0
  let wasRefused = false
  const transport = new UwsTransport(options)
  const port = await transport.listen(
    { host: '127.0.0.1', port: 0 },
    handlersOf({
      http: (_, response) => {
        const stream = response.stream({})
        if (!stream) return
        stream.onWritable = () => writable++
        stream.onClose = () => closes++
        const chunk = new Uint8Array(65_536)
        const fill = (left: number): void => {
          if (left === 0) return
          if (!stream.write(chunk)) {
            wasRefused = stream.bufferedBytes > 0
            return
          }
          setImmediate(() => fill(left - 1))
        }
        fill(1_000)
      },
    }),
  )
  const client = httpRequest({ host: '127.0.0.1', port, path: '/', agent: false })
  client.on('error', () => {})
  client.end()
  const [response] = (await once(client, 'response')) as [NodeJS.ReadableStream]
  response.on('error', () => {})
  await eventually(() => wasRefused)
  response.resume()
  await eventually(() => writable === 1)
  client.destroy()
  await eventually(() => closes === 1)
  await transport.close()
  expect(closes).toBe(1)
})

test('TR27 a body whose sender leaves is aborted', async () => {
  let code = ''
  let wasAsked = false
  const transport = new UwsTransport(options)
  const port = await transport.listen(
    { host: '127.0.0.1', port: 0 },
    handlersOf({
      http: (request, response) => {
        wasAsked = true
        request.body(1_000).then(
          () => response.send(200, {}, ''),
          (error: { code: string }) => {
            code = error.code
            response.send(400, {}, '')
          },
        )
      },
    }),
  )
  const client = httpRequest({
    host: '127.0.0.1',
    port,
    method: 'POST',
    headers: { 'content-length': '100' },
  })
  client.on('error', () => {})
  client.write('part')
  await eventually(() => wasAsked)
  client.destroy()
  await eventually(() => code !== '')
  expect(code).toBe('aborted')
  await transport.close()
})

test('TR27 who leaves before the answer is told of once; who was answered is not', async () => {
  const gone: string[] = []
  const asked: string[] = []
  const transport = new UwsTransport(options)
  const port = await transport.listen(
    { host: '127.0.0.1', port: 0 },
    handlersOf({
      http: (request, response) => {
        asked.push(request.path)
        response.onAborted(() => gone.push(`${request.path} ${response.isOpen}`))
        if (request.path === '/answered') response.send(200, {}, 'ok')
      },
    }),
  )
  await (await fetch(`http://127.0.0.1:${port}/answered`)).text()
  const client = httpRequest({ host: '127.0.0.1', port, path: '/left' })
  client.on('error', () => {})
  client.end()
  await eventually(() => asked.includes('/left'))
  client.destroy()
  await eventually(() => gone.length > 0)
  await transport.close()
  expect(gone).toEqual(['/left false'])
})

test('AU33 a client that leaves while its handshake waits is not let in', async () => {
  const transport = new UwsTransport(options)
  let decide: (decision: UpgradeDecision) => void = () => {}
  let asked = 0
  const opened: Connection[] = []
  const port = await transport.listen(
    { host: '127.0.0.1', port: 0 },
    handlersOf({
      upgrade: () => {
        asked++
        return new Promise((resolve) => {
          decide = resolve
        })
      },
      open: (connection) => void opened.push(connection),
    }),
  )
  for (const how of ['before', 'behind'] as const) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: false })
    socket.on('error', () => {})
    const before = asked
    await eventually(() => asked > before)
    if (how === 'before') {
      socket.terminate()
      await new Promise((resolve) => socket.once('close', resolve))
      await settle()
      decide({ accept: true, protocol: null })
    } else {
      decide({ accept: true, protocol: null })
      socket.terminate()
    }
    await settle()
  }
  // The server goes on to serve.
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: false })
  await eventually(() => asked === 3)
  const known = opened.length
  decide({ accept: true, protocol: null })
  await once(socket, 'open')
  expect(opened).toHaveLength(known + 1)
  socket.terminate()
  await transport.close()
})

test('AU33 AU34 the lines of a cookie are pairs, and two lines of a credential are no handshake', async () => {
  const transport = new UwsTransport(options)
  const cookies: (string | undefined)[] = []
  const port = await transport.listen(
    { host: '127.0.0.1', port: 0 },
    handlersOf({
      upgrade: (request) => {
        cookies.push(request.header('cookie'), request.copyHeaders().get('cookie'))
        return { accept: false, status: 403, code: 'forbidden' }
      },
      http: (request, response) => response.send(200, {}, request.header('cookie')),
    }),
  )
  const answerTo = (lines: string[], isHandshake: boolean): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1')
      const handshake = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13']
      const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
      const head = [
        'GET /ws HTTP/1.1',
        'Host: a',
        ...(isHandshake ? [...handshake, key] : []),
        ...lines,
      ]
      socket.write(`${head.join('\r\n')}\r\n\r\n`)
      socket.once('data', (data: Buffer) => {
        resolve(data.toString())
        socket.destroy()
      })
    })
  const two = ['Cookie: a=1', 'Cookie: b=2']
  expect(await answerTo(two, true)).toContain('403')
  expect(cookies).toEqual(['a=1; b=2', 'a=1; b=2'])
  expect(await answerTo(two, false)).toContain('a=1; b=2')
  for (const name of ['Authorization', 'X-API-Key'])
    expect(await answerTo([`${name}: x`, `${name}: y`], true)).toContain('400')
  await transport.close()
})

import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from '../time.ts'
import type {
  Connection,
  HttpRequest,
  HttpResponse,
  Transport,
  TransportHandlers,
  TransportOptions,
  UpgradeDecision,
  UpgradeRequest,
} from '../../transport/contract.ts'
import { SendResult } from '../../transport/contract.ts'

/** A client of the transport under test, on the other end of whatever carries it. */
export interface ContractClient {
  readonly protocol: string
  /** Frames received so far. */
  readonly frames: Uint8Array[]
  send(data: Uint8Array): void
  sendText(text: string): void
  close(code: number, reason: string): void
  /** Goes away without a closing handshake. */
  vanish(): void
  readonly closed: Promise<{ code: number; reason: string }>
}

export interface ContractReply {
  readonly status: number
  header(name: string): string
  text(): Promise<string>
}

/** The suite makes a transport and reaches it by these. */
export interface ContractSubject {
  create(options: TransportOptions): Transport
  /** Rejects when the handshake is refused, with the status in the message. */
  dial(transport: Transport, port: number, protocols: string[]): Promise<ContractClient>
  request(
    transport: Transport,
    port: number,
    init: { method: string; path: string; body?: string; headers?: Record<string, string> },
  ): Promise<ContractReply>
}

const options: TransportOptions = {
  maxMessageBytes: 1024,
  maxBufferedBytes: 4096,
  idleTimeoutMs: 60_000,
}

/** The server's side: records what the transport calls. */
class Recorder implements TransportHandlers {
  readonly opened: Connection[] = []
  readonly messages: { text: string; isBinary: boolean }[] = []
  readonly closes: { connection: Connection; code: number; reason: string }[] = []
  readonly upgrades: UpgradeRequest[] = []
  decision: UpgradeDecision = { accept: true, protocol: null }
  /** Null: it is decided at once. */
  onUpgrade: ((request: UpgradeRequest) => Promise<UpgradeDecision>) | null = null
  readonly owners: unknown[] = []
  onMessage: (connection: Connection, message: Uint8Array) => void = () => {}
  onLent: (connection: Connection, message: ArrayBuffer) => void = () => {}
  onHttp: (request: HttpRequest, response: HttpResponse) => void = (_, response) =>
    response.send(200, {}, 'ok')

  upgrade(request: UpgradeRequest): UpgradeDecision | Promise<UpgradeDecision> {
    this.upgrades.push(request)
    return this.onUpgrade?.(request) ?? this.decision
  }
  open(connection: Connection): void {
    this.owners.push(connection.owner)
    this.opened.push(connection)
  }
  message(connection: Connection, message: ArrayBuffer, isBinary: boolean): void {
    this.messages.push({ text: Buffer.from(message).toString(), isBinary })
    this.onMessage(connection, new Uint8Array(message))
    this.onLent(connection, message)
  }
  drain(): void {}
  dropped(): void {}
  close(connection: Connection, code: number, reason: string): void {
    expect(connection.isOpen).toBe(false)
    this.closes.push({ connection, code, reason })
  }
  http(request: HttpRequest, response: HttpResponse): void {
    this.onHttp(request, response)
  }
}

/**
 * Registers the tests that every {@link Transport} has to pass (rules TR of docs/spec.md), with vitest. They wait in
 * real time, so that a transport over a real network passes through them as it is.
 */
export function describeTransport(name: string, subject: ContractSubject): void {
  describe(`transport contract: ${name}`, () => {
    let transport: Transport
    let server: Recorder
    let port = 0

    async function start(): Promise<void> {
      transport = subject.create(options)
      server = new Recorder()
      port = await transport.listen({ host: '127.0.0.1', port: 0 }, server)
    }
    async function dial(protocols: string[] = []): Promise<[ContractClient, Connection]> {
      const count = server.opened.length
      const client = await subject.dial(transport, port, protocols)
      await eventually(() => server.opened.length > count)
      const connection = server.opened[count]
      if (!connection) throw new Error('Expected a connection')
      return [client, connection]
    }
    afterEach(() => transport.close())

    test('TR1 frames arrive whole and in order, both ways, with their kind', async () => {
      await start()
      const [client, connection] = await dial()
      client.send(Buffer.from('one'))
      client.sendText('two')
      client.send(new Uint8Array(0))
      await eventually(() => server.messages.length === 3)
      expect(server.messages).toEqual([
        { text: 'one', isBinary: true },
        { text: 'two', isBinary: false },
        { text: '', isBinary: true },
      ])
      for (const text of ['a', 'b', 'c'])
        expect(connection.send(Buffer.from(text))).toBe(SendResult.accepted)
      await eventually(() => client.frames.length === 3)
      expect(Buffer.concat(client.frames).toString()).toBe('abc')
    })

    test('TR2 what was sent is copied: the buffer may be reused at once', async () => {
      await start()
      const [client, connection] = await dial()
      const scratch = Buffer.from('first')
      connection.send(scratch)
      scratch.fill('x')
      await eventually(() => client.frames.length === 1)
      expect(Buffer.concat(client.frames).toString()).toBe('first')
    })

    test('TR29 a buffer is sent like a view, in order with views, and may be written anew at once', async () => {
      await start()
      const [client, connection] = await dial()
      const memory = new Uint8Array(new ArrayBuffer(3))
      for (let index = 0; index < 20; index++) {
        memory.fill(index)
        expect(connection.sendBuffer(memory.buffer)).toBe(SendResult.accepted)
        memory.fill(0xff)
        expect(connection.send(Uint8Array.of(index, 0xaa))).toBe(SendResult.accepted)
      }
      expect(connection.sendBuffer(new ArrayBuffer(0))).toBe(SendResult.accepted)
      await eventually(() => client.frames.length === 41)
      expect(client.frames.map((frame) => Array.from(frame))).toEqual([
        ...Array.from({ length: 20 }, (_, index) => [
          [index, index, index],
          [index, 0xaa],
        ]).flat(),
        [],
      ])
    })

    test('TR29 a message is sent back as it was lent, changed or not, and several times', async () => {
      await start()
      server.onLent = (connection, message) => {
        connection.sendBuffer(message)
        new Uint8Array(message)[0] = 0x21
        connection.sendBuffer(message)
      }
      const [client] = await dial()
      client.send(Buffer.from('one'))
      client.send(Buffer.from('x'.repeat(1000)))
      await eventually(() => client.frames.length === 4)
      expect(client.frames.map((frame) => Buffer.from(frame).toString())).toEqual([
        'one',
        '!ne',
        'x'.repeat(1000),
        `!${'x'.repeat(999)}`,
      ])
    })

    test('TR29 a connection that has closed drops a buffer', async () => {
      await start()
      const [client, connection] = await dial()
      client.vanish()
      await eventually(() => server.closes.length === 1)
      expect(connection.sendBuffer(new ArrayBuffer(4))).toBe(SendResult.dropped)
    })

    test('TR3 the handshake is decided by the server: refusal shows its status', async () => {
      await start()
      server.decision = { accept: false, status: 403, code: 'forbidden' }
      await expect(subject.dial(transport, port, [])).rejects.toThrow('403')
      expect(server.opened).toHaveLength(0)
      expect(server.upgrades[0]?.path).toBe('/ws')
    })

    test('AU33 a handshake may be decided later, by a copy of what it said', async () => {
      await start()
      const owner = { name: 'Ada' }
      let headers: ReadonlyMap<string, string> = new Map()
      server.onUpgrade = async (request) => {
        headers = request.copyHeaders()
        const host = request.header('host')
        await new Promise((resolve) => setTimeout(resolve, 20))
        expect(headers.get('host')).toBe(host)
        return { accept: true, protocol: 'ringside.1', owner }
      }
      const [client, connection] = await dial(['ringside.1'])
      expect([client.protocol, connection.protocol]).toEqual(['ringside.1', 'ringside.1'])
      expect(server.owners).toEqual([owner])
      expect(headers.get('host')).toMatch(/./)
      client.send(Buffer.from('one'))
      await eventually(() => server.messages.length === 1)
      connection.send(Buffer.from('two'))
      await eventually(() => client.frames.length === 1)
    })

    test('AU33 a handshake that is refused later shows its status, one that fails 500', async () => {
      await start()
      const later = <T>(make: () => T): Promise<T> =>
        new Promise<void>((resolve) => setTimeout(resolve, 5)).then(make)
      server.onUpgrade = () => later(() => ({ accept: false, status: 401, code: 'unauthorized' }))
      await expect(subject.dial(transport, port, [])).rejects.toThrow('401')
      server.onUpgrade = () =>
        later(() => {
          throw new Error('of a test')
        })
      await expect(subject.dial(transport, port, [])).rejects.toThrow('500')
      expect(server.opened).toHaveLength(0)
    })

    test('AU33 a handshake that waits while the transport closes opens nothing', async () => {
      await start()
      let decide: (decision: UpgradeDecision) => void = () => {}
      server.onUpgrade = () =>
        new Promise((resolve) => {
          decide = resolve
        })
      const dialled = subject.dial(transport, port, [])
      dialled.catch(() => {})
      await eventually(() => server.upgrades.length === 1)
      const isClosed = transport.close()
      decide({ accept: true, protocol: null })
      await expect(dialled).rejects.toThrow()
      await isClosed
      expect(server.opened).toHaveLength(0)
    })

    test('TR4 the subprotocol is echoed only when the server chose one', async () => {
      await start()
      server.decision = { accept: true, protocol: 'ringside.1' }
      const [client, connection] = await dial(['other', 'ringside.1'])
      expect(server.upgrades[0]?.protocols).toEqual(['other', 'ringside.1'])
      expect(client.protocol).toBe('ringside.1')
      expect(connection.protocol).toBe('ringside.1')
    })

    test('TR5 the server closes: all sent before arrives, then the code and reason', async () => {
      await start()
      const [client, connection] = await dial()
      connection.send(Buffer.from('last words'))
      connection.close(4001, 'over')
      expect(connection.isOpen).toBe(false)
      expect(await client.closed).toEqual({ code: 4001, reason: 'over' })
      expect(Buffer.concat(client.frames).toString()).toBe('last words')
      expect(server.closes).toMatchObject([{ code: 4001, reason: 'over' }])
    })

    test('TR6 a reason over 123 bytes is cut at a character', async () => {
      await start()
      const [client, connection] = await dial()
      connection.close(4001, 'é'.repeat(100))
      expect(await client.closed).toEqual({ code: 4001, reason: 'é'.repeat(61) })
    })

    test('TR6 a reason with half a character is well-formed, and the close keeps its code', async () => {
      await start()
      for (const reason of ['half \ud800 of one', '\udc00'.repeat(100)]) {
        const [client, connection] = await dial()
        connection.close(4001, reason)
        const closed = await client.closed
        expect(closed.code).toBe(4001)
        expect(closed.reason).toBe(reason.toWellFormed().slice(0, 41))
      }
    })

    test('TR7 the client closes: the server hears once, with code and reason', async () => {
      await start()
      const [client, connection] = await dial()
      client.close(4321, 'bye')
      await eventually(() => server.closes.length === 1)
      expect(server.closes[0]).toMatchObject({ connection, code: 4321, reason: 'bye' })
    })

    test('TR8 a client that vanishes is 1006', async () => {
      await start()
      const [client] = await dial()
      client.vanish()
      await eventually(() => server.closes.length === 1)
      expect(server.closes[0]?.code).toBe(1006)
    })

    test('TR9 a closed connection takes every call and does nothing', async () => {
      await start()
      const [client, connection] = await dial()
      connection.close(1000, '')
      await client.closed
      connection.close(4000, 'again')
      connection.terminate()
      connection.subscribe('t')
      connection.unsubscribe('t')
      connection.poke()
      expect(connection.send(Buffer.from('x'))).toBe(SendResult.dropped)
      expect(connection.bufferedBytes).toBe(0)
      transport.publish('t', Buffer.from('x'))
      expect(server.closes).toHaveLength(1)
      expect(client.frames).toHaveLength(0)
    })

    test('TR10 after close no message of that connection is handed on', async () => {
      await start()
      const [client] = await dial()
      server.onMessage = (connection) => connection.close(4000, 'enough')
      for (let index = 0; index < 20; index++) client.send(Buffer.from(`${index}`))
      expect((await client.closed).code).toBe(4000)
      expect(server.messages).toEqual([{ text: '0', isBinary: true }])
    })

    test('TR11 a topic reaches its subscribers only, in order with direct sends', async () => {
      await start()
      const [first, one] = await dial()
      const [second, two] = await dial()
      one.subscribe('room')
      two.subscribe('room')
      one.send(Buffer.from('1'))
      transport.publish('room', Buffer.from('2'))
      one.send(Buffer.from('3'))
      two.unsubscribe('room')
      transport.publish('room', Buffer.from('4'))
      one.send(Buffer.from('5'))
      await eventually(() => first.frames.length === 5 && second.frames.length === 1)
      expect(Buffer.concat(first.frames).toString()).toBe('12345')
      expect(Buffer.concat(second.frames).toString()).toBe('2')
    })

    test('TR12 a message within the margin over the limit is still handed on', async () => {
      await start()
      const [client] = await dial()
      client.send(new Uint8Array(options.maxMessageBytes + 60_000))
      await eventually(() => server.messages.length === 1)
    })

    test('TR13 a message beyond the margin costs the connection', async () => {
      await start()
      const [client] = await dial()
      client.send(new Uint8Array(options.maxMessageBytes + 70_000))
      await eventually(() => server.closes.length === 1)
      expect(server.messages).toHaveLength(0)
    })

    test('TR14 HTTP: method, path, query, headers and body arrive; status and headers go back', async () => {
      await start()
      server.onHttp = (request, response) => {
        void request.body(100).then((body) => {
          const seen = `${request.method} ${request.path} ${request.query.get('q')} ${request.header('x-test')}`
          response.send(201, { 'x-answer': 'yes' }, `${seen} ${Buffer.from(body).toString()}`)
        })
      }
      const reply = await subject.request(transport, port, {
        method: 'POST',
        path: '/a%20b/c?q=%C3%BC',
        body: 'hello',
        headers: { 'x-test': 'head' },
      })
      expect(reply.status).toBe(201)
      expect(reply.header('x-answer')).toBe('yes')
      expect(await reply.text()).toBe('POST /a%20b/c ü head hello')
    })

    test('TR15 a body over the limit is body_too_large', async () => {
      await start()
      server.onHttp = (request, response) => {
        request.body(10).catch((error: { code: string }) => response.send(413, {}, error.code))
      }
      const reply = await subject.request(transport, port, {
        method: 'POST',
        path: '/',
        body: 'x'.repeat(11),
      })
      expect(reply.status).toBe(413)
      expect(await reply.text()).toBe('body_too_large')
    })

    test('TR16 a handler that throws is 500; a second answer does nothing', async () => {
      await start()
      server.onHttp = () => {
        throw new Error('boom')
      }
      expect((await subject.request(transport, port, { method: 'GET', path: '/' })).status).toBe(
        500,
      )
      server.onHttp = (_, response) => {
        response.send(200, {}, 'first')
        expect(response.isOpen).toBe(false)
        response.send(404, {}, 'second')
        expect(response.stream({})).toBeNull()
      }
      const reply = await subject.request(transport, port, { method: 'GET', path: '/' })
      expect([reply.status, await reply.text()]).toEqual([200, 'first'])
    })

    test('TR17 HEAD, 204 and 304 carry no body', async () => {
      await start()
      server.onHttp = (request, response) =>
        response.send(Number(request.query.get('s')), {}, 'body')
      for (const [method, status] of [
        ['HEAD', 200],
        ['GET', 204],
        ['GET', 304],
      ] as const) {
        const reply = await subject.request(transport, port, { method, path: `/?s=${status}` })
        expect([reply.status, await reply.text()]).toEqual([status, ''])
      }
    })

    test('TR18 a header value with a line break is refused', async () => {
      await start()
      let thrown: unknown
      server.onHttp = (_, response) => {
        try {
          response.send(200, { 'x-a': 'b\r\nset-cookie: c' }, '')
        } catch (error) {
          thrown = error
          response.send(400, {}, '')
        }
      }
      expect((await subject.request(transport, port, { method: 'GET', path: '/' })).status).toBe(
        400,
      )
      expect(thrown).toMatchObject({ code: 'bad_request' })
    })

    test.each([
      ['a value with half a character', { 'x-a': '\ud800' }],
      ['a value with a control character', { 'x-a': 'a\x01' }],
      ['a value with NUL', { 'x-a': 'a\0' }],
      ['a name with a space', { 'x a': 'a' }],
      ['a name with a colon', { 'x:a': 'a' }],
      ['no name', { '': 'a' }],
    ])('TR45 a header that is none is refused: %s', async (_, headers) => {
      await start()
      const codes: unknown[] = []
      server.onHttp = (_request, response) => {
        for (const answer of [
          () => response.send(200, headers, ''),
          () => response.stream(headers),
        ])
          try {
            answer()
          } catch (error) {
            codes.push((error as { code: unknown }).code)
          }
        response.send(204, { 'x-fine': 'tab\t, é and "quotes"' }, '')
      }
      const reply = await subject.request(transport, port, { method: 'GET', path: '/' })
      expect([reply.status, codes]).toEqual([204, ['bad_request', 'bad_request']])
    })

    test('TR19 a stream writes in order, ends once, and tells that it is over once', async () => {
      await start()
      let closes = 0
      server.onHttp = (_, response) => {
        const stream = response.stream({ 'content-type': 'text/event-stream' })
        if (!stream) throw new Error('Expected a stream')
        stream.onClose = () => closes++
        expect(stream.write(Buffer.from('one '))).toBe(true)
        stream.write(new Uint8Array(0))
        setImmediate(() => {
          stream.write(Buffer.from('two'))
          stream.end()
          stream.end()
          expect(stream.isOpen).toBe(false)
          expect(stream.write(Buffer.from('three'))).toBe(false)
        })
      }
      const reply = await subject.request(transport, port, { method: 'GET', path: '/' })
      expect(reply.header('content-type')).toBe('text/event-stream')
      expect(await reply.text()).toBe('one two')
      await eventually(() => closes > 0)
      expect(closes).toBe(1)
    })

    test('TR28 a request and a handshake carry the address that `clientAddress` makes of them', async () => {
      const asked: string[] = []
      const clientAddress = (peer: string, forwardedFor: string): string => {
        asked.push(`${peer} ${forwardedFor}`)
        return '203.0.113.9'
      }
      transport = subject.create({ ...options, clientAddress })
      server = new Recorder()
      port = await transport.listen({ host: '127.0.0.1', port: 0 }, server)
      const [, connection] = await dial()
      expect(server.upgrades[0]?.remoteAddress).toBe('203.0.113.9')
      expect(connection.remoteAddress).toBe('203.0.113.9')
      server.onHttp = (request, response) => response.send(200, {}, request.remoteAddress)
      const headers = { 'x-forwarded-for': '198.51.100.1' }
      const reply = await subject.request(transport, port, { method: 'GET', path: '/', headers })
      expect(await reply.text()).toBe('203.0.113.9')
      expect(asked[1]).toBe('127.0.0.1 198.51.100.1')
    })

    test('TR20 close ends what is open with 1001 and takes nobody new', async () => {
      await start()
      const [client] = await dial()
      const isClosed = transport.close()
      expect((await client.closed).code).toBe(1001)
      await isClosed
      await expect(subject.dial(transport, port, [])).rejects.toThrow()
      expect(server.closes).toHaveLength(1)
    })
  })
}

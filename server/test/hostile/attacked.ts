import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { encodeFrame } from '@ringside/protocol'
import type { MatchmakeAnswer } from '@ringside/protocol'
import { eventually } from '../../src/testing/index.ts'

/** What the attacked process holds and has told since it was asked last. */
export interface Holdings {
  readonly rssBytes: number
  readonly sessions: number
  readonly descriptors: number
  readonly timers: number
  readonly logged: readonly string[]
  readonly uncaught: readonly string[]
}

/** A well-behaved client has its answer within this, whatever others do. */
const ANSWER_MS = 1_500

/** A server in a process of its own, on real sockets, with a well-behaved client beside the attackers. */
export class Attacked implements AsyncDisposable {
  readonly port: number
  readonly #ask: () => Promise<string>
  readonly #kill: () => Promise<void>
  readonly #friend: WebSocket
  readonly #attackers = new Set<RawSocket>()
  #questions = 0

  private constructor(parts: {
    port: number
    ask: () => Promise<string>
    kill: () => Promise<void>
    friend: WebSocket
  }) {
    this.port = parts.port
    this.#ask = parts.ask
    this.#kill = parts.kill
    this.#friend = parts.friend
  }

  static async start(options: object = {}): Promise<Attacked> {
    const file = fileURLToPath(new URL('attacked-server.ts', import.meta.url))
    const flags = ['--conditions=source', '--expose-gc', '--import', 'tsx']
    const child = spawn(process.execPath, [...flags, file, JSON.stringify(options)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const next = async (): Promise<string> => String((await lines.next()).value)
    const port = Number(await next())
    const friend = new WebSocket(`ws://127.0.0.1:${port}/ws`)
    await once(friend, 'open')
    friend.send(encodeFrame(1))
    await once(friend, 'message')
    return new Attacked({
      port,
      friend,
      ask: () => {
        child.stdin.write('\n')
        return next()
      },
      kill: async () => {
        friend.terminate()
        child.kill('SIGKILL')
        await once(child, 'exit')
      },
    })
  }

  async holdings(): Promise<Holdings> {
    return JSON.parse(await this.#ask()) as Holdings
  }

  /** The counters and gauges of `/metrics`. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/metrics`)
    const lines = (await answer.text()).split('\n').filter((line) => line.startsWith('ringside_'))
    return new Map(
      lines.map((line) => {
        const [name = '', value] = line.split(' ')
        return [name.replace('ringside_', ''), Number(value)]
      }),
    )
  }

  /** The well-behaved client gets its echo in time. */
  async expectAnswer(): Promise<void> {
    const text = `alive ${++this.#questions}`
    const began = performance.now()
    const answered = once(this.#friend, 'message', { signal: AbortSignal.timeout(ANSWER_MS * 4) })
    this.#friend.send(encodeFrame(1, Buffer.from(text)))
    const [answer] = (await answered) as [Buffer]
    const tookMs = performance.now() - began
    if (answer.subarray(4).toString() !== text || tookMs > ANSWER_MS)
      throw new Error(`A client got '${answer.subarray(4).toString()}' after ${tookMs} ms`)
  }

  connect(): RawSocket {
    const socket = new RawSocket(this.port)
    this.#attackers.add(socket)
    return socket
  }

  /** A socket that has shaken hands. */
  async open(headers = ''): Promise<RawSocket> {
    const socket = this.connect()
    await socket.upgrade(headers)
    return socket
  }

  async post(path: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: body as BodyInit,
    })
    const text = await answer.text()
    return { status: answer.status, text, body: (text === '' ? null : JSON.parse(text)) as never }
  }

  async seat(name = 'Ada', options: unknown = null): Promise<MatchmakeAnswer> {
    const { body } = await this.post(
      '/matchmake/joinOrCreate/arena',
      JSON.stringify({ name, options }),
    )
    return body
  }

  /** Cuts the attackers off, and waits until nothing is left of them. */
  async forget(): Promise<void> {
    for (const socket of this.#attackers) socket.socket.destroy()
    this.#attackers.clear()
    await eventually(async () => (await this.metrics()).get('sessions') === 1)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#attackers) socket.socket.destroy()
    await this.#kill()
  }
}

/** One frame that came from the server. */
export interface ServerFrame {
  readonly opcode: number
  readonly payload: Buffer
}

export const HANDSHAKE =
  'GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n'

/** A socket that says what no library would. */
export class RawSocket {
  readonly socket: Socket
  hasEnded = false
  received = Buffer.alloc(0)
  /** The frames begin here in what was received. */
  #framesAt = 0

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const ended = () => void (this.hasEnded = true)
    this.socket.on('error', ended)
    this.socket.on('end', ended)
    this.socket.on('close', ended)
    this.socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk])
    })
  }

  async upgrade(headers = ''): Promise<void> {
    this.write(`${HANDSHAKE}${headers}\r\n`)
    await eventually(() => this.received.includes('\r\n\r\n') || this.hasEnded)
    if (!this.received.toString('latin1').startsWith('HTTP/1.1 101 '))
      throw new Error(`No handshake: ${this.received.toString('latin1')}`)
    this.#framesAt = this.received.indexOf('\r\n\r\n') + 4
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  /** Sends one masked message of the game. */
  send(id: number, payload: Uint8Array = new Uint8Array(0)): void {
    this.write(frameOf(0x82, encodeFrame(id, payload)))
  }

  /** The whole frames that have come so far. */
  frames(): ServerFrame[] {
    const frames: ServerFrame[] = []
    let at = this.#framesAt
    while (at + 2 <= this.received.length) {
      const opcode = (this.received[at] ?? 0) & 15
      let length = (this.received[at + 1] ?? 0) & 127
      at += 2
      if (length === 126) {
        length = this.received.readUInt16BE(at)
        at += 2
      } else if (length === 127) {
        length = Number(this.received.readBigUInt64BE(at))
        at += 8
      }
      if (at + length > this.received.length) break
      frames.push({ opcode, payload: this.received.subarray(at, at + length) })
      at += length
    }
    return frames
  }

  /** How the server has ended it: `<code> <reason>` of its close frame, or `cut`; null = it has not. */
  ending(): string | null {
    const close = this.frames().find(({ opcode }) => opcode === 8)
    if (close)
      return close.payload.length < 2
        ? 'close without a code'
        : `${close.payload.readUInt16BE(0)} ${close.payload.toString('utf8', 2)}`
    return this.hasEnded ? 'cut' : null
  }
}

/** A client's frame, masked with zeros unless `isMasked` is false. */
export function frameOf(first: number, payload: Uint8Array, isMasked = true): Buffer {
  const { length } = payload
  const mask = isMasked ? 0x80 : 0
  let head: Buffer
  if (length < 126) head = Buffer.from([first, mask | length])
  else if (length < 65_536) {
    head = Buffer.alloc(4)
    head.set([first, mask | 126])
    head.writeUInt16BE(length, 2)
  } else {
    head = Buffer.alloc(10)
    head.set([first, mask | 127])
    head.writeBigUInt64BE(BigInt(length), 2)
  }
  return Buffer.concat(isMasked ? [head, Buffer.alloc(4), payload] : [head, payload])
}

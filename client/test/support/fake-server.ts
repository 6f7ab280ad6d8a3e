import {
  bool,
  command,
  decodeSystem,
  defineGame,
  encodeMessage,
  encodeSystem,
  event,
  f32,
  int,
  list,
  map,
  object,
  readCommandId,
  schema,
  str,
  system,
} from '@ringside/protocol'
import type { Infer } from '@ringside/protocol'
import { connect } from '../../src/index.ts'
import type { ConnectOptions, WebSocketLike } from '../../src/index.ts'
import { compileState, createStateTracker } from '../../../server/src/state/tracker.ts'
import { TestTimers, settle } from './test-timers.ts'

const Player = schema({ name: str(1), score: int(2), x: f32(3), mines: list(4, str()) })

export const game = defineGame({
  commands: {
    hit: command(0x0100, { target: str(1) }, { reply: { score: int(1) } }),
    go: command(0x0101, { left: bool(1) }),
  },
  rooms: {
    arena: {
      state: schema({
        players: map(1, Player),
        round: int(2),
        flag: object(3, schema({ x: int(1) })),
      }),
      events: { kill: event({ by: str(1) }) },
    },
  },
})

/** The server's end of a scripted socket. */
export class FakeSocket implements WebSocketLike {
  binaryType = ''
  readyState = 0
  bufferedAmount = 0
  onopen: (() => void) | null = null
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null
  onclose: ((event: { code: number; reason: string }) => void) | null = null
  onerror: (() => void) | null = null
  readonly url: string
  readonly protocol: string
  readonly sent: Uint8Array[] = []

  constructor(url: string, protocol: string) {
    this.url = url
    this.protocol = protocol
  }

  open(): void {
    this.readyState = 1
    this.onopen?.()
  }

  send(data: Uint8Array): void {
    this.sent.push(data.slice())
  }

  close(code = 1005): void {
    if (this.readyState < 2) this.serverClose(code, '')
  }

  serverClose(code: number, reason = ''): void {
    if (this.readyState === 3) return
    this.readyState = 3
    this.onclose?.({ code, reason })
  }

  deliver(frame: Uint8Array): void {
    this.onmessage?.({ data: new Uint8Array(frame).buffer })
  }

  /** Sent frames of one command id. */
  frames(id: number): Uint8Array[] {
    return this.sent.filter((frame) => readCommandId(frame) === id)
  }
}

type State = Infer<(typeof game)['rooms']['arena']['state']>

/** Sockets and matchmaking by script; the state is recorded and encoded by the real server's code. */
export class FakeServer {
  readonly timers = new TestTimers()
  readonly sockets: FakeSocket[] = []
  readonly requests: { path: string; body: unknown }[] = []
  /** Answers of matchmaking, in order; the last stays. A number is a status with an error of this code. */
  answers: ({ status: number; code: string } | 'ok' | 'down')[] = ['ok']
  /** Whole answers in place of the others, in order, while there are any. */
  responses: (() => Response)[] = []
  /** Is called with every socket that is opened. */
  onSocket: (socket: FakeSocket) => void = () => {}
  readonly tracker = createStateTracker(compileState(game.rooms.arena.state), {
    players: {},
    round: 1,
    flag: { x: 0 },
  })
  #tick = 0
  #tokens = 0

  get state(): State {
    return this.tracker.state
  }

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1)
    if (!socket) throw new Error('No socket was opened')
    return socket
  }

  openSocket(url: string, protocol: string): FakeSocket {
    const socket = new FakeSocket(url, protocol)
    this.sockets.push(socket)
    this.onSocket(socket)
    return socket
  }

  client(options: ConnectOptions = {}, address = 'http://host:1') {
    return connect(game, address, {
      timers: this.timers,
      random: () => 0.5,
      socket: (url, protocol) => this.openSocket(url, protocol),
      fetch: async (input, init) => {
        const path = new URL(input as string).pathname
        this.requests.push({ path, body: JSON.parse(init?.body as string) })
        const response = this.responses.shift()
        if (response) return response()
        const answer = (this.answers.length > 1 ? this.answers.shift() : this.answers[0]) ?? 'ok'
        if (answer === 'down') throw new TypeError('fetch failed')
        if (answer !== 'ok')
          return Response.json(
            { error: { code: answer.code, message: answer.code } },
            { status: answer.status },
          )
        const ticket = `ticket-${this.requests.length}`
        return Response.json({
          roomId: 'r1',
          sessionId: 's1',
          node: 'n',
          url: 'ws',
          ticket,
          expiresAt: 0,
        })
      },
      ...options,
    })
  }

  joined(
    socket = this.socket,
    roster = [{ sessionId: 's1', name: 'Ada' }],
    maxPayloadBytes?: number,
  ): void {
    socket.deliver(
      encodeSystem('joined', {
        maxPayloadBytes,
        roomId: 'r1',
        type: 'arena',
        sessionId: 's1',
        name: 'Ada',
        epoch: 1,
        reconnectToken: `token-${++this.#tokens}`,
        tickHz: 30,
        patchHz: 20,
        now: this.timers.now() + 5_000,
        roster,
      }),
    )
  }

  fullState(socket = this.socket): void {
    this.tracker.flushPlayers(this.header())
    socket.deliver(this.tracker.fullFrame(this.header(), 's1'))
  }

  /** Sends what changed. */
  patch(socket = this.socket): void {
    const patch = this.tracker.flushPlayers(this.header())
    if (patch) socket.deliver(patch.frameFor('s1'))
  }

  header() {
    return { epoch: 1, tick: ++this.#tick, at: this.timers.now() }
  }

  /** Opens, joins and sends the state on the newest socket. */
  async accept(): Promise<void> {
    await settle()
    this.socket.open()
    this.joined()
    this.fullState()
    await settle()
  }

  async room(options: ConnectOptions = {}) {
    const room = this.client(options).joinOrCreate('arena', { name: 'Ada' })
    await this.accept()
    return room
  }

  lastRequest(socket = this.socket) {
    const frame = socket.frames(system.request.id).at(-1)
    if (!frame) throw new Error('No request was sent')
    return decodeSystem('request', frame)
  }

  reply(correlation: number, score: number): void {
    const payload = encodeMessage(schema({ score: int(1) }), { score })
    this.socket.deliver(encodeSystem('reply', { correlation, payload }))
  }
}

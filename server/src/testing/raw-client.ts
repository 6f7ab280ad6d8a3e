import {
  FRAME_HEADER_BYTES,
  SUBPROTOCOL,
  decodeMessage,
  decodeSystem,
  encodeFrame,
  encodeMessage,
  encodeSystem,
  framePayload,
  readCommandId,
  system,
} from '@ringside/protocol'
import type {
  CommandDefinition,
  EventsOf,
  GameContract,
  Infer,
  PayloadOf,
  ReplyOf,
  SystemName,
  SystemValue,
} from '@ringside/protocol'
import type { LinkSocket } from './network/link-socket.ts'
import type { Link } from './network/link.ts'
import type { UntilOptions } from './time.ts'

/** One message from the server. */
export interface TestFrame {
  readonly id: number
  /** The name of a message of the framework; null for a game's own. */
  readonly name: SystemName | null
  /** The message without its id. */
  readonly payload: Uint8Array
  /** The whole message. */
  readonly bytes: Uint8Array
}

/** System messages that one schema describes whole. */
type PlainSystemName = Exclude<SystemName, 'state' | 'patch'>
type SystemMessageOf<N extends SystemName> = Infer<(typeof system)[N]['payload']>
type CommandName<G extends GameContract> = keyof G['commands'] & string
/** Events of any room of a contract, by name. */
type EventName<G extends GameContract> = {
  [T in keyof G['rooms']]: keyof EventsOf<G['rooms'][T]> & string
}[keyof G['rooms']]
type EventPayload<G extends GameContract, N> = {
  [T in keyof G['rooms']]: N extends keyof EventsOf<G['rooms'][T]>
    ? EventsOf<G['rooms'][T]>[N]
    : never
}[keyof G['rooms']]

/** A request that the server refused. */
export class RefusedRequest extends Error {
  readonly code: string
  /** True when the same may succeed later. */
  readonly retry: boolean

  constructor(code: string, message: string, retry: boolean) {
    super(message)
    this.name = 'RefusedRequest'
    this.code = code
    this.retry = retry
  }
}

/** A raw client needs these of its test. */
export interface RawClientParts {
  readonly game: GameContract
  readonly link: Link
  readonly url: URL
  /** Default: `ringside.1`, as the SDK. */
  readonly protocols?: readonly string[]
  /** Moves the test's time until the condition holds. */
  readonly until: <T>(condition: () => T, options: UntilOptions) => Promise<T>
}

const names = new Map<number, SystemName>(
  (Object.keys(system) as SystemName[]).map((name) => [system[name].id, name]),
)

/**
 * A client of a test that speaks in frames and keeps all that it gets. It answers nothing by itself, it keeps no
 * replica of a room's state (the SDK does), and it does not come back after a break.
 */
export class RawClient<G extends GameContract = GameContract> {
  readonly link: Link
  readonly socket: LinkSocket
  /** All that came, in order; take out what has been looked at. */
  readonly frames: TestFrame[] = []
  closed: { readonly code: number; readonly reason: string } | null = null
  readonly #game: GameContract
  readonly #until: RawClientParts['until']
  #correlation = 0

  constructor({ game, link, url, protocols = [SUBPROTOCOL], until }: RawClientParts) {
    this.#game = game
    this.#until = until
    this.link = link
    this.socket = link.dial(url, protocols)
    this.socket.onmessage = ({ data }) => {
      const bytes = new Uint8Array(data)
      const id = readCommandId(bytes)
      const payload = bytes.length < FRAME_HEADER_BYTES ? bytes : framePayload(bytes)
      this.frames.push({ id, name: names.get(id) ?? null, payload, bytes })
    }
    this.socket.onclose = ({ code, reason }) => {
      this.closed = { code, reason }
    }
  }

  get isOpen(): boolean {
    return this.socket.readyState === 1
  }

  /** Sends a command of the contract. @throws PayloadError when the payload does not fit. */
  send<N extends CommandName<G>>(command: N, payload: PayloadOf<G['commands'][N]>): void
  /** Sends bytes on a command id. */
  send(commandId: number, payload?: Uint8Array): void
  send(command: number | string, payload?: unknown): void {
    if (typeof command === 'number') {
      this.sendBytes(encodeFrame(command, payload as Uint8Array | undefined))
      return
    }
    const definition = this.#command(command)
    this.sendBytes(encodeFrame(definition.id, encodeMessage(definition.payload, payload as never)))
  }

  /** Sends a message of the framework. */
  sendSystem<N extends SystemName>(name: N, value: SystemValue<N>): void {
    this.sendBytes(encodeSystem(name, value))
  }

  /** Sends one binary message as it is, well-formed or not. */
  sendBytes(bytes: Uint8Array): void {
    this.socket.send(bytes)
  }

  /**
   * Sends a REQUEST and moves the test's time until it is answered.
   * @throws RefusedRequest when it is refused; Error when the connection ends first.
   */
  async request<N extends CommandName<G>>(
    command: N,
    payload: PayloadOf<G['commands'][N]>,
  ): Promise<ReplyOf<G['commands'][N]>> {
    const definition = this.#command(command)
    const correlation = ++this.#correlation
    this.sendSystem('request', {
      correlation,
      command: definition.id,
      payload: encodeMessage(definition.payload, payload as never),
    })
    const isMine = (answer: { correlation?: number | undefined }): boolean =>
      answer.correlation === correlation
    const answer = await this.#until(
      () => this.all('reply').find(isMine) ?? this.all('error').find(isMine) ?? this.closed,
      { what: `an answer to '${command}'` },
    )
    if (answer && 'payload' in answer)
      return (
        definition.reply ? decodeMessage(definition.reply, answer.payload) : undefined
      ) as ReplyOf<G['commands'][N]>
    if (answer && 'retry' in answer)
      throw new RefusedRequest(answer.code, answer.message, answer.retry)
    throw new Error(`Expected an answer to '${command}', got close ${this.closed?.code}`)
  }

  /** The values of all system messages of this name, in order. */
  all<N extends PlainSystemName>(name: N): SystemMessageOf<N>[] {
    return this.frames
      .filter((frame) => frame.name === name)
      .map((frame) => decodeSystem(name, frame.bytes))
  }

  /** The payloads of the room's own events of this name, in order. */
  events<N extends EventName<G>>(name: N): EventPayload<G, N>[] {
    const type = this.all('joined').at(-1)?.type ?? ''
    const payload = this.#game.rooms[type]?.events?.[name]?.payload
    if (!payload) throw new TypeError(`Expected an event of room '${type}', got '${name}'`)
    return this.all('event')
      .filter((event) => event.name === name)
      .map((event) => decodeMessage(payload, event.payload) as EventPayload<G, N>)
  }

  /** The payloads on this command id, in order. */
  payloads(commandId: number): Uint8Array[] {
    return this.frames.filter(({ id }) => id === commandId).map(({ payload }) => payload)
  }

  /**
   * Moves the test's time until a message with this id or name came, takes it out of `frames` with all before it, and
   * returns it. @throws Error when none comes.
   */
  async next(message: number | SystemName): Promise<TestFrame> {
    const isIt = ({ id, name }: TestFrame): boolean => message === id || message === name
    const at = await this.#until(() => this.frames.findIndex(isIt) + 1, {
      what: `a message ${message}`,
    })
    return this.frames.splice(0, at).at(-1) as TestFrame
  }

  /** Gives the number of messages of this name that came. */
  count(name: SystemName): number {
    return this.frames.filter((frame) => frame.name === name).length
  }

  /** Starts the closing handshake. */
  close(code?: number, reason?: string): void {
    this.socket.close(code, reason)
  }

  #command(name: string): CommandDefinition {
    const definition = this.#game.commands[name]
    if (!definition) throw new TypeError(`Expected a command of the contract, got '${name}'`)
    return definition
  }
}

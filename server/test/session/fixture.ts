import { decodeSystem, encodeFrame, encodeSystem, readCommandId, system } from '@ringside/protocol'
import type { Commands } from '@ringside/protocol'
import type { SeatCommand } from '../../src/call/call.ts'
import { Dispatcher } from '../../src/call/dispatcher.ts'
import { RpcSocketEntry } from '../../src/call/json-rpc/socket-entry.ts'
import { RpcCalls } from '../../src/call/json-rpc/rpc-calls.ts'
import { ManualClock } from '../../src/process/clock.ts'
import { createMetrics } from '../../src/process/metrics.ts'
import type { Metrics } from '../../src/process/metrics.ts'
import { checkLimits, withRateLimit } from '../../src/process/limits.ts'
import type { ServerLimits } from '../../src/process/limits.ts'
import type { ClientLink, ClientSeat, SeatDesk } from '../../src/call/seat-contract.ts'
import type { DisconnectReason, Session } from '../../src/call/public-contract.ts'
import { CommandRegistry } from '../../src/call/command-table.ts'
import { createOriginCheck } from '../../src/limit/origin.ts'
import type { OriginOptions } from '../../src/limit/origin.ts'
import { SessionTable } from '../../src/session/session-table.ts'
import { MemoryTransport } from '../../src/transport/memory/transport.ts'
import type { MemoryDial } from '../../src/transport/memory/transport.ts'
import type { MemorySocket } from '../../src/transport/memory/socket.ts'
import { settle } from '../../src/testing/index.ts'

/** One log line. */
export interface LogLine {
  level: string
  fields: Record<string, unknown>
  message: string
}

/** A seat that records what happens to it. */
export class FakeSeat implements ClientSeat {
  readonly roomId = 'room-1'
  readonly sessionId = 'seat-1'
  readonly isMuted = false
  readonly calls: string[] = []
  commands: readonly (SeatCommand | undefined)[] = []
  /** Gives the seat these handlers of the contract's commands. */
  setCommands(contract: Commands, handlers: Record<string, (payload: unknown) => unknown>): void {
    this.commands = Object.keys(contract).map((name) => {
      const run = handlers[name]
      return (
        run && {
          name,
          where: `command ${name}`,
          chat: false,
          run: (_room, _session, payload) => run(payload),
        }
      )
    })
  }
  run(command: SeatCommand, payload: unknown): unknown {
    return command.run(null, null, payload)
  }
  kick(reason?: string): void {
    this.calls.push(`kick ${reason}`)
  }
  leave(): void {
    this.calls.push('leave')
  }
  dropped(_link: ClientLink, code: number): void {
    this.calls.push(`dropped ${code}`)
  }
  drained(): void {
    this.calls.push('drained')
  }
}

/** A client that records what it gets. */
export class TestClient {
  readonly socket: MemorySocket
  readonly frames: Uint8Array[] = []
  closed: { code: number; reason: string } | null = null
  constructor(socket: MemorySocket) {
    this.socket = socket
    socket.onmessage = ({ data }) => this.frames.push(new Uint8Array(data))
    socket.onclose = (event) => {
      this.closed = event
    }
  }
  send(id: number, payload: Uint8Array | string = ''): void {
    this.socket.send(encodeFrame(id, typeof payload === 'string' ? Buffer.from(payload) : payload))
  }
  request(correlation: number, command: number, payload: Uint8Array = new Uint8Array(0)): void {
    this.socket.send(encodeSystem('request', { correlation, command, payload }))
  }
  /** Frames as `id:text`, taken out. */
  take(): string[] {
    return this.frames
      .splice(0)
      .map((frame) => `${readCommandId(frame)}:${Buffer.from(frame.subarray(4)).toString()}`)
  }
  /** The ERROR frames, taken out with all others. */
  errors() {
    return this.frames
      .splice(0)
      .filter((frame) => readCommandId(frame) === system.error.id)
      .map((frame) => decodeSystem('error', frame))
  }
}

export { settle }

export interface FixtureOptions {
  limits?: Partial<ServerLimits>
  rateLimit?: boolean
  commands?: Commands
  register?: (registry: CommandRegistry) => void
  desk?: SeatDesk
  onConnect?: (session: Session) => void
  onDisconnect?: (session: Session, reason: DisconnectReason) => void
  origins?: OriginOptions
  random?: () => number
}

export interface Fixture {
  clock: ManualClock
  logs: LogLine[]
  metrics: Metrics
  registry: CommandRegistry
  table: SessionTable
  transport: MemoryTransport
  dial: (init?: MemoryDial) => Promise<TestClient>
}

/** Sessions on the in-memory transport and a clock that stands still. */
export async function createFixture(options: FixtureOptions = {}): Promise<Fixture> {
  const limits = withRateLimit(checkLimits(options.limits), options.rateLimit)
  const clock = new ManualClock()
  const logs: LogLine[] = []
  const logAt =
    (level: string) =>
    (fields: object, message: string): void => {
      logs.push({ level, fields: fields as Record<string, unknown>, message })
    }
  const metrics = createMetrics()
  const registry = new CommandRegistry(options.commands)
  options.register?.(registry)
  registry.seal()
  const transport = new MemoryTransport({
    maxMessageBytes: limits.maxPayloadBytes + 4,
    maxBufferedBytes: limits.maxQueuedBytes,
    idleTimeoutMs: limits.idleTimeoutMs,
  })
  const logger = {
    debug: logAt('debug'),
    info: logAt('info'),
    warn: logAt('warn'),
    error: logAt('error'),
  }
  const dispatcher = new Dispatcher({ limits, clock, logger, metrics })
  const table = new SessionTable({
    limits,
    clock,
    metrics,
    registry,
    dispatcher,
    rpc: new RpcSocketEntry(new RpcCalls({ registry, dispatcher, metrics }), limits),
    logger,
    desk: options.desk ?? {
      take() {
        throw new Error('Expected no JOIN')
      },
    },
    hooks: { onConnect: options.onConnect ?? null, onDisconnect: options.onDisconnect ?? null },
    isOriginAllowed: createOriginCheck(options.origins),
    random: options.random ?? (() => 0.5),
    isFull: () => false,
    publish: (topic, frame) => transport.publish(topic, frame),
  })
  await transport.listen({ host: '', port: 1 }, { ...table.handlers, http() {} })
  return {
    clock,
    logs,
    metrics,
    registry,
    table,
    transport,
    async dial(init) {
      const socket = transport.dial(init)
      if ('status' in socket) throw new Error(`Refused with ${socket.status} ${socket.code}`)
      const client = new TestClient(socket)
      await settle()
      return client
    },
  }
}

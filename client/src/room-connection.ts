import { CLOSE_NORMAL, decodeSystem, encodeSystem, mayRedial, system } from '@ringside/protocol'
import type { ClientContext } from './client-context.ts'
import type { CloseInfo, RoomStatus, StatusInfo } from './client-types.ts'
import { ClockSync } from './clock-sync.ts'
import { CommandChannel } from './command-channel.ts'
import type { Connection } from './connection.ts'
import { dialSeat } from './dial-seat.ts'
import type { SeatAddress } from './dial-seat.ts'
import { Heartbeat } from './heartbeat.ts'
import { KeptSends } from './kept-sends.ts'
import { Listeners } from './listeners.ts'
import { RedialSchedule } from './redial.ts'
import { RequestError } from './request-error.ts'
import type { RoomView } from './room-view.ts'

/** The ways to a seat, after the first. */
export interface SeatPaths {
  /** Asks for the seat that the token names. @throws the signal's reason; RequestError */
  reclaim(roomId: string, token: string, signal: AbortSignal): Promise<SeatAddress>
  /** Gives back a new seat that nobody has entered. */
  giveBack(seat: SeatAddress): void
  /** The seat is being given up until this resolves. */
  leaving(left: Promise<void>): void
  /** Asks for a new seat in the same room; null = not wanted. @throws RequestError */
  readonly rejoin: ((roomId: string) => Promise<SeatAddress>) | null
}

/** A server that does not answer LEAVE in time is left without its word. */
const LEAVE_MS = 2_000
/** With these codes the ticket was refused, not the player: another ticket may be asked for. */
export const TICKET_CODES: ReadonlySet<string> = new Set([
  'ticket_expired',
  'ticket_used',
  'ticket_invalid',
])

/**
 * The connection of one seat. States (`status`):
 * - `connecting`: `start` runs; its failure rejects and ends in `closed`.
 * - `connected`: frames flow. A break with a code that may be redialled -> `reconnecting`; any other,
 *   `leave` or `disconnect` -> `closed`.
 * - `reconnecting`: asks for the seat back with growing delays until it has it (-> `connected`), the
 *   server says it is gone, time is up, `leave` or `disconnect` (-> `closed`).
 * - `closed`: final. Nothing is called any more.
 */
export class RoomConnection {
  readonly channel: CommandChannel
  readonly clock: ClockSync
  readonly statusChanged = new Listeners<[RoomStatus, StatusInfo]>()
  readonly #context: ClientContext
  readonly #view: RoomView
  readonly #paths: SeatPaths
  readonly #schedule: RedialSchedule
  readonly #kept: KeptSends
  #status: RoomStatus = 'connecting'
  #connection: Connection | null = null
  #heartbeat: Heartbeat | null = null
  #goingAwayMs = 0
  readonly #ended = new Listeners<[]>()
  /** Ends what is on its way when the connection is given up and the seat kept. */
  readonly #disconnected = new AbortController()

  constructor(context: ClientContext, view: RoomView, paths: SeatPaths) {
    this.#context = context
    this.#view = view
    this.#paths = paths
    this.#kept = new KeptSends(context.timers, context.maxBufferedBytes)
    this.channel = new CommandChannel(context, view.early, this.#kept)
    this.clock = new ClockSync(context.timers)
    this.#schedule = new RedialSchedule(context)
  }

  get status(): RoomStatus {
    return this.#status
  }

  /** Takes the first seat. @throws the signal's reason; RequestError */
  async start(address: SeatAddress, signal?: AbortSignal): Promise<void> {
    try {
      this.#connected(await this.#dial(address, signal), {})
    } catch (error) {
      this.#status = 'closed'
      throw error
    }
  }

  /** Gives the seat up. Resolves when that is done. */
  leave(): Promise<void> {
    if (this.#status === 'closed') return Promise.resolve()
    const left = new Promise<void>((resolve) => {
      this.#ended.add(resolve)
      const connection = this.#connection
      if (!connection?.send(encodeSystem('leave', {}))) return this.#left()
      const cancelTimeout = this.#context.timers.after(LEAVE_MS, () => connection.abort('Left'))
      connection.onClose = () => {
        cancelTimeout()
        this.#left()
      }
    })
    this.#paths.leaving(left)
    return left
  }

  /** Gives the connection up and keeps the seat, for as long as the room does. */
  disconnect(): void {
    if (this.#status === 'closed') return
    this.#disconnected.abort()
    this.#giveUp('Disconnected')
  }

  /** Gives the seat up without waiting for the server's word. */
  abandon(): void {
    this.#connection?.send(encodeSystem('leave', {}))
    this.#giveUp('Left')
  }

  #giveUp(reason: string): void {
    // Whoever closes it does not want it back.
    if (this.#connection) this.#connection.onClose = () => {}
    this.#close({ code: CLOSE_NORMAL, reason })
    this.#schedule.cancel()
  }

  #left(): void {
    this.#close({ code: CLOSE_NORMAL, reason: 'Left' })
    this.#schedule.cancel()
  }

  #dial(address: SeatAddress, signal?: AbortSignal): Promise<Connection> {
    this.#goingAwayMs = 0
    const onFrame = (id: number, frame: Uint8Array): void => this.#take(id, frame)
    return dialSeat(this.#context, address, { onFrame, signal })
  }

  #take(id: number, frame: Uint8Array): void {
    // These frames are of a seat that is about to be given back, and nobody is to hear of them.
    if (this.#isClosed) return
    this.#heartbeat?.take(id, frame)
    if (id === system.goingAway.id) {
      this.#goingAwayMs = decodeSystem('goingAway', frame).retryMs
      if (this.#status === 'connected')
        this.statusChanged.call('connected', { goingAwayMs: this.#goingAwayMs })
      return
    }
    this.#view.take(id, frame)
    this.channel.take(id, frame)
  }

  #connected(connection: Connection, info: StatusInfo): void {
    this.#connection = connection
    // The clock of another node is another clock.
    this.clock.reset()
    this.clock.guess(this.#view.joined.now)
    connection.onClose = (why) => this.#broke(why)
    this.#view.early.begin()
    if (info.isNewSeat) this.#kept.drop('The seat is another one')
    this.channel.attach(connection)
    const { maxPayloadBytes } = this.#view.joined
    if (maxPayloadBytes !== undefined) this.channel.bound(maxPayloadBytes)
    this.#schedule.connected()
    this.#setStatus('connected', this.#withLosses(info))
    // It may have ended between its STATE and now.
    if (connection.closed) return this.#broke(connection.closed)
    this.#heartbeat = new Heartbeat(this.#context, connection, this.clock)
    this.#heartbeat.start()
  }

  #withLosses(info: StatusInfo): StatusInfo {
    const droppedSends = this.#kept.takeDropped()
    const { eventsMissed } = this.#view.joined
    return {
      ...info,
      ...(eventsMissed ? { eventsMissed } : {}),
      ...(droppedSends > 0 ? { droppedSends } : {}),
    }
  }

  #broke(info: CloseInfo): void {
    if (this.#status !== 'connected') return
    this.#connection = null
    this.#heartbeat?.stop()
    this.#heartbeat = null
    this.channel.detach('The connection broke')
    if (!mayRedial(info.code)) return this.#close(info)
    this.#schedule.broke()
    void this.#redial(info)
  }

  async #redial(info: CloseInfo): Promise<void> {
    let path: 'reclaim' | 'rejoin' = 'reclaim'
    let atLeastMs = this.#goingAwayMs
    let last: RequestError | undefined
    for (;;) {
      const retryInMs = this.#schedule.nextDelayMs(atLeastMs)
      if (retryInMs === null) return this.#close(info, last)
      this.#setStatus('reconnecting', { ...info, attempt: this.#schedule.attempt, retryInMs })
      // The listener may have closed it: then nothing would end the wait.
      if (this.#isClosed) return
      await this.#schedule.wait(retryInMs)
      if (this.#isClosed) return
      let address: SeatAddress | null = null
      try {
        address = await this.#address(path)
        // A new seat is not kept: `disconnect` gives it back once it is there.
        const signal = path === 'reclaim' ? this.#disconnected.signal : undefined
        const connection = await this.#dial(address, signal)
        if (this.#isClosed) {
          const isKept = path === 'reclaim' && this.#disconnected.signal.aborted
          return isKept ? connection.abort('Disconnected') : giveBack(connection)
        }
        return this.#connected(connection, path === 'rejoin' ? { isNewSeat: true } : {})
      } catch (error) {
        last = error as RequestError
        if (address && path === 'rejoin' && isInDoubt(last)) this.#paths.giveBack(address)
        if (this.#isClosed) return
        atLeastMs = last.retryAfterMs ?? 0
        if (last.retry || TICKET_CODES.has(last.code)) continue
        // A new seat is of the same server: the client must be built anew.
        const isFinal = last.code === 'contract_mismatch' || path === 'rejoin'
        if (isFinal || !this.#paths.rejoin) return this.#close(info, last)
        path = 'rejoin'
      }
    }
  }

  async #address(path: 'reclaim' | 'rejoin'): Promise<SeatAddress> {
    const { roomId, reconnectToken } = this.#view.joined
    if (path === 'rejoin' && this.#paths.rejoin) return this.#paths.rejoin(roomId)
    const { signal } = this.#disconnected
    const address = await this.#paths.reclaim(roomId, reconnectToken, signal)
    return { ...address, seen: this.#view.position }
  }

  get #isClosed(): boolean {
    return this.#status === 'closed'
  }

  #close(info: CloseInfo, error?: RequestError): void {
    if (this.#isClosed) return
    this.#connection?.abort(info.reason)
    this.#connection = null
    this.#heartbeat?.stop()
    this.channel.end('The room was left')
    this.#view.early.close()
    const droppedSends = this.#kept.takeDropped()
    const losses = droppedSends > 0 ? { droppedSends } : {}
    this.#setStatus('closed', { ...info, ...losses, ...(error ? { error } : {}) })
    this.#ended.call()
    this.statusChanged.clear()
  }

  #setStatus(status: RoomStatus, info: StatusInfo): void {
    this.#status = status
    this.statusChanged.call(status, info)
  }
}

/** Codes of the SDK's own: a seat that was not taken for one of these may be held, or taken all the same. */
const IN_DOUBT = new Set<string>(['disconnected', 'timeout', 'bad_answer'])

/** True when the server has not said that the seat is not taken. */
export function isInDoubt(error: unknown): boolean {
  return !(error instanceof RequestError) || IN_DOUBT.has(error.code)
}

/** The room was left while this seat was being taken. */
function giveBack(connection: Connection): void {
  connection.send(encodeSystem('leave', {}))
  connection.close()
}

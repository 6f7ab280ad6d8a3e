import { encodeFrame, errorCodes, isGameCommandId } from '@ringside/protocol'
import type { SeatCommand } from '../call/call.ts'
import type { Json } from '@ringside/protocol'
import { RingsideError, reject } from '../process/errors.ts'
import { isPromise, refusalOf, warnOf } from '../process/failure.ts'
import type { Logger } from '../process/logger.ts'
import type { RoomLogHandlers } from '../outbox/contract/outbox.ts'
import { createRandom } from '../process/random.ts'
import type { Random } from '../process/random.ts'
import type { PatchHeader } from '../state/contract.ts'
import { Awaited } from './turn/awaited.ts'
import { HookGuard } from './turn/guard.ts'
import { Recorder } from './output/recorder.ts'
import type {
  BroadcastOptions,
  EmitOptions,
  JoinRequest,
  LeaveReason,
  Room,
  RoomSession,
} from './definition.ts'
import type { RoomContext, RoomType } from './context.ts'
import { RoomBase } from './base.ts'
import { CommandRunner } from './turn/commands.ts'
import { Loop } from './turn/loop.ts'
import { Output } from './output/output.ts'
import { Profile } from './profile.ts'
import type { RestoredStart, LiveRoomParts, Start } from './start.ts'
import { encodeRuntime } from './runtime.ts'
import type { Seat } from './seats/seat.ts'
import type { SeatHost } from './seats/seat-host.ts'
import { SeatHooks } from './seats/seat-hooks.ts'
import { SeatLife } from './seats/seat-life.ts'
import { SeatLog } from './seats/seat-log.ts'
import { SeatTable } from './seats/seat-table.ts'
import { teamName } from './seats/team.ts'
import { Timers } from './turn/timers.ts'

/**
 * Step 5: one room. Game code runs in *turns* (a step of the loop, a command, a join): a turn fixes
 * `now`, runs to its end synchronously, and what it changed leaves with the next patch. States:
 * - `running`;
 * - `paused`: the log is full (`whenLogIsFull`); goes on (`running`) when the log does.
 * - `handed over`: everything is on its way to the log and a next owner may go on with it (`handOver`): nothing
 *   moves and nothing may be written; ends (`finish`), or goes on here because it could not be stored (`takeBack`).
 * - `over`: ended, released or taken by another owner. Nothing may be written (RM14).
 * Its log tells it what happens to it (RoomLogHandlers).
 */
export class LiveRoom extends RoomBase implements Room, SeatHost, RoomLogHandlers {
  readonly id: string
  readonly epoch: number
  readonly random: Random
  readonly log: Logger
  readonly kind: RoomType
  readonly seats: SeatTable
  readonly profile: Profile
  /** The room is over for good, not only for this process; the log has it once `isEndStored`. */
  hasEnded = false
  readonly #seed: string
  readonly #context: RoomContext
  readonly #recorder: Recorder
  readonly #output: Output
  readonly #life: SeatLife
  readonly #loop: Loop
  readonly #timers = new Timers()
  readonly #guard: HookGuard
  readonly #awaited = new Awaited()
  readonly #commands: CommandRunner
  #now: number
  #tick = 0
  #emptySince: number
  /** Room clock at which it last paused. */
  #pausedAt = 0
  #isEndAsked = false
  /** onCreate has returned and the state exists. */
  #isReady = false
  /** Players may act, come and come back; false once it is to be released. */
  #takesInput = true
  /** This process owns the room: its writes, frames and plans come about. */
  #isOwned = true
  /** onDrain has run for the release that is under way. */
  #isDrained = false
  #status: 'running' | 'paused' | 'handed over' | 'over' = 'running'

  /**
   * A new room runs onCreate and records its first state; a restored one takes its seats back, as
   * dropped, and runs onRestore.
   * @throws whatever onCreate throws.
   */
  constructor(parts: LiveRoomParts, start: Start, context: RoomContext) {
    super()
    const { id, type, log } = parts
    const runtime = start.kind === 'restored' ? start.runtime : null
    this.id = id
    this.kind = type
    this.epoch = log.epoch
    this.#seed = runtime ? runtime.seed : parts.seed
    this.random = createRandom(this.#seed, this.epoch)
    this.log = context.logger
    this.#context = context
    this.#now = Math.max(context.clock.now(), runtime?.now ?? 0)
    this.#tick = runtime?.tick ?? 0
    this.#emptySince = this.#now
    this.#guard = new HookGuard({
      roomId: id,
      log: context.logger,
      onError: (error, where) => type.handlers.onError?.(this, error, where),
    })
    this.#commands = new CommandRunner(this, this.#guard, this.#awaited)
    this.seats = new SeatTable(this, context)
    this.profile = new Profile(() => context.onChanged(this))
    this.#loop = new Loop(context.clock, this.tickMs, this.#step)
    const tracker =
      start.kind === 'new'
        ? start.track(synchronous(type.handlers.onCreate(this, start.options)))
        : start.tracker
    const seatLog = new SeatLog()
    const recorder = new Recorder(tracker, seatLog, log)
    this.#recorder = recorder
    this.#output = new Output({ recorder, seats: this.seats }, type, {
      header: () => this.#header(),
      runtime: () => this.#runtime(),
    })
    const { clock, hookTimeoutMs } = context
    this.#life = new SeatLife({
      room: this,
      handlers: type.handlers,
      table: this.seats,
      log: seatLog,
      hooks: new SeatHooks({
        guard: this.#guard,
        awaited: this.#awaited,
        clock,
        timeoutMs: hookTimeoutMs,
      }),
      output: this.#output,
      newId: () => context.newId(),
      begin: () => this.#begin(clock.now()),
      end: () => this.#endSoon(),
      onChanged: () => this.#seatsChanged(),
    })
    this.#isReady = true
    if (start.kind === 'new') recorder.recordFirstState()
    else this.#restore(start)
    // Metadata and seed are in snapshots only: an early crash must not lose them.
    recorder.requestSnapshot()
    this.#loop.start()
  }

  #restore({ runtime, seats }: RestoredStart): void {
    this.profile.restore(runtime)
    const finishSeats = this.#life.restore(seats)
    this.#guard.run('onRestore', () => this.kind.handlers.onRestore?.(this))
    finishSeats()
  }

  get state(): unknown {
    return this.#recorder.state
  }
  get now(): number {
    return this.#now
  }
  get tick(): number {
    return this.#tick
  }
  get isPaused(): boolean {
    return this.#recorder.isBlocked
  }
  get isOver(): boolean {
    return this.#status === 'over'
  }
  /** The room is paused or handed over: no time passes in it. */
  get isStill(): boolean {
    return this.isPaused || this.#status === 'handed over'
  }
  get isEndStored(): boolean {
    return this.#recorder.isEndStored
  }
  get tickLagP99Ms(): number {
    return this.#loop.lagP99Ms()
  }

  // ---- what game code calls

  emit(name: string, data: Record<string, unknown>, options?: EmitOptions): void {
    const definition = this.kind.definition.events?.[name]
    if (!definition)
      throw new RingsideError('not_in_contract', `Expected an event of the contract, got '${name}'`)
    this.#assertReady()
    this.#assertOwned()
    const atOnce = options?.atOnce ?? false
    this.#output.event(name, definition, { data, at: this.#now, atOnce })
  }

  broadcast(commandId: number, payload: Uint8Array, options?: BroadcastOptions): void {
    if (!isGameCommandId(commandId))
      throw new RingsideError('reserved_id', `Expected a game's command id, got ${commandId}`)
    this.#assertOwned()
    const frame = encodeFrame(commandId, payload)
    this.seats.broadcast(frame, options)
  }

  setTeam(session: RoomSession, team: string | number | null): void {
    this.#assertOwned()
    this.#assertReady()
    const name = teamName(team, (id) => this.seats.find(id) !== null)
    const seat = this.seats.seated.get(session.id)
    if (seat) this.#output.setTeam(seat, name)
  }

  after(ms: number, callback: () => void): () => void {
    this.#assertOwned()
    return this.#timers.add(this.#now, ms, callback)
  }

  override lock(): void {
    this.#assertOwned()
    super.lock()
  }

  override unlock(): void {
    this.#assertOwned()
    super.unlock()
  }

  override setPrivate(isPrivate: boolean): void {
    this.#assertOwned()
    super.setPrivate(isPrivate)
  }

  override setMetadata(metadata: Json): void {
    this.#assertOwned()
    super.setMetadata(metadata)
  }

  end(): void {
    this.#assertOwned()
    this.#isEndAsked = true
  }

  durable(): Promise<void> {
    this.#assertReady()
    return this.#recorder.durable(() => this.#output.flush(this.#now, true))
  }

  // ---- what the server calls; each is one turn

  /** Players may act, come and come back, unless the room is paused. */
  get takesInput(): boolean {
    return this.#takesInput
  }

  /** @throws RingsideError room_released, room_paused. */
  assertTakesInput(): void {
    if (!this.#takesInput) throw new RingsideError('room_released')
    if (this.isPaused) throw new RingsideError('room_paused')
  }

  /** Runs a command of the contract. @throws Rejection for everything that goes wrong. */
  command(seat: Seat, command: SeatCommand, payload: unknown): unknown {
    if (this.#status === 'over' || seat.status !== 'connected' || seat.isJoining)
      throw reject('not_in_room')
    if (!this.#takesInput) throw new RingsideError('room_released')
    if (this.isPaused) throw reject('room_paused', 'The room waits for its log')
    this.#begin(this.#context.clock.now())
    const result = this.#commands.run(seat, command, payload)
    this.#endSoon()
    return result
  }

  /**
   * Runs onAuth and returns what becomes of `session.auth`.
   * @throws a refusal as the game meant it; Rejection `internal` for anything else, which is reported here.
   */
  async admit(request: JoinRequest): Promise<unknown> {
    try {
      return await this.kind.handlers.onAuth?.(this, request)
    } catch (error) {
      if (refusalOf(error)) throw error
      this.#guard.report(error, 'onAuth')
      throw new RingsideError('internal', errorCodes.internal.text)
    }
  }

  enter(seat: Seat): void {
    this.#life.enter(seat)
  }

  reenter(seat: Seat): void {
    this.#life.reenter(seat)
  }

  drop(seat: Seat): void {
    // The game is told when the room goes on; the next owner finds every seat without its connection anyway.
    if (this.#status !== 'handed over') this.#life.drop(seat)
  }

  leave(seat: Seat, reason: LeaveReason, text?: string): void {
    // The seat is written as taken: it belongs to the next owner, who gives it up after its grace.
    if (this.#status !== 'handed over') this.#life.leave(seat, reason, text)
  }

  catchUp(): void {
    if (!this.isOver) this.#output.catchUp(this.#now)
  }

  // ---- what the log tells its owner

  onFenced(): void {
    this.finish('fenced')
  }

  onGivenUp(): void {
    this.finish(this.#takesInput ? 'fenced' : 'released')
  }

  onWritable(): void {
    this.#recorder.resume()
    if (this.#status !== 'paused' || this.isPaused) return
    this.#status = 'running'
    this.#resume()
    this.#output.tellPaused(false, this.#now)
    this.log.warn({ roomId: this.id, pausedMs: this.#now - this.#pausedAt }, 'room goes on')
  }

  onRefused(cause: unknown): void {
    this.log.error({ err: cause }, 'room log refused an event')
    this.finish('room_ended')
  }

  onSnapshotDue(): void {
    this.#recorder.requestSnapshot()
  }

  // ---- how it is released: handOver, then finish or takeBack

  /**
   * Stops input, waits for the commands that await something, at most `settleMs`, then runs onDrain, writes
   * everything to the log with a snapshot of that very point, and stands still (`onStill`). Resolves when both are
   * stored. A command that is left then is answered with room_released, and so is whatever it writes later. A room
   * that ends meanwhile is over instead.
   * @throws RingsideError room_paused when its log takes nothing; whatever RoomLog.handOver throws.
   */
  handOver(settleMs: number, onStill: () => void): Promise<void> {
    this.#takesInput = false
    return new Promise((resolve, reject) => {
      this.#awaited.onNone(this.#context.clock, settleMs, () => {
        // All this is one turn: nothing can be written between the last answer and the last patch.
        this.#awaited.giveUp(new RingsideError('room_released'))
        this.#standStill().then(resolve, reject)
        onStill()
      })
    })
  }

  async #standStill(): Promise<void> {
    if (this.isOver) return
    if (this.isPaused) throw new RingsideError('room_paused')
    this.#drain()
    if (this.#isEndAsked) this.finish('room_ended')
    if (this.isOver) return
    if (this.isPaused) throw new RingsideError('room_paused')
    const stored = this.#output.handOver()
    if (!stored) throw new RingsideError('room_paused')
    this.#status = 'handed over'
    this.#pausedAt = this.#now
    this.#loop.stop()
    this.#life.suspend()
    this.#disown()
    await stored
  }

  /** The room goes on here after all: it could not be stored, or is not wanted elsewhere. */
  takeBack(): void {
    this.#takesInput = true
    this.#isDrained = false
    if (this.#status !== 'handed over') return
    this.#own()
    this.#resume()
    this.#life.resume()
    for (const seat of this.seats.seated.values())
      if (seat.isConnected && !seat.link) this.drop(seat)
  }

  /** Gives the game the last word, once for each release. */
  #drain(): void {
    if (this.#isDrained) return
    this.#isDrained = true
    this.#begin(this.#context.clock.now())
    this.#guard.run('onDrain', () => this.kind.handlers.onDrain?.(this))
    this.#output.flush(this.#now, true)
  }

  /**
   * Ends the room for this process: `room_ended` writes `end` to the log; `released` and `fenced` leave the log
   * for another owner to go on, `released` with everything that happened here.
   */
  finish(why: 'room_ended' | 'released' | 'fenced'): void {
    if (this.#status === 'over') return
    const isEnd = why === 'room_ended'
    if (this.#status === 'handed over' && isEnd) this.#own()
    this.#begin(this.#context.clock.now())
    this.#loop.stop()
    this.#timers.clear()
    this.#takesInput = false
    this.#inEnd(() => {
      if (why === 'released' && this.#isOwned) this.#drain()
      if (why !== 'fenced') this.#output.flush(this.#now, true)
    })
    // A room that ends is written until its game has had the last word; any other is another owner's from here.
    const left = isEnd ? null : this.#close(false)
    this.#inEnd(() => this.#life.closeAll(why))
    this.hasEnded = isEnd
    this.#status = 'over'
    this.#guard.run('onDispose', () => this.kind.handlers.onDispose?.(this))
    const closed = left ?? this.#close(true)
    this.#awaited.giveUp(new RingsideError('room_released'))
    closed.catch((error: unknown) => {
      warnOf(this.log, error, [{ roomId: this.id }, 'room log did not close cleanly'])
    })
    this.#context.onEnded(this, closed)
  }

  /** Takes one step of the end; a failure of it must not keep the rest from being done. */
  #inEnd(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.log.error({ err: error, roomId: this.id }, 'room did not end cleanly')
    }
  }

  #close(isEnd: boolean): Promise<void> {
    const closed = this.#recorder.close(this.#header(), isEnd)
    this.#disown()
    return closed
  }

  /** Lets every write throw from here on (RM14), for it would be in nobody's log. */
  #disown(): void {
    this.#isOwned = false
    this.#recorder.freeze()
  }

  #own(): void {
    this.#isOwned = true
    this.#status = 'running'
    this.#recorder.thaw()
  }

  // ---- turns

  #assertReady(): void {
    if (!this.#isReady) throw new RingsideError('room_not_ready')
  }

  /** @throws RingsideError room_released where a write, a frame or a plan would never come about (RM14). */
  #assertOwned(): void {
    if (!this.#isOwned) throw new RingsideError('room_released')
  }

  #seatsChanged(): void {
    if (this.seats.isEmpty) this.#emptySince = this.#now
    this.#context.onChanged(this)
  }

  /**
   * Ends the room after the turn that asked for it, for the answer of a command goes out before its client is
   * closed.
   */
  #endSoon(): void {
    if (this.#isEndAsked) this.#context.clock.soon(() => this.finish('room_ended'))
  }

  #begin(at: number): void {
    if (at > this.#now) this.#now = at
  }

  readonly #step = (dueAt: number): void => {
    this.#context.observeTickLag(this.#context.clock.now() - dueAt)
    // The clock has whole ms: the grid of 30 steps a second has fractions that nobody wants in a state.
    this.#begin(Math.floor(dueAt))
    const { mark } = this.#timers
    for (let timer; (timer = this.#timers.takeDue(dueAt, mark));)
      this.#guard.run('timer', timer.callback)
    const { onTick } = this.kind.handlers
    if (this.kind.tickHz > 0) {
      this.#tick++
      if (onTick) this.#guard.run('onTick', () => onTick(this, this.tickMs))
    }
    if (this.#isEndAsked || this.#isAbandoned()) return this.finish('room_ended')
    if (this.profile.isSnapshotDue(this.#now)) this.#recorder.requestSnapshot()
    this.#output.step(dueAt)
    if (this.isPaused) this.#pause()
  }

  #isAbandoned(): boolean {
    const timeout = this.kind.emptyTimeoutMs
    return timeout !== null && this.seats.isEmpty && this.#now - this.#emptySince >= timeout
  }

  #pause(): void {
    if (this.#status !== 'running') return
    if (this.kind.whenLogIsFull === 'close') {
      this.log.error({ roomId: this.id }, 'room ends: its log takes no more')
      return this.finish('room_ended')
    }
    this.#status = 'paused'
    this.#pausedAt = this.#now
    this.#loop.stop()
    this.#output.tellPaused(true, this.#now)
    this.log.warn({ roomId: this.id }, 'room paused: its log takes no more')
  }

  /** Goes on after a pause, or where it stood when it was handed over. */
  #resume(): void {
    this.#begin(this.#context.clock.now())
    const pausedMs = this.#now - this.#pausedAt
    this.#guard.run('onResume', () => this.kind.handlers.onResume?.(this, pausedMs))
    this.#loop.start()
  }

  #header(): PatchHeader {
    return { epoch: this.epoch, tick: this.#tick, at: this.#now }
  }

  #runtime(): string {
    return encodeRuntime({
      tick: this.#tick,
      now: this.#now,
      seed: this.#seed,
      ...this.profile.describe(this.#now),
    })
  }
}

/** @throws RingsideError option_invalid for an onCreate that is async: a room has its state before it has anything. */
function synchronous(state: unknown): unknown {
  if (!isPromise(state)) return state
  Promise.resolve(state).catch(() => {})
  throw new RingsideError('option_invalid', 'Expected onCreate to return a state, got a promise')
}

import type { SeatCommand } from '../call/call.ts'
import { errorCodes } from '@ringside/protocol'
import { RingsideError, reject } from '../process/errors.ts'
import { warnOf } from '../process/log-line.ts'
import { isPromise } from '../process/promise.ts'
import { NO_EVENTS } from '../outbox/contract/event-marks.ts'
import type { RoomLog, RoomLogHandlers } from '../outbox/contract/outbox.ts'
import type { RoomEnd } from '../outbox/contract/store.ts'
import { createRandom } from '../process/random.ts'
import { refusalOf } from '../process/refusal.ts'
import { runFrom } from '../process/uncaught.ts'
import { within } from '../process/wait.ts'
import type { PatchHeader, StateTracker } from '../state/contract.ts'
import { Admission } from './admission.ts'
import type { PresenceKind } from '../outbox/contract/presence-note.ts'
import type { RoomContext } from './context.ts'
import type { EmitOptions, JoinRequest, LeaveReason, Room } from './definition.ts'
import { Face } from './face.ts'
import type { Written } from './face.ts'
import { Output } from './output/output.ts'
import { Players } from './output/players.ts'
import type { PlayersHost } from './output/players.ts'
import { Recorder } from './output/recorder.ts'
import { WhoLog } from './output/who-log.ts'
import { RoomEvents } from './output/room-events.ts'
import { Profile } from './profile.ts'
import type { Seat } from './seats/seat.ts'
import { SeatHooks } from './seats/seat-hooks.ts'
import { SeatLife } from './seats/seat-life.ts'
import type { SeatClaim } from './seats/seat-life.ts'
import { SeatLog } from './seats/seat-log.ts'
import { SeatTable } from './seats/seat-table.ts'
import type { SeatHost } from './seats/seat-table.ts'
import { encodeRuntime } from './start.ts'
import type { NewStart, RestoredStart, Start } from './start.ts'
import { Status } from './status.ts'
import { Awaited } from './turn/awaited.ts'
import { CommandRunner } from './turn/commands.ts'
import { HookGuard } from './turn/guard.ts'
import { MessageBudget } from './turn/message-budget.ts'
import { Loop } from './turn/loop.ts'
import { Time } from './turn/time.ts'
import { Timers } from './turn/timers.ts'
import type { RoomType } from './type.ts'

export interface LiveRoomParts {
  readonly id: string
  readonly type: RoomType
  readonly log: RoomLog
  /** Secret of its randomness, where that starts anew. */
  readonly seed: string
}

/**
 * Step 5: one room, as its server sees it; game code gets its `face`. Game code runs in *turns* (a step of the loop, a
 * command, a join): a turn fixes `now`, runs to its end synchronously, and what it changed leaves with the next patch.
 * Its status says what may happen in it; its log tells it what happens to it (RoomLogHandlers).
 */
export class LiveRoom implements SeatHost, PlayersHost, RoomLogHandlers {
  readonly id: string
  readonly type: RoomType
  /** Spectators see it so much later, in ms: its type's delay, or that of an earlier program where it was more. */
  readonly delayMs: number
  readonly epoch: number
  /** The room as its hooks and commands get it. */
  readonly face: Room
  readonly seats: SeatTable
  readonly profile: Profile
  readonly #seed: string
  readonly #context: RoomContext
  readonly #status = new Status()
  readonly #time: Time
  // Nobody has the room before these are set: see `open`.
  #recorder!: Recorder
  #output!: Output
  readonly #events: RoomEvents
  #life!: SeatLife
  readonly #loop: Loop
  readonly #timers: Timers
  readonly #guard: HookGuard
  readonly #admission: Admission
  readonly #awaited = new Awaited()
  readonly #commands: CommandRunner
  /** Null: the room takes what comes. */
  readonly #budget: MessageBudget | null
  /** Told to the players when it ends; undefined: the code's own words. */
  #lastWords: string | undefined = undefined
  #emptySince: number
  /** Room clock at which it last paused. */
  #pausedAt = 0

  readonly #opened: void | Promise<void>

  /**
   * Opens a room. A new one runs onCreate and records its first state; a restored one takes its seats back, as dropped,
   * and runs onRestore. A promise where onCreate returns one.
   * @throws a refusal of onCreate as the game meant it; RingsideError timeout (RM40), or `internal` for anything else,
   * which is reported here.
   */
  static open(
    parts: LiveRoomParts,
    start: Start,
    context: RoomContext,
  ): LiveRoom | Promise<LiveRoom> {
    const room = new LiveRoom(parts, start, context)
    return room.#opened === undefined ? room : room.#opened.then(() => room)
  }

  private constructor({ id, type, log, seed }: LiveRoomParts, start: Start, context: RoomContext) {
    const runtime = start.kind === 'restored' ? start.runtime : null
    const { clock, logger } = context
    this.id = id
    this.type = type
    this.delayMs = Math.max(type.delayMs, start.kind === 'restored' ? start.delayMs : 0)
    this.epoch = log.epoch
    this.#seed = runtime ? runtime.seed : seed
    this.#context = context
    this.#time = new Time(clock, runtime?.now ?? 0, runtime?.tick ?? 0)
    this.#timers = new Timers(this.#time)
    this.#emptySince = this.#time.elapsedMs
    this.seats = new SeatTable(this, context)
    const marks = runtime?.events ?? NO_EVENTS
    // What came before an owner that knew no indexes cannot be told from what came after.
    const since = Math.min(marks.since, log.epoch)
    this.#events = new RoomEvents(log.epoch, { ...marks, since }, context.replay)
    const players = new Players({
      room: this,
      seated: this.seats.seated,
      events: this.#events,
      publish: (frame) => context.publish(id, frame),
    })
    let written: Written | null = null
    this.profile = new Profile(() => {
      written?.recorder.noteWho()
      context.onChanged(this)
    })
    const face = new Face({
      id,
      type,
      epoch: log.epoch,
      random: createRandom(this.#seed, log.epoch),
      log: logger,
      status: this.#status,
      time: this.#time,
      timers: this.#timers,
      seats: this.seats,
      players,
      profile: this.profile,
      wake: this.#wake,
      written: () => {
        if (written === null) throw new RingsideError('room_not_ready')
        return written
      },
    })
    this.face = face
    this.#guard = new HookGuard({
      roomId: id,
      log: logger,
      clock,
      watch: context,
      onError: (error, where) => type.handlers.onError?.(face, error, where),
    })
    this.#admission = new Admission({
      face,
      onAuth: type.handlers.onAuth,
      guard: this.#guard,
      clock,
      timeoutMs: context.hookTimeoutMs,
    })
    const { maxMessagesPerSecond } = type
    this.#budget = maxMessagesPerSecond === null ? null : new MessageBudget(maxMessagesPerSecond)
    this.#commands = new CommandRunner(face, this.#guard, this.#awaited)
    // A room without a tick steps with its patches.
    this.#loop = new Loop(clock, 1000 / (type.tickHz || type.patchHz), this.#step)
    if (type.tickHz === 0) this.#loop.quietUntil = this.#quietUntil
    const run = (tracker: StateTracker): void => {
      const seatLog = new SeatLog()
      tracker.onChange(this.#wake)
      if (runtime) this.profile.restore(runtime)
      const who = new WhoLog(start.kind === 'restored' ? start.who : null, () => ({
        delayMs: type.delayMs,
        isPrivate: this.profile.isPrivate,
      }))
      const recorder = new Recorder(tracker, { log, seats: seatLog, who })
      this.#recorder = recorder
      this.#output = new Output({
        recorder,
        players,
        events: this.#events,
        type,
        header: () => this.#header(),
        elapsedMs: () => this.#time.elapsedMs,
        runtime: () => this.#runtime(),
      })
      this.#life = new SeatLife({
        face,
        owner: this,
        handlers: type.handlers,
        table: this.seats,
        log: seatLog,
        hooks: new SeatHooks({
          guard: this.#guard,
          awaited: this.#awaited,
          clock,
          timeoutMs: context.hookTimeoutMs,
        }),
        output: this.#output,
        epoch: log.epoch,
        clock,
        tokens: context.tokens,
        begin: () => this.#begin(),
        end: () => this.#endSoon(),
        onChanged: () => this.#seatsChanged(),
        onPresence: context.onPresence ? this.#tellPresence : null,
      })
      written = { recorder, output: this.#output }
      if (start.kind === 'new') recorder.recordFirstState()
      else this.#restore(start)
      // Metadata and seed are in snapshots only: an early crash must not lose them.
      recorder.requestSnapshot()
      this.#loop.start()
      if (context.onPresence) this.#tellPresence(start.kind === 'new' ? 'opened' : 'restored', null)
    }
    this.#opened = start.kind === 'new' ? this.#create(start, run) : run(start.tracker)
  }

  /**
   * Makes the state, then runs the room: at once, or once the promise of onCreate has settled, if that takes no longer
   * than `hookTimeoutMs`. Nobody knows of the room before that (RM40).
   */
  #create(
    { options, track }: NewStart,
    run: (tracker: StateTracker) => void,
  ): void | Promise<void> {
    const beganAt = this.#guard.begin('onCreate')
    try {
      const initial = runFrom(this.#guard.from('onCreate'), () =>
        this.type.handlers.onCreate(this.face, options),
      )
      if (isPromise(initial)) return this.#createLater(initial, (late) => run(track(late)))
      run(track(initial))
    } catch (error) {
      throw this.#notMade(error)
    } finally {
      this.#guard.ended('onCreate', beganAt)
    }
  }

  async #createLater(initial: Promise<unknown>, run: (initial: unknown) => void): Promise<void> {
    const { clock, hookTimeoutMs } = this.#context
    try {
      let made: unknown
      const waited = initial.then((state) => (made = state))
      if (!(await within(clock, hookTimeoutMs, waited)))
        throw new RingsideError('timeout', 'The room was not made in time')
      this.#begin()
      run(made)
    } catch (error) {
      throw this.#notMade(error)
    }
  }

  /** There is no room: what game code still holds of it writes nothing. A bug is told here, and only that it was one there. */
  #notMade(error: unknown): unknown {
    this.#status.end(true)
    this.#timers.clear()
    if (refusalOf(error)) return error
    this.#guard.report(error, 'onCreate')
    this.#guard.flush()
    return new RingsideError('internal', errorCodes.internal.text, { cause: error })
  }

  readonly #tellPresence = (kind: PresenceKind, seat: Seat | null): void => {
    const { id, type, delayMs, profile, clientCount: clients } = this
    const { name, logHz, patchHz, tickHz } = type
    // It writes in its steps.
    const logEveryMs = 1000 / Math.min(logHz, tickHz || patchHz)
    const { isPrivate } = profile
    this.#context.onPresence?.({
      kind,
      room: { id, type: name, delayMs, logEveryMs, isPrivate, clients },
      player: seat && { sessionId: seat.id, name: seat.name },
    })
  }

  #restore({ seats }: RestoredStart): void {
    // The program may give the type another delay than the log says (OB126).
    this.#recorder.noteWho()
    const finishSeats = this.#life.restore(seats)
    this.#guard.run('onRestore', () => this.type.handlers.onRestore?.(this.face))
    finishSeats()
    this.#endSoon()
  }

  get now(): number {
    return this.#time.now
  }
  /** Players with a seat. */
  get clientCount(): number {
    return this.seats.seated.size
  }
  /** Seats there may be, with those that are reserved. */
  get maxClients(): number {
    return this.face.maxClients
  }
  /** Its log takes nothing: the room stands still, or is about to. */
  get isPaused(): boolean {
    return this.#recorder.isBlocked
  }
  get isOver(): boolean {
    return this.#status.isOver
  }
  /** The room is over for good, not only for this process; the log has it once there is an `end`. */
  get hasEnded(): boolean {
    return this.#status.hasEnded
  }
  /** The room is paused or handed over: no time passes in it. */
  get isStill(): boolean {
    return this.isPaused || this.#status.kind === 'handed over'
  }
  get end(): RoomEnd | null {
    return this.#recorder.end
  }
  get tickLagP99Ms(): number {
    return this.#loop.lagP99Ms()
  }
  /** Players may act, come and come back, unless the room is paused. */
  get takesInput(): boolean {
    return this.#status.takesInput
  }

  /** @throws RingsideError room_released, room_paused. */
  assertTakesInput(): void {
    if (!this.takesInput) throw new RingsideError('room_released')
    if (this.isPaused) throw new RingsideError('room_paused')
  }

  // ---- what players do; each is one turn

  /** Runs a command of the contract. @throws Rejection for everything that goes wrong. */
  command(seat: Seat, command: SeatCommand, payload: unknown): unknown {
    if (this.isOver || seat.status !== 'connected' || seat.isJoining) throw reject('not_in_room')
    if (!this.takesInput) throw new RingsideError('room_released')
    if (this.isPaused) throw reject('room_paused', 'The room waits for its log')
    if (this.#budget !== null && !this.#budget.take(this.#context.clock.now())) {
      this.#context.overBudget()
      throw new RingsideError('rate_limited', 'The room takes no more messages this second')
    }
    if (command.chat && seat.isMuted) throw new RingsideError('muted')
    this.#begin()
    const result = this.#commands.run(seat.face, command, payload)
    this.#endSoon()
    return result
  }

  /** Runs onAuth. Returns and throws as Admission.ask. */
  admit(request: Omit<JoinRequest, 'signal'>, gone: AbortSignal | null): Promise<unknown> {
    return this.#admission.ask(request, gone)
  }

  /** Says what a reconnect token is good for here; null: nothing. */
  claim(token: string): SeatClaim | null {
    return this.#life.claim(token)
  }

  isMuted({ id, auth, link }: Seat): boolean {
    return this.#context.isMuted({ sessionId: id, auth, address: link?.remoteAddress ?? null })
  }

  enter(seat: Seat): void {
    this.#life.enter(seat)
  }

  reenter(seat: Seat): void {
    this.#life.reenter(seat)
  }

  drop(seat: Seat): void {
    // The game is told when the room goes on; the next owner finds every seat without its connection anyway.
    if (this.#status.kind !== 'handed over') this.#life.drop(seat)
  }

  failed(error: unknown, where: string): void {
    this.#guard.report(error, where)
  }

  /** An operator's kick. @throws RingsideError room_released where it would not come about. */
  putOut(seat: Seat, text: string | undefined): void {
    this.#status.assertOwned()
    this.leave(seat, 'kicked', text)
  }

  leave(seat: Seat, reason: LeaveReason, text?: string): void {
    // The seat is written as taken: it belongs to the next owner, who gives it up after its grace.
    if (this.#status.kind !== 'handed over') this.#life.leave(seat, reason, text)
  }

  emit(name: string, data: unknown, options: EmitOptions): void {
    this.face.emit(name, data, options)
  }

  catchUp(seat: Seat): void {
    if (this.isOver) return
    this.#wake()
    this.#output.catchUp(seat)
  }

  // ---- what operators do

  /** Says something to all players. @throws RingsideError room_released. */
  notice(text: string, level: string): void {
    this.#status.assertOwned()
    this.#output.notice(text, level, this.now)
  }

  /** Ends the room, also one that is paused. @throws RingsideError room_released. */
  close(reason?: string): void {
    this.#status.assertOwned()
    this.#lastWords = reason
    this.finish('room_ended')
  }

  // ---- what the log tells its owner

  onFenced(): void {
    this.finish('fenced')
  }

  onGivenUp(): void {
    this.finish(this.takesInput ? 'fenced' : 'released')
  }

  onWritable(): void {
    this.#recorder.resume()
    if (this.#status.kind !== 'paused' || this.isPaused) return
    this.#status.goOn()
    this.#resume()
    this.#output.tellPaused(false)
    const pausedMs = this.now - this.#pausedAt
    this.#context.logger.warn({ roomId: this.id, pausedMs }, 'room goes on')
  }

  onRefused(cause: unknown): void {
    this.#context.logger.error({ err: cause, roomId: this.id }, 'room log refused an event')
    this.finish('room_ended')
  }

  onSnapshotDue(): void {
    this.#wake()
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
    this.#status.stopInput()
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
    if (this.#status.drain()) this.#drain()
    if (this.#status.isEndAsked) this.finish('room_ended')
    if (this.isOver) return
    if (this.isPaused) throw new RingsideError('room_paused')
    const stored = this.#output.handOver()
    if (!stored) throw new RingsideError('room_paused')
    this.#status.handOver()
    this.#pausedAt = this.now
    this.#loop.stop()
    this.#life.suspend()
    this.#recorder.freeze()
    await stored
  }

  /** The room goes on here after all: it could not be stored, or is not wanted elsewhere. */
  takeBack(): void {
    if (!this.#status.takeBack()) return
    this.#recorder.thaw()
    this.#resume()
    this.#life.resume()
    for (const seat of this.seats.seated.values())
      if (seat.isConnected && !seat.link) this.drop(seat)
  }

  /** Gives the game the last word of a release. */
  #drain(): void {
    this.#begin()
    this.#guard.run('onDrain', () => this.type.handlers.onDrain?.(this.face))
    this.#output.flush(true)
  }

  /**
   * Ends the room for this process: `room_ended` writes `end` to the log; `released` and `fenced` leave the log
   * for another owner to go on, `released` with everything that happened here.
   */
  finish(why: 'room_ended' | 'released' | 'fenced'): void {
    const isEnd = why === 'room_ended'
    const isDrainDue = why === 'released' && this.#status.drain()
    if (!this.#status.beginEnd(isEnd)) return
    if (isEnd) this.#recorder.thaw()
    this.#begin()
    this.#loop.stop()
    this.#timers.clear()
    this.#inEnd(() => {
      if (isDrainDue) this.#drain()
      if (why !== 'fenced') this.#output.flush(true)
    })
    // A room that ends is written until its game has had the last word; any other is another owner's from here.
    const left = isEnd ? null : this.#close(false)
    this.#inEnd(() => this.#life.closeAll(why, isEnd ? this.#lastWords : undefined))
    this.#guard.run('onDispose', () => this.type.handlers.onDispose?.(this.face))
    const closed = left ?? this.#close(true)
    this.#status.end(isEnd)
    this.#awaited.giveUp(new RingsideError('room_released'))
    closed.catch((error: unknown) => {
      warnOf(this.#context.logger, error, [{ roomId: this.id }, 'room log did not close cleanly'])
    })
    this.#guard.flush()
    this.#context.onEnded(this, closed)
  }

  /** Takes one step of the end; a failure of it must not keep the rest from being done. */
  #inEnd(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#context.logger.error({ err: error, roomId: this.id }, 'room did not end cleanly')
    }
  }

  #close(isEnd: boolean): Promise<void> {
    const closed = this.#output.close(isEnd)
    // Every write throws from here on (RM14), for it would be in nobody's log.
    this.#status.leave()
    this.#recorder.freeze()
    return closed
  }

  // ---- turns

  #seatsChanged(): void {
    if (this.clientCount === 0) this.#emptySince = this.#time.elapsedMs
    this.#context.onChanged(this)
  }

  /**
   * Ends the room after the turn that asked for it, for the answer of a command goes out before its client is
   * closed.
   */
  #endSoon(): void {
    if (this.#status.isEndAsked) this.#context.clock.soon(() => this.finish('room_ended'))
  }

  #begin(): void {
    this.#time.begin(this.#context.clock.now())
    this.#loop.wake()
  }

  /** Something happens that may be outside of all turns, such as a write to the state behind an `await`. */
  readonly #wake = (): void => {
    if (this.#loop.isResting) this.#begin()
    else this.#loop.wake()
  }

  /** The time up to which steps would find nothing to do, unless something wakes the room (LT9); 0: it is not known. */
  readonly #quietUntil = (): number => {
    const { seats, type, profile } = this
    if (!this.#recorder.isSettled || this.isPaused || this.#status.isEndAsked) return 0
    for (const { needsFullState, load } of seats.seated.values())
      if (needsFullState || load) return 0
    const until = Math.min(this.#timers.nextAt, profile.snapshotDueAt)
    if (type.emptyTimeoutMs === null || seats.seated.size > 0) return until
    // Somebody is on the way, and may not come.
    if (!seats.isEmpty || seats.isExpecting) return 0
    return Math.min(until, this.#emptySince + type.emptyTimeoutMs)
  }

  readonly #step = (dueAt: number, lateMs: number): void => {
    this.#context.observeTickLag(lateMs)
    // The clock has whole ms: the grid of 30 steps a second has fractions that nobody wants in a state.
    this.#time.begin(Math.floor(dueAt))
    const { mark } = this.#timers
    for (let timer; (timer = this.#timers.takeDue(dueAt, mark));)
      this.#guard.run('timer', timer.callback)
    const { onTick } = this.type.handlers
    if (this.type.tickHz > 0) {
      this.#time.tick++
      if (onTick) this.#guard.run('onTick', () => onTick(this.face, this.#loop.stepMs))
    }
    if (this.#status.isEndAsked || this.#isAbandoned()) return this.finish('room_ended')
    if (this.profile.isSnapshotDue(this.#time.elapsedMs)) this.#recorder.requestSnapshot()
    this.#output.step(dueAt)
    if (this.isPaused) this.#pause()
  }

  #isAbandoned(): boolean {
    const timeout = this.type.emptyTimeoutMs
    if (timeout === null || !this.seats.isEmpty || this.seats.isExpecting) return false
    return this.#time.elapsedMs - this.#emptySince >= timeout
  }

  #pause(): void {
    if (this.#status.kind !== 'running') return
    if (this.type.whenLogIsFull === 'close') {
      this.#context.logger.error({ roomId: this.id }, 'room ends: its log takes no more')
      return this.finish('room_ended')
    }
    this.#status.pause()
    this.#pausedAt = this.now
    this.#loop.stop()
    this.#output.tellPaused(true)
    this.#context.logger.warn({ roomId: this.id }, 'room paused: its log takes no more')
  }

  /** Goes on after a pause, or where it stood when it was handed over. */
  #resume(): void {
    this.#begin()
    const pausedMs = this.now - this.#pausedAt
    this.#life.putOff(pausedMs)
    this.#guard.run('onResume', () => this.type.handlers.onResume?.(this.face, pausedMs))
    this.#loop.start()
    this.#endSoon()
  }

  #header(): PatchHeader {
    return { epoch: this.epoch, tick: this.#time.tick, at: this.now }
  }

  #runtime(): string {
    return encodeRuntime({
      tick: this.#time.tick,
      now: this.now,
      seed: this.#seed,
      events: this.#events.marks,
      ...this.profile.describe(this.#time.elapsedMs),
    })
  }
}

import { FRAME_HEADER_BYTES, errorCodes } from '@ringside/protocol'
import type { ErrorCode } from '@ringside/protocol'
import type { Clock } from '../process/clock.ts'
import { FailureLog } from '../process/failure-log.ts'
import { isPromise } from '../process/promise.ts'
import { refusalOf } from '../process/refusal.ts'
import type { Logger } from '../process/logger.ts'
import { runFrom } from '../process/uncaught.ts'
import type { Activity } from '../process/loop-watch.ts'
import type { Counters, Metrics } from '../process/metrics.ts'
import type { ServerLimits } from '../process/limits.ts'
import type {
  CallEntry,
  Caller,
  CommandEntry,
  MethodEntry,
  ReplyTo,
  RpcReply,
  SessionReply,
} from './call.ts'
import { CallScope } from './call-scope.ts'
import { NO_COMMAND_ID, PendingCall, PendingCalls } from './call.ts'
import type { PlainReply } from './reply.ts'

// The compiler folds a constant of its own module; one of another module it reads at each use.
const HEADER_BYTES = FRAME_HEADER_BYTES

/** Everything a dispatcher is made of. */
export interface DispatcherParts {
  readonly limits: ServerLimits
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** A failure is about an entry, or a system command. */
export type Called = Pick<CallEntry, 'id' | 'name'>

/**
 * Step 4: every call, whatever its entry. A call is an entry of the command table, a decoded value and
 * the target of its answer, which knows the caller. The three travel as parameters, so that a plain
 * command makes no object of them.
 *
 * It runs the handler, waits for promises, counts, logs and strikes. How something is told is the
 * target's; whom a room lets in and what it runs is the seat's.
 */
export class Dispatcher {
  readonly #parts: DispatcherParts
  readonly #counters: Counters
  readonly #activity: Activity
  readonly #failures: FailureLog

  constructor(parts: DispatcherParts) {
    this.#parts = parts
    this.#counters = parts.metrics.counters
    this.#activity = parts.metrics.activity
    this.#failures = new FailureLog(parts.logger, parts.clock)
  }

  /** Runs a command: the handler of the caller's room if it has one, else the server's. */
  dispatch(entry: CommandEntry, value: unknown, replyTo: SessionReply): void {
    try {
      const { caller } = replyTo
      if (this.#isFull(caller) && entry.isAsync)
        return this.refuse('rate_limited', entry.id, replyTo)
      const { seat } = caller
      const command = seat === null || entry.index < 0 ? undefined : seat.commands[entry.index]
      let result: unknown
      this.#activity.entry = entry
      if (seat !== null && command !== undefined) result = seat.run(command, value)
      else if (entry.handler !== null) result = entry.handler(caller.handle, value)
      else return this.refuse(seat ? 'unknown_command' : 'not_in_room', entry.id, replyTo)
      this.#counters.messagesHandled++
      this.#settle(entry, result, replyTo)
    } catch (error) {
      this.failed(error, entry, replyTo)
    }
  }

  /**
   * Runs a raw command that came as a plain one. A handler that gives its payload back, changed or not, has
   * its answer in the message already, id and all: that is sent as it is, before it goes back to its socket.
   * The path of most messages: `npm run bench -- dispatch` holds it beside a bare echo.
   */
  dispatchLent(entry: CommandEntry, message: ArrayBuffer, replyTo: PlainReply): void {
    try {
      const { caller } = replyTo
      const { handler } = entry
      const payload = new Uint8Array(message, HEADER_BYTES)
      if (handler === null || this.#isFull(caller)) return this.dispatch(entry, payload, replyTo)
      this.#activity.entry = entry
      const result = handler(caller.handle, payload)
      this.#counters.messagesHandled++
      if (result === payload) caller.sendBuffer(message)
      else if (result instanceof Uint8Array) caller.sendPayload(entry.id, result)
      else if (result !== undefined) this.#settle(entry, result, replyTo)
    } catch (error) {
      this.failed(error, entry, replyTo)
    }
  }

  /** Runs a method without a command id. `params` are as they were sent. */
  dispatchMethod(entry: MethodEntry, params: unknown, replyTo: RpcReply): void {
    try {
      const { caller } = replyTo
      if (this.#isFull(caller) && entry.isAsync)
        return this.refuse('rate_limited', entry.id, replyTo)
      const scope = new CallScope(caller, (error) => this.listenerFailed(error, caller, entry))
      this.#activity.entry = entry
      const result = runFrom({ where: `method ${entry.name}` }, () =>
        entry.run(params, caller, scope),
      )
      this.#counters.messagesHandled++
      if (isPromise(result))
        this.#answerLater(new PendingCall(entry, replyTo.kept(), scope), result)
      else this.#settle(entry, result, replyTo)
    } catch (error) {
      this.failed(error, entry, replyTo)
    }
  }

  /** Nobody handles this: the caller is told, it is counted, and it is a strike. */
  unknown(id: number, replyTo: ReplyTo): void {
    this.#counters.messagesUnknown++
    this.refuse('unknown_command', id, replyTo)
    replyTo.caller.strike()
  }

  /** The value does not decode or validate: the caller is told, it is counted, and it is a strike. */
  invalid(id: number, replyTo: ReplyTo, message: string = errorCodes.invalid_payload.text): void {
    this.#counters.messagesInvalid++
    if (replyTo.caller.isOpen) replyTo.refuse({ code: 'invalid_payload', message }, id)
    replyTo.caller.strike()
  }

  refuse(code: ErrorCode, id: number, replyTo: ReplyTo): void {
    if (replyTo.caller.isOpen) replyTo.refuse({ code, message: errorCodes[code].text }, id)
  }

  /** Tells of an error that a handler threw or rejected with: a refusal that it means, or a bug. */
  failed(error: unknown, called: Called, replyTo: ReplyTo): void {
    const { caller } = replyTo
    const refusal = refusalOf(error)
    if (refusal === null) {
      this.#report(error, called, caller)
      return this.refuse('internal', called.id, replyTo)
    }
    if (caller.isOpen) replyTo.refuse(refusal, called.id)
    if (refusal.code !== 'invalid_payload') return
    this.#counters.messagesInvalid++
    caller.strike()
  }

  /** Logs an error that the handling of failures itself threw. The caller gets no answer; nothing else is harmed. */
  broke(error: unknown, caller: Caller): void {
    this.#counters.messagesFailed++
    this.#parts.logger.error({ ...fieldsOf(caller), err: error }, 'Answer failed')
  }

  /** Logs an error that a listener of a signal threw: of the call's, or of the session's own (CA11). */
  listenerFailed(error: unknown, caller: Caller, called?: Called): void {
    const fields = { ...fieldsOf(caller), ...(called ? nameOf(called) : {}), err: error }
    this.#failures.error(called?.name ?? 'session', [fields, 'Listener of a signal failed'])
  }

  /** Logs what was only counted so far: no call comes any more. */
  stop(): void {
    this.#failures.flush()
  }

  #settle(entry: CallEntry, result: unknown, replyTo: ReplyTo): void {
    if (!(result instanceof Uint8Array) && isPromise(result))
      this.#answerLater(new PendingCall(entry, replyTo.kept(), null), result)
    else if (replyTo.caller.isOpen) replyTo.answer(entry, result)
  }

  /** Only this answer waits; calls behind it are handled meanwhile. */
  #answerLater(call: PendingCall, result: Promise<unknown>): void {
    const { entry, replyTo } = call
    const { caller } = replyTo
    entry.isAsync = true
    if (caller.isOpen) this.#await(call, caller)
    else call.end()
    // An object that only looks like a promise need not have a `catch`.
    Promise.resolve(result)
      .then((value) => {
        caller.pending?.settle(call)
        if (!call.isOver && caller.isOpen) call.replyTo.answer(entry, value)
      })
      .catch((error: unknown) => this.#failedLate(error, call))
      .catch((error: unknown) => this.broke(error, caller))
  }

  #await(call: PendingCall, caller: Caller): void {
    caller.pending ??= new PendingCalls()
    caller.pending.add(call)
    // Nobody waits for the answer of a plain command: it may come whenever it likes.
    if (call.replyTo.kind === 'plain') return
    const { clock, limits } = this.#parts
    call.cancelTimer = clock.after(limits.handlerTimeoutMs, () => this.#timedOut(call))
  }

  #timedOut(call: PendingCall): void {
    const { entry, replyTo } = call
    const { caller } = replyTo
    this.#counters.messagesTimedOut++
    this.#failures.warn(entry.name, [
      { ...fieldsOf(caller), ...nameOf(entry) },
      'Command handler did not settle in time',
    ])
    // It goes on counting as pending: its handler runs until its promise settles.
    call.end()
    this.refuse('timeout', entry.id, replyTo)
  }

  #failedLate(error: unknown, call: PendingCall): void {
    const { entry, replyTo, isOver } = call
    replyTo.caller.pending?.settle(call)
    if (!isOver) {
      this.failed(error, entry, replyTo)
    } else if (refusalOf(error) === null) {
      // Nobody is told any more, but a bug is a bug.
      this.#report(error, entry, replyTo.caller)
    }
  }

  #report(error: unknown, called: Called, caller: Caller): void {
    this.#counters.messagesFailed++
    const fields = { ...fieldsOf(caller), ...nameOf(called), err: error }
    this.#failures.error(called.name, [fields, 'Command handler failed'])
  }

  #isFull({ pending }: Caller): boolean {
    return pending !== null && pending.count >= this.#parts.limits.maxPendingCalls
  }
}

function fieldsOf(caller: Caller): object {
  if (caller.kind === 'session') {
    const { id, roomId, remoteAddress } = caller.handle
    return { sessionId: id, roomId, remoteAddress }
  }
  return { principal: caller.principal, remoteAddress: caller.remoteAddress }
}

function nameOf({ id, name }: Called): object {
  return id === NO_COMMAND_ID ? { method: name } : { command: id }
}

import { errorCodes, gotName } from '@ringside/protocol'
import type { Commands } from '@ringside/protocol'
import type { SeatCommand } from '../../call/call.ts'
import { checkFunction } from '../../process/argument.ts'
import { RingsideError, reject } from '../../process/errors.ts'
import { isPromise } from '../../process/promise.ts'
import { refusalOf } from '../../process/refusal.ts'
import { runFrom } from '../../process/uncaught.ts'
import type { Awaited } from './awaited.ts'
import type { HookGuard } from './guard.ts'
import type { Room, RoomSession } from '../definition.ts'
import type { CommandHandlers, LooseHandlers } from '../type.ts'

/**
 * Finds a type's handler of each command of the contract, once: dispatch then looks by a number.
 * @throws RingsideError not_in_contract for a handler of no command.
 */
export function resolveCommands(
  contract: Commands,
  handlers: LooseHandlers['commands'] = {},
): CommandHandlers {
  for (const name of Object.keys(handlers))
    if (!Object.hasOwn(contract, name))
      throw new RingsideError(
        'not_in_contract',
        `Expected a command of the contract, ${gotName(name, Object.keys(contract))}`,
      )
  return Object.keys(contract).map((name) => {
    const run = Object.hasOwn(handlers, name) ? handlers[name] : undefined
    if (run !== undefined) checkFunction(`the handler of command '${name}'`, run)
    return run && { name, where: `command ${name}`, chat: contract[name]?.chat ?? false, run }
  })
}

/** Runs the commands of one room and keeps the bugs of their handlers to the server (RM4). */
export class CommandRunner {
  readonly #room: Room
  readonly #guard: HookGuard
  readonly #awaited: Awaited

  constructor(room: Room, guard: HookGuard, awaited: Awaited) {
    this.#room = room
    this.#guard = guard
    this.#awaited = awaited
  }

  /** Returns the handler's answer, or a promise of it. @throws Rejection. */
  run(session: RoomSession, command: SeatCommand, payload: unknown): unknown {
    const beganAt = this.#guard.begin(command.where)
    try {
      const result = runFrom(this.#guard.from(command.where), () =>
        command.run(this.#room, session, payload),
      )
      if (!isPromise(result)) return result
      return this.#awaited.track(
        result.then(undefined, (error: unknown) => this.#failed(error, command.where)),
      )
    } catch (error) {
      return this.#failed(error, command.where)
    } finally {
      this.#guard.ended(command.where, beganAt)
    }
  }

  /** A refusal goes to the client as it is; anything else is reported here and stays secret. */
  #failed(error: unknown, where: string): never {
    if (refusalOf(error)) throw error
    this.#guard.report(error, where)
    throw reject('internal', errorCodes.internal.text)
  }
}

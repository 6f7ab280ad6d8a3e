import { errorCodes } from '@ringside/protocol'
import { reject } from '../errors.ts'
import { isPromise, refusalOf } from '../failure.ts'
import type { HookGuard } from './hook-guard.ts'
import type { LooseHandlers, RoomType } from './room-context.ts'
import type { Room, RoomSession } from './room-definition.ts'

/** The commands of one room: runs their handlers and keeps their bugs to the server (RM4). */
export class RoomCommands {
  readonly #room: Room
  readonly #handlers: NonNullable<LooseHandlers['commands']>
  readonly #guard: HookGuard

  constructor(room: Room, type: RoomType, guard: HookGuard) {
    this.#room = room
    this.#handlers = type.handlers.commands ?? {}
    this.#guard = guard
  }

  handles(command: string): boolean {
    return Object.hasOwn(this.#handlers, command)
  }

  /** Returns the handler's answer, or a promise of it. @throws Rejection. */
  run(seat: RoomSession, command: string, payload: unknown): unknown {
    try {
      const result = this.#handlers[command]?.(this.#room, seat, payload)
      if (!isPromise(result)) return result
      return result.then(undefined, (error: unknown) => this.#failed(error, command))
    } catch (error) {
      return this.#failed(error, command)
    }
  }

  /** A refusal goes to the client as it is; anything else is reported here and stays secret. */
  #failed(error: unknown, command: string): never {
    if (refusalOf(error)) throw error
    this.#guard.report(error, `command ${command}`)
    throw reject('internal', errorCodes.internal.text)
  }
}

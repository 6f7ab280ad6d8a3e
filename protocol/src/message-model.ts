import type { FieldModel } from './field-model.ts'

/**
 * The use of a contract's message. `state` is a room's state as it looks (and is stored, as JSON);
 * `patch` is the form in which it travels to players, in STATE and PATCH.
 */
export type MessageRole = 'system' | 'command' | 'reply' | 'event' | 'state' | 'patch'

/** One message of a contract, without code, as a printed `.proto` tells it. */
export interface MessageModel {
  /** Name of the protobuf message, derived: `HitCommand`, `HitReply`, `ArenaKillEvent`, `ArenaState`. */
  readonly name: string
  readonly role: MessageRole
  /** The command, event, room or system message it belongs to: `hit`, `arena.kill`, `arena`, `join`. */
  readonly subject: string
  /** The id in front of a command or system message on the wire; null for other messages. */
  readonly id: number | null
  readonly fields: readonly FieldModel[]
}

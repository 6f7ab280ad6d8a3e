import type { FieldModel } from './field-model.ts'

/**
 * What a message of a contract is for. `state` is how a room's state looks (and is stored, as JSON);
 * `patch` is how it travels to players, in STATE and PATCH.
 */
export type MessageRole = 'system' | 'command' | 'reply' | 'event' | 'state' | 'patch'

/** One message of a contract, without code: what a printed `.proto` says of it. */
export interface MessageModel {
  /** Name of the protobuf message, derived: `HitCommand`, `HitReply`, `ArenaKillEvent`, `ArenaState`. */
  readonly name: string
  readonly role: MessageRole
  /** What it belongs to: `hit`, `arena.kill`, `arena`, `join`. */
  readonly subject: string
  /** Commands and system messages: the id in front of it on the wire; else null. */
  readonly id: number | null
  readonly fields: readonly FieldModel[]
}

import type { RoomDefinition } from '@ringside/protocol'
import type { SeatCommand } from '../call/call.ts'
import type { Clock } from '../process/clock.ts'
import type { Logger } from '../process/logger.ts'
import type { FullLogPolicy, RoomHandlers } from './definition.ts'

/** A room sees the server around it as this; it sees no transport, outbox or feed. */
export interface RoomContext {
  readonly clock: Clock
  readonly logger: Logger
  /** Sends a frame to every link subscribed to the topic. */
  publish(topic: string, frame: Uint8Array): void
  /** A seat's hook is waited for so long before the next one of the seat runs, in ms. */
  readonly hookTimeoutMs: number
  /** A new unguessable id. */
  newId(): string
  /** The number of seats, metadata or lock has changed. */
  onChanged(room: { readonly id: string }): void
  /** The room is over and holds nothing any more; `closed` settles when its log is written. */
  onEnded(room: { readonly id: string }, closed: Promise<void>): void
  /** Lateness of a step in ms. */
  observeTickLag(ms: number): void
}

/** Handlers of any room; the types of state and commands are checked where they are registered. */
export interface LooseHandlers extends Omit<
  RoomHandlers<unknown, Record<string, unknown>, never>,
  'commands'
> {
  readonly commands?: Readonly<
    Record<string, (room: unknown, session: unknown, payload: unknown) => unknown>
  >
}

/** Handlers of commands by the place of the command in the contract; undefined where the type has none. */
export type CommandTable = readonly (SeatCommand | undefined)[]

/** One registered type of room, with the numbers checked and the defaults filled in. */
export interface RoomType {
  readonly name: string
  readonly definition: RoomDefinition
  readonly handlers: LooseHandlers
  /** The handlers of commands by the place of the command in the contract. */
  readonly commands: CommandTable
  readonly maxClients: number
  readonly tickHz: number
  readonly patchHz: number
  readonly logHz: number
  readonly delayMs: number
  readonly reconnectGraceMs: number
  readonly emptyTimeoutMs: number | null
  readonly whenLogIsFull: FullLogPolicy
}

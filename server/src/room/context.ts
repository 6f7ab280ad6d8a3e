import type { PresenceNote } from '../outbox/contract/presence-note.ts'
import type { Clock } from '../process/clock.ts'
import type { Logger } from '../process/logger.ts'
import type { ReconnectTokens } from './seats/reconnect-token.ts'
import type { ReplayBounds } from './output/room-events.ts'

/** A room sees the server around it as this; it sees no transport, outbox or feed. */
export interface RoomContext {
  readonly clock: Clock
  readonly logger: Logger
  /** Sends a frame to every link subscribed to the topic. */
  publish(topic: string, frame: Uint8Array): void
  /** A hook that may be async is waited for so long, in ms. */
  readonly hookTimeoutMs: number
  readonly tokens: ReconnectTokens
  /** Each room keeps so many of its last events for players who come back. */
  readonly replay: ReplayBounds
  /** An operator has muted them. */
  isMuted(person: {
    readonly sessionId: string
    readonly auth: unknown
    readonly address: string | null
  }): boolean
  /** A command was refused because its room has had all of a second. */
  overBudget(): void
  /** A new unguessable id. */
  newId(): string
  /** Somebody came or went, or the room began here. Null, the default: nobody is told. */
  readonly onPresence?: ((note: PresenceNote) => void) | null
  /** The number of seats, metadata or lock has changed. */
  onChanged(room: { readonly id: string }): void
  /** The room is over and holds nothing any more; `closed` settles when its log is written. */
  onEnded(room: { readonly id: string }, closed: Promise<void>): void
  /** Lateness of a step in ms. */
  observeTickLag(ms: number): void
  /** Code of a room begins; the result is the time, for `ran` (ME2). */
  enter(roomId: string, where: string): number
  /** Code of a room has run since `beganAt`. */
  ran(roomId: string, where: string, beganAt: number): void
}

import type { Outbox } from '../../outbox/contract/outbox.ts'
import type { Clock } from '../../process/clock.ts'
import type { FeedAccess } from '../audience/access.ts'
import type { SealedPositions } from '../position/sealed-positions.ts'
import type { FeedLog } from '../read/feed-log.ts'
import type { Places } from '../read/places.ts'
import type { ReadGate } from '../read/read-gate.ts'
import type { States } from '../read/states.ts'
import type { TimeIndex } from '../read/time-index.ts'
import type { FeedStream } from './stream.ts'

/** What is needed to bring a stream to its first position. */
export interface BootstrapContext {
  readonly outbox: Outbox
  readonly log: FeedLog
  readonly states: States
  readonly places: Places
  readonly positions: SealedPositions
  readonly access: FeedAccess
  readonly times: TimeIndex
  readonly gate: ReadGate
  readonly clock: Clock
  /** The log's time in ms. */
  readonly now: () => number
  readonly write: (stream: FeedStream, bytes: Uint8Array) => boolean
  /** It is called when a reader is told to start over. */
  readonly onReset: () => void
}

import { RingsideError } from '../../process/errors.ts'

/** A link does these things to everything that passes it; every number is 0 unless it is given. */
export interface LinkShape {
  /** One way, in ms. */
  readonly latencyMs: number
  /** At most so much more, drawn anew for each delivery, in ms. Nothing overtakes what was sent before it. */
  readonly jitterMs: number
  /** Deliveries are gathered and arrive together, once in so many ms. */
  readonly burstMs: number
  /**
   * The client takes so many bytes a second from the server's end of each socket and stream; the rest waits there. 0: all
   * at once.
   */
  readonly bytesPerSecond: number
  /** The network takes so many bytes at once before that holds anything up. It fills again while nothing waits. */
  readonly windowBytes: number
  /** The link is cut so often on average, at random times. TCP loses no bytes in the middle: it breaks. */
  readonly cutsPerMinute: number
}

const NO_SHAPE: LinkShape = {
  latencyMs: 0,
  jitterMs: 0,
  burstMs: 0,
  bytesPerSecond: 0,
  windowBytes: 0,
  cutsPerMinute: 0,
}

/** @throws RingsideError option_invalid unless every number is finite and at least 0. */
export function checkShape(change: Partial<LinkShape>, before: LinkShape = NO_SHAPE): LinkShape {
  const shape = { ...before, ...change }
  for (const [name, value] of Object.entries(shape))
    if (!(value >= 0 && Number.isFinite(value)) || !Object.hasOwn(NO_SHAPE, name))
      throw new RingsideError(
        'option_invalid',
        `Expected ${Object.keys(NO_SHAPE).join(', ')} of at least 0, got ${name} ${value}`,
      )
  return shape
}

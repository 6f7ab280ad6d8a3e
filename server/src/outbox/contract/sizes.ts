import type { NewMessage } from './messages.ts'
import type { LogEvent, RangeQuery, Snapshot } from './store.ts'

/** At most so many bytes are taken from a store at once, but for the last event. */
export const PAGE_BYTES = 16 * 1024 * 1024

/** A snapshot has at most so many bytes: a document of MongoDB holds 16 MiB. */
export const MAX_SNAPSHOT_BYTES = 15 * 1024 * 1024

/** Gives the encoded size of an event in bytes, as every bound on events counts it. */
export function eventBytes(event: {
  readonly data: string
  readonly hidden?: string | null
}): number {
  return Buffer.byteLength(event.data) + (event.hidden ? Buffer.byteLength(event.hidden) : 0)
}

/** Gives the bytes that a message holds while it waits to be written: its data and its names. */
export function messageBytes(message: NewMessage): number {
  const { type, data, topic, to, messageId, principal, trace } = message
  const names = [type, topic, to ?? '', messageId, principal, trace ?? '']
  return names.reduce((bytes, name) => bytes + name.length, Buffer.byteLength(data))
}

/**
 * Gives the encoded size of a snapshot in bytes: public and hidden state, and what the room needs to go on.
 */
export function snapshotBytes({
  publicState,
  hiddenState,
  runtime,
}: Pick<Snapshot, 'publicState' | 'hiddenState' | 'runtime'>): number {
  const hiddenBytes = hiddenState === null ? 0 : Buffer.byteLength(hiddenState)
  return Buffer.byteLength(publicState) + hiddenBytes + Buffer.byteLength(runtime)
}

/** Says of each event that answers a query, in order, whether the answer is full with it. */
export class RangeGauge {
  readonly #limit: number
  readonly #maxBytes: number
  #count = 0
  #bytes = 0

  constructor({ limit, maxBytes = Infinity }: Pick<RangeQuery, 'limit' | 'maxBytes'>) {
    this.#limit = limit
    this.#maxBytes = maxBytes
  }

  isFullWith(event: LogEvent): boolean {
    this.#count++
    if (this.#maxBytes !== Infinity) this.#bytes += eventBytes(event)
    return this.#count >= this.#limit || this.#bytes >= this.#maxBytes
  }
}

/** Says whether there may be more after this answer: it ended at its limit or at its bytes. */
export function isFullAnswer(found: readonly LogEvent[], query: RangeQuery): boolean {
  const gauge = new RangeGauge(query)
  let isFull = false
  for (const event of found) isFull = gauge.isFullWith(event)
  return isFull
}

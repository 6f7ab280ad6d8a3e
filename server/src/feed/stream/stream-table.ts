import type { FeedStream } from './stream.ts'

/** The streams that are open, in the order in which they were opened. The feed alone adds and removes them. */
export class StreamTable {
  readonly #streams = new Map<string, FeedStream>()

  #closedBytes = 0

  /** Bytes that were written to streams that are over. */
  get closedBytes(): number {
    return this.#closedBytes
  }

  get size(): number {
    return this.#streams.size
  }

  add(stream: FeedStream): void {
    this.#streams.set(stream.id, stream)
  }

  /** False when it was not there. */
  delete(stream: FeedStream): boolean {
    if (!this.#streams.delete(stream.id)) return false
    this.#closedBytes += stream.writtenBytes
    return true
  }

  has(stream: FeedStream): boolean {
    return this.#streams.get(stream.id) === stream
  }

  find(id: string): FeedStream | null {
    return this.#streams.get(id) ?? null
  }

  [Symbol.iterator](): IterableIterator<FeedStream> {
    return this.#streams.values()
  }
}

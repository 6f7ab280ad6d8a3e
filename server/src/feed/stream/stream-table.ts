import type { FeedStream } from './stream.ts'

/** The streams that are open, in the order in which they were opened. The feed alone adds and removes them. */
export class StreamTable {
  readonly #streams = new Map<string, FeedStream>()

  get size(): number {
    return this.#streams.size
  }

  add(stream: FeedStream): void {
    this.#streams.set(stream.id, stream)
  }

  /** False when it was not there. */
  delete({ id }: FeedStream): boolean {
    return this.#streams.delete(id)
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

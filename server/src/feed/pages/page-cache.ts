const MAX_BYTES = 16 * 1024 * 1024
/** What an entry takes beside its body. */
const OVERHEAD_BYTES = 256

/** One answer of `GET /rooms/:id/events`. */
export interface EventPageBody {
  /** Encoded JSON. Shared: never changed. */
  readonly body: Uint8Array
  /** True when it can never change. */
  readonly isSealed: boolean
}

/**
 * The bodies of pages that can never change, up to 16 MiB, the one unused for longest out first: the beginning
 * of a match is asked for by everybody who looks back.
 */
export class PageCache {
  readonly #bodies = new Map<string, EventPageBody>()
  readonly #underway = new Map<string, Promise<EventPageBody>>()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get(key: string): EventPageBody | null {
    const page = this.#bodies.get(key)
    if (!page) return null
    this.#bodies.delete(key)
    this.#bodies.set(key, page)
    return page
  }

  /** The page as `make` gives it, which is asked once for all who wait for the same with the log up to `upTo`. */
  make(key: string, upTo: number, make: () => Promise<EventPageBody>): Promise<EventPageBody> {
    const question = `${key} ${upTo}`
    const underway = this.#underway.get(question)
    if (underway) return underway
    const making = make()
      .then((page) => {
        this.put(key, page)
        return page
      })
      .finally(() => this.#underway.delete(question))
    this.#underway.set(question, making)
    return making
  }

  /** Keeps the page unless it may still change. */
  put(key: string, page: EventPageBody): void {
    if (!page.isSealed || this.#bodies.has(key)) return
    this.#bodies.set(key, page)
    this.#bytes += page.body.length + OVERHEAD_BYTES
    for (const [oldest, { body }] of this.#bodies) {
      if (this.#bytes <= MAX_BYTES) break
      this.#bodies.delete(oldest)
      this.#bytes -= body.length + OVERHEAD_BYTES
    }
  }
}

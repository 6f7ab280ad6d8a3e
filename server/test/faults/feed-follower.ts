export interface Shown {
  readonly event: string
  readonly data: { readonly n?: number; readonly data?: unknown; readonly state?: unknown }
}

/** A spectator's stream over real HTTP: what it was shown, in order. */
export class FeedFollower implements Disposable {
  readonly shown: Shown[] = []
  readonly #abort = new AbortController()

  constructor(url: string) {
    this.#read(url).catch(() => {})
  }

  async #read(url: string): Promise<void> {
    const response = await fetch(url, { signal: this.#abort.signal })
    const decoder = new TextDecoder()
    let text = ''
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true })
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const lines = text.slice(0, end).split('\n')
        text = text.slice(end + 2)
        const data = lines.find((line) => line.startsWith('data: '))?.slice(6)
        const event = lines.find((line) => line.startsWith('event: '))?.slice(7) ?? ''
        if (data !== undefined) this.shown.push({ event, data: JSON.parse(data) as Shown['data'] })
      }
    }
  }

  /** n of the last event shown. */
  get lastN(): number {
    return this.shown.findLast(({ data }) => data.n !== undefined)?.data.n ?? 0
  }

  /** n of everything after the snapshot. */
  get numbers(): number[] {
    return this.shown.flatMap(({ event, data }) =>
      data.n === undefined || event === 'snapshot' ? [] : [data.n],
    )
  }

  has(event: string): boolean {
    return this.shown.some((shown) => shown.event === event)
  }

  [Symbol.dispose](): void {
    this.#abort.abort()
  }
}

/** A position of the log and its time. */
export interface Mark {
  readonly n: number
  readonly at: number
}

/** A moment worth a mark on the timeline. */
export interface Highlight extends Mark {
  readonly kind: 'kill' | 'round'
  readonly text: string
}

/** Reads the first event after a position; null when there is none. */
export type Probe = (after: number) => Promise<Mark | null>

/** Marks closer together than this, in ms, are not kept, for the timeline is no finer. */
const GRAIN_MS = 400
const MAX_MARKS = 12_000
const MAX_HIGHLIGHTS = 600
/** Questions asked for one position at most. */
const MAX_PROBES = 12
/** A position this close in time, in ms, is good enough. */
const CLOSE_MS = 700

/**
 * Knows the position of the log that belongs to a time. It learns from every event that passes and asks the
 * server for what it does not know, halving the gap each time.
 */
export class TimeIndex {
  #marks: Mark[] = []
  #highlights: Highlight[] = []

  get first(): Mark | undefined {
    return this.#marks[0]
  }

  get last(): Mark | undefined {
    return this.#marks.at(-1)
  }

  get highlights(): readonly Highlight[] {
    return this.#highlights
  }

  add(mark: Mark): void {
    const index = this.#position(mark.at)
    const before = this.#marks[index - 1]
    const after = this.#marks[index]
    const isClose =
      (before && mark.at - before.at < GRAIN_MS) || (after && after.at - mark.at < GRAIN_MS)
    // The first stays the first; the last moves on, for it is where live is.
    if (isClose && before && after) return
    if (isClose && !after && before && index > 1) this.#marks[index - 1] = mark
    else if (isClose && !before) return
    else this.#marks.splice(index, 0, mark)
    if (this.#marks.length > MAX_MARKS) this.#marks = this.#marks.filter((_, at) => at % 2 === 0)
  }

  highlight(highlight: Highlight): void {
    if (this.#highlights.some((known) => known.n === highlight.n)) return
    this.#highlights.push(highlight)
    this.#highlights.sort((a, b) => a.n - b.n)
    if (this.#highlights.length > MAX_HIGHLIGHTS) this.#highlights.shift()
  }

  /** The known neighbours of a time. */
  around(at: number): { before: Mark | undefined; after: Mark | undefined } {
    const index = this.#position(at + 0.5)
    return { before: this.#marks[index - 1], after: this.#marks[index] }
  }

  /** A position at `at` or a little before, asking `probe` where nothing near is known. */
  async find(at: number, probe: Probe): Promise<Mark | null> {
    for (let asked = 0; asked < MAX_PROBES; asked++) {
      const { before, after } = this.around(at)
      if (!before) return after ?? null
      if (!after || at - before.at <= CLOSE_MS || after.n - before.n <= 1) return before
      // Numbers are nearly even in time, so this guesses by proportion, but always leaves a part to gain.
      const share = (at - before.at) / (after.at - before.at)
      const guess = before.n + (after.n - before.n) * Math.min(0.95, Math.max(0.05, share))
      const found = await probe(Math.floor(guess))
      if (!found || found.n >= after.n || found.n <= before.n) return before
      this.#insert(found)
    }
    return this.around(at).before ?? null
  }

  /** Does as `add`, but always keeps a mark that was asked for. */
  #insert(mark: Mark): void {
    const index = this.#position(mark.at)
    if (this.#marks[index]?.n !== mark.n) this.#marks.splice(index, 0, mark)
  }

  /** Index of the first mark that is not earlier than `at`. */
  #position(at: number): number {
    let low = 0
    let high = this.#marks.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#marks[middle]?.at ?? Infinity) < at) low = middle + 1
      else high = middle
    }
    return low
  }
}

/**
 * Picks at most about `max` of the highlights from `from` to `to`, evenly over time: of those that lie close
 * together the first is kept, or the end of a round where there is one. The same moments stay chosen
 * while the end moves on, until the span has doubled.
 */
export function thinOut(
  highlights: readonly Highlight[],
  { from, to, max }: { from: number; to: number; max: number },
): Highlight[] {
  const visible = highlights.filter(({ at }) => at >= from && at <= to)
  if (visible.length <= max) return visible
  let slotMs = 250
  while ((to - from) / slotMs >= max) slotMs *= 2
  const slots = new Map<number, Highlight>()
  for (const highlight of visible) {
    const slot = Math.floor(highlight.at / slotMs)
    const known = slots.get(slot)
    if (!known || (known.kind === 'kill' && highlight.kind === 'round')) slots.set(slot, highlight)
  }
  return [...slots.values()]
}

import type { Snapshot, SnapshotPlace, SnapshotStore, VoidRange } from '../contract/store.ts'

/** The numbers that restores have made void (OB102). */
export class Voids {
  readonly #ranges: readonly VoidRange[]

  /** `ranges` ascend, and none touches another. */
  constructor(ranges: readonly VoidRange[]) {
    this.#ranges = ranges
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0
  }

  /** The range that the number lies in, or null. */
  rangeOf(seq: number): VoidRange | null {
    return this.#ranges.find(({ after, upTo }) => seq > after && seq <= upTo) ?? null
  }

  has(seq: number): boolean {
    return this.rangeOf(seq) !== null
  }

  /** True when nothing of (after, upTo] is void. It is cheap: most logs were never restored. */
  isClear(after: number, upTo: number): boolean {
    return !this.#ranges.some((range) => range.after < upTo && range.upTo > after)
  }

  /** The parts of (after, upTo] that are not void, ascending. */
  partsOf(after: number, upTo: number): VoidRange[] {
    const parts: VoidRange[] = []
    let from = after
    for (const range of this.#ranges) {
      if (range.upTo <= from || range.after >= upTo) continue
      if (range.after > from) parts.push({ after: from, upTo: range.after })
      from = range.upTo
    }
    if (from < upTo) parts.push({ after: from, upTo })
    return parts
  }

  /** Goes back from `seq` by so many numbers, void ones not counted. */
  stepBack(seq: number, count: number): number {
    let from = seq
    let left = count
    for (const range of this.#ranges.toReversed()) {
      if (range.after >= from) continue
      const between = from - Math.min(from, range.upTo)
      if (left <= between) break
      left -= between
      from = range.after
    }
    return from - left
  }

  /** True when a range lies above `seq`: the log was restored since then. */
  isAnyAbove(seq: number): boolean {
    return (this.#ranges.at(-1)?.upTo ?? 0) > seq
  }
}

/** Gives the newest snapshot of a room at or below `seq` that is not void: a void one goes with the next cut above it. */
export async function snapshotOutside(
  voids: Voids,
  snapshots: Pick<SnapshotStore, 'at'>,
  { room, seq }: SnapshotPlace,
): Promise<Snapshot | null> {
  for (let upTo = seq; ;) {
    const found = await snapshots.at(room, upTo)
    const range = found && voids.rangeOf(found.seq)
    if (!range) return found
    upTo = range.after
  }
}

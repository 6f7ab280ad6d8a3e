import type { Logger } from '../../process/logger.ts'
import { MAX_SNAPSHOT_BYTES, PAGE_BYTES, isFullAnswer, snapshotBytes } from '../contract/sizes.ts'
import { StateFold } from './state-fold.ts'
import type { LogStore, Snapshot, SnapshotPlace } from '../contract/store.ts'

const PAGE = 1_000
/** The states of so many rooms are made together: they share each query and each write. */
const GROUP = 100

/** A room whose state at the floor is not stored yet. */
export interface MissingState {
  readonly room: string
  /** The seq of its last event up to the floor. */
  readonly seq: number
  /** The seq of its newest snapshot below that, or null. */
  readonly base: number | null
}

/** Stores rooms' states at the floor, made of the snapshots before it and the patches up to it (OB75). */
export class StateKeeper {
  readonly #store: Pick<LogStore, 'events' | 'snapshots'>
  readonly #logger: Logger
  /** No state of these rooms could be made the last time; reads may have been older than others. */
  #suspects = new Set<string>()

  constructor(context: {
    readonly store: Pick<LogStore, 'events' | 'snapshots'>
    readonly logger: Logger
  }) {
    this.#store = context.store
    this.#logger = context.logger
  }

  /**
   * Resolves with false when a state could not be made that may be there: the floor must not be raised yet. A state
   * that fails twice, or is too large to store, is logged and lost, or it would keep the whole log.
   */
  async keep(missing: readonly MissingState[], isStopped: () => boolean): Promise<boolean> {
    const failed = new Set<string>()
    for (let at = 0; at < missing.length; at += GROUP) {
      if (isStopped()) return false
      const group = missing.slice(at, at + GROUP)
      const based = new Map<string, MissingState>()
      for (const each of group) if (each.base !== null) based.set(each.room, each)
      await this.#make(
        group.filter((each) => each.base === null),
        [],
        failed,
      )
      while (based.size > 0) {
        const bases = await this.#store.snapshots.of(placesOf(based.values()), PAGE_BYTES)
        const some = bases.map(({ room }) => based.get(room)).filter((each) => each !== undefined)
        await this.#make(some, bases, failed)
        for (const { room } of bases) based.delete(room)
        if (some.length > 0) continue
        // They were deleted meanwhile, or are not shown yet.
        for (const room of based.keys()) failed.add(room)
        break
      }
    }
    const isNew = [...failed].some((room) => !this.#suspects.has(room))
    this.#suspects = failed
    if (isNew) return false
    for (const room of failed)
      this.#logger.error({ roomId: room }, 'no state could be made of the log that is cut')
    return true
  }

  async #make(
    group: readonly MissingState[],
    bases: readonly Snapshot[],
    failed: Set<string>,
  ): Promise<void> {
    if (group.length === 0) return
    const folds = new Map<string, StateFold>()
    for (const { room } of group) folds.set(room, new StateFold(room, null))
    for (const base of bases) folds.set(base.room, new StateFold(base.room, base))
    const rooms = [...folds.keys()]
    const upTo = group.reduce((most, { seq }) => Math.max(most, seq), 0)
    let after = group.reduce((least, { base }) => Math.min(least, base ?? 0), upTo)
    for (;;) {
      const query = { after, upTo, rooms, limit: PAGE, maxBytes: PAGE_BYTES }
      const page = await this.#store.events.range(query)
      for (const event of page) folds.get(event.room ?? '')?.add(event)
      const last = page[page.length - 1]
      if (!last || !isFullAnswer(page, query)) break
      after = last.seq
    }
    const made: Snapshot[] = []
    for (const { room, seq } of group) {
      const state = folds.get(room)?.resultAt(seq)
      if (!state) failed.add(room)
      else if (this.#isStorable(state)) made.push(state)
    }
    if (made.length > 0) await this.#store.snapshots.saveAll(made)
  }

  #isStorable(state: Snapshot): boolean {
    const bytes = snapshotBytes(state)
    if (bytes <= MAX_SNAPSHOT_BYTES) return true
    const fields = { roomId: state.room, bytes, maxBytes: MAX_SNAPSHOT_BYTES }
    this.#logger.error(fields, 'a state is too large to be stored: its room cannot go on')
    return false
  }
}

function placesOf(missing: Iterable<MissingState>): SnapshotPlace[] {
  const places: SnapshotPlace[] = []
  for (const { room, base } of missing) if (base !== null) places.push({ room, seq: base })
  return places
}

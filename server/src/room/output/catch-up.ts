import { encodeSystem } from '@ringside/protocol'
import type { ClientLink } from '../../call/seat-contract.ts'
import type { FullState, PlayerPatch } from '../../state/contract.ts'

/** A larger state goes out in pieces; so does one of a room whose last was larger (SL5). */
export const LARGE_STATE_BYTES = 65_536
const PIECE_BYTES = 32_768
/** No piece or patch is handed over while so much waits; with the last one it stays within the room for pieces. */
const WINDOW_BYTES = 65_536
/** A client is there once no more than this waits. */
const DONE_BYTES = 16_384
/** A state that others are being sent already serves a newcomer too, until patches of a quarter of its size follow it. */
const SHARED_PART = 0.25
/** So many states of a room are being sent at most: beyond it the newest is sent to whoever comes, whatever its age. */
const MAX_SNAPSHOTS = 8

const NOBODY: readonly LoadingSeat[] = []

/** The patches of a room in order. Nobody holds those that everybody has: they are garbage then. */
interface Missed {
  readonly patch: PlayerPatch | null
  /** Bytes of all patches up to this one. */
  readonly totalBytes: number
  next: Missed | null
}

/** The state of one instant, and where its patches begin. */
interface Snapshot {
  readonly state: FullState
  readonly at: Missed
}

/** A seat, as far as the state that it is sent concerns it. */
export interface LoadingSeat {
  readonly id: string
  readonly link: ClientLink | null
  readonly isGreeted: boolean
  /** A state is on its way in pieces, and the patches after it wait. */
  load: Load | null
  needsFullState: boolean
  deliver(frame: Uint8Array, isForAll?: boolean): void
}

/** One client's way to the present: the pieces of a state, then the patches since. */
export interface Load {
  readonly snapshot: Snapshot
  readonly parts: readonly Uint8Array[]
  readonly byteCount: number
  /** Bytes of the state that were handed over. */
  sentBytes: number
  /** The last patch that the client has; null = it has missed too much, and needs another state after this one. */
  has: Missed | null
  /** JOINED has gone, and everything else waits until the client is there. */
  readonly onDone: () => void
}

/**
 * Brings clients to the present that need a large state: it is handed to their sockets piece by piece, as they take it,
 * and after it the patches since (SL5). A state is encoded once for all who need one at about the same time, and its
 * patches are those of the room: a client holds no copy of either (SL8). A client that has missed more bytes of
 * patches than its state has gets another state, once it has this one whole (SL9): if its line takes more than the
 * room changes it is live in the end, and if not it gets as many states as it takes.
 */
export class CatchUp {
  readonly #loading = new Set<LoadingSeat>()
  #last: Missed = { patch: null, totalBytes: 0, next: null }
  #newest: Snapshot | null = null

  /** Seats that have got JOINED and not all of their first state: who came and went is told to them, too. */
  get greeting(): readonly LoadingSeat[] {
    return this.#loading.size === 0
      ? NOBODY
      : Array.from(this.#loading).filter(({ load, isGreeted }) => load !== null && !isGreeted)
  }

  /** Notes a patch that has gone to those who are live: the others get it later. */
  note(patch: PlayerPatch): void {
    this.#prune()
    if (this.#loading.size === 0) return
    const totalBytes = this.#last.totalBytes + patch.byteCount
    this.#last = this.#last.next = { patch, totalBytes, next: null }
    for (const seat of this.#loading) {
      const { load } = seat
      if (load?.has && totalBytes - load.has.totalBytes > limitOf(load.byteCount)) load.has = null
    }
  }

  /** Patches were left out, or the audiences have changed: no state from before can be brought to the present. */
  lose(): void {
    this.#newest = null
    for (const { load } of this.#loading) if (load) load.has = null
  }

  /** This client sees other parts of the state from the next patch on. */
  changeTeam({ load }: LoadingSeat): void {
    this.#newest = null
    if (load) load.has = null
  }

  /** The newest state may be sent to one more client that was behind; else a new one is due. */
  get isShared(): boolean {
    return this.#isWithin(SHARED_PART) || this.isCrowded
  }

  /** The newest state has to do for whoever comes: too many states are being sent already. */
  get isCrowded(): boolean {
    return this.#isWithin(1) && this.#snapshotCount() >= MAX_SNAPSHOTS
  }

  /** The patches since the newest state are at most this part of its size. */
  #isWithin(part: number): boolean {
    const snapshot = this.#newest
    if (snapshot === null) return false
    const missed = this.#last.totalBytes - snapshot.at.totalBytes
    return missed <= snapshot.state.byteCount * part
  }

  /** Keeps the state of this instant, right after the patch of it was noted. */
  keep(state: FullState): void {
    const oldest = this.#snapshotCount() >= MAX_SNAPSHOTS ? this.#oldest() : null
    this.#newest = { state, at: this.#last }
    if (oldest === null) return
    for (const seat of this.#loading)
      if (seat.load?.snapshot === oldest) this.begin(seat, seat.load.onDone)
  }

  /**
   * Begins with the newest state, in place of one that is under way: `feed` sends it, and calls `onDone` once the client
   * has everything. False when there is none.
   */
  begin(seat: LoadingSeat, onDone: () => void): boolean {
    const snapshot = this.#newest
    if (snapshot === null) return false
    const parts = snapshot.state.partsFor(seat.id)
    let byteCount = 0
    for (const part of parts) byteCount += part.length
    seat.load = { snapshot, parts, byteCount, sentBytes: 0, has: snapshot.at, onDone }
    this.#loading.add(seat)
    return true
  }

  /** Hands over what the socket has room for. A send that closes the connection ends the load. */
  feed(seat: LoadingSeat): void {
    const { load } = seat
    while (load !== null && seat.load === load && seat.link) {
      const { link } = seat
      if (link.bufferedBytes >= WINDOW_BYTES) return
      if (load.sentBytes < load.byteCount) link.sendPiece(nextPiece(load))
      else {
        const next = load.has?.next?.patch ?? null
        const frame = next && next.frameFor(seat.id)
        // Not even a socket that is empty could hold it.
        const isTooLarge = frame !== null && frame.length > maxPatchBytes(link)
        // With more than this waiting the next patches would find it behind again.
        if (frame === null && link.bufferedBytes > DONE_BYTES) return
        if (frame === null || isTooLarge) {
          if (isTooLarge || load.has === null) seat.needsFullState = true
          return this.#done(seat, load)
        }
        load.has = load.has?.next ?? null
        link.sendPiece(frame)
      }
    }
  }

  #done(seat: LoadingSeat, load: Load): void {
    seat.load = null
    this.#prune()
    load.onDone()
  }

  /** Forgets those who are there, or gone, and with the last of them the state. */
  #prune(): void {
    for (const seat of this.#loading) if (seat.load === null) this.#loading.delete(seat)
    if (this.#loading.size === 0) this.#newest = null
  }

  #snapshotCount(): number {
    const snapshots = new Set<Snapshot>()
    for (const { load } of this.#loading) if (load) snapshots.add(load.snapshot)
    return snapshots.size
  }

  #oldest(): Snapshot | null {
    let oldest: Snapshot | null = null
    for (const { load } of this.#loading)
      if (load && (oldest === null || load.snapshot.at.totalBytes < oldest.at.totalBytes))
        oldest = load.snapshot
    return oldest
  }
}

/** A larger patch is not sent whole: its client gets the state in pieces in place of it. */
export function maxPatchBytes({ budgetBytes }: ClientLink): number {
  return Math.max(budgetBytes, LARGE_STATE_BYTES)
}

/** A client may miss so many bytes of patches: with more, another state is the shorter way. */
function limitOf(stateBytes: number): number {
  return Math.max(stateBytes, LARGE_STATE_BYTES)
}

function nextPiece(load: Load): Uint8Array {
  const offset = load.sentBytes
  let start = offset
  let index = 0
  let part = load.parts[0] as Uint8Array
  while (start >= part.length) {
    start -= part.length
    part = load.parts[++index] as Uint8Array
  }
  const payload = part.subarray(start, start + PIECE_BYTES)
  load.sentBytes += payload.length
  return encodeSystem('statePart', { offset, total: load.byteCount, payload })
}

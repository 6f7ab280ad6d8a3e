import { snapshotBytes } from '../../contract/sizes.ts'
import type { Snapshot, SnapshotCut, SnapshotPlace, SnapshotStore } from '../../contract/store.ts'
import { indexAfter } from './by-seq.ts'

/** Snapshots in memory. */
export class MemorySnapshots implements SnapshotStore {
  /** The snapshots of each room ascend by seq; no list is empty. */
  readonly #byRoom = new Map<string, Snapshot[]>()

  async save(snapshot: Snapshot): Promise<void> {
    this.#put(snapshot)
  }

  async saveAll(snapshots: readonly Snapshot[]): Promise<void> {
    for (const snapshot of snapshots) this.#put(snapshot)
  }

  async at(room: string, seq: number): Promise<Snapshot | null> {
    return this.#newest(room, seq)
  }

  async places(rooms: readonly string[], seq: number): Promise<SnapshotPlace[]> {
    const places: SnapshotPlace[] = []
    for (const room of rooms) {
      const found = this.#newest(room, seq)
      if (found) places.push({ room, seq: found.seq })
    }
    return places
  }

  async of(places: readonly SnapshotPlace[], maxBytes: number): Promise<Snapshot[]> {
    const found: Snapshot[] = []
    let bytes = 0
    for (const { room, seq } of places) {
      const snapshot = this.#newest(room, seq)
      if (snapshot?.seq !== seq) continue
      found.push(snapshot)
      bytes += snapshotBytes(snapshot)
      if (bytes >= maxBytes) break
    }
    return found
  }

  async delete(cuts: readonly SnapshotCut[]): Promise<void> {
    for (const { room, below } of cuts) {
      const kept = this.#byRoom.get(room)
      if (!kept) continue
      kept.splice(0, indexAfter(kept, below - 1))
      if (kept.length === 0) this.#byRoom.delete(room)
    }
  }

  #newest(room: string, seq: number): Snapshot | null {
    const kept = this.#byRoom.get(room)
    return kept?.[indexAfter(kept, seq) - 1] ?? null
  }

  #put(snapshot: Snapshot): void {
    const kept = this.#byRoom.get(snapshot.room)
    if (!kept) {
      this.#byRoom.set(snapshot.room, [snapshot])
      return
    }
    const index = indexAfter(kept, snapshot.seq)
    const isSame = kept[index - 1]?.seq === snapshot.seq
    kept.splice(isSame ? index - 1 : index, isSame ? 1 : 0, snapshot)
  }
}

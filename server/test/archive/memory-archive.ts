import type {
  ArchiveDraft,
  ArchiveStats,
  ArchiveStore,
  ArchivedMatch,
} from '../../src/archive/contract.ts'
import { matchBytes } from '../../src/archive/contract.ts'

/** An archive in memory that a test may break. */
export class MemoryArchive implements ArchiveStore {
  readonly address = 'in memory'
  maxBytes = 1e12
  /** Whatever is asked of it fails with this while it is not null. */
  failure: Error | null = null
  readonly matches = new Map<string, { match: ArchivedMatch; chunks: Uint8Array[] }>()

  async open(): Promise<void> {
    this.#fail()
  }

  async close(): Promise<void> {}

  async find(room: string): Promise<ArchivedMatch | null> {
    this.#fail()
    return this.matches.get(room)?.match ?? null
  }

  async read({ room, version }: ArchivedMatch, index: number): Promise<Uint8Array | null> {
    this.#fail()
    const kept = this.matches.get(room)
    return kept?.match.version === version ? (kept.chunks[index] ?? null) : null
  }

  async begin(room: string): Promise<ArchiveDraft> {
    this.#fail()
    const chunks: Uint8Array[] = []
    return {
      append: async (chunk) => {
        this.#fail()
        chunks.push(chunk)
      },
      commit: async (match) => {
        this.#fail()
        if ((this.matches.get(room)?.match.version ?? 0) !== match.version) return false
        this.matches.set(room, { match: { ...match, version: match.version + 1 }, chunks })
        return true
      },
      abandon: async () => {},
    }
  }

  async update(match: ArchivedMatch): Promise<boolean> {
    this.#fail()
    const kept = this.matches.get(match.room)
    if (kept?.match.version !== match.version) return false
    kept.match = { ...match, version: match.version + 1 }
    return true
  }

  async delete(room: string): Promise<void> {
    this.#fail()
    this.matches.delete(room)
  }

  async expired(time: number, limit: number): Promise<ArchivedMatch[]> {
    return this.#some(({ keepUntil }) => keepUntil !== null && keepUntil <= time, limit)
  }

  async oldest(limit: number): Promise<ArchivedMatch[]> {
    return this.#some(({ keepUntil }) => keepUntil !== null, limit)
  }

  async stats(): Promise<ArchiveStats> {
    const bytes = this.#all.reduce((sum, match) => sum + matchBytes(match), 0)
    return { matches: this.matches.size, bytes }
  }

  get #all(): ArchivedMatch[] {
    return [...this.matches.values()].map(({ match }) => match)
  }

  #some(isWanted: (match: ArchivedMatch) => boolean, limit: number): ArchivedMatch[] {
    this.#fail()
    const age = ({ end, createdAt }: ArchivedMatch): number => end?.at ?? createdAt
    return this.#all
      .filter(isWanted)
      .sort((one, other) => age(one) - age(other))
      .slice(0, limit)
  }

  #fail(): void {
    if (this.failure) throw this.failure
  }
}

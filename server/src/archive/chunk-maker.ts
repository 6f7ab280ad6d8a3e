import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { PATCH, patchNOf } from '../outbox/contract/store.ts'
import type { LogEvent } from '../outbox/contract/store.ts'
import type { ArchiveChunk } from './contract.ts'
import { eventLine, readLines, stateLine } from './lines.ts'
import type { ArchivedState, ChunkContent } from './lines.ts'

const compress = promisify(gzip)
const decompress = promisify(gunzip)

/** A chunk is full at so many characters, its state not counted, or so many events. */
const MAX_CHARACTERS = 512 * 1024
const MAX_EVENTS = 2_000
/** A state is written again once the events since the last one are so many times as long: it costs a part of them. */
const EVENTS_PER_STATE = 4
/** No chunk is longer when it is read: an event of 15 MiB with a state of as much fits. */
const MAX_CHUNK_BYTES = 64 * 1024 * 1024

/** A chunk as it is written. */
export interface MadeChunk {
  readonly info: ArchiveChunk
  readonly data: Uint8Array
}

/**
 * Makes the chunks of a match of its events, in order and without a gap. It folds the public state as it goes, and
 * lets chunks begin with it now and then, so that no state is far from one that is written.
 */
export class ChunkMaker {
  #last: ArchivedState
  /** Undefined where the log no longer had the state before the first event: then no chunk has one. */
  #state: Json | undefined
  #lines: string[] = []
  #characters = 0
  #first: { readonly n: number; readonly after: number; readonly hasState: boolean } | null = null
  #sinceState = Infinity
  #stateCharacters = 0

  /** Begins after this state; null: before the first event of the room. */
  constructor(base: ArchivedState | null) {
    this.#last = base ?? { seq: 0, n: 0, epoch: 0, at: 0, patchN: 0, publicState: '' }
    if (base === null) this.#state = {}
    else if (base.publicState !== '') this.#state = JSON.parse(base.publicState) as Json
  }

  /** The place of the last event, which is where it goes on. */
  get last(): Pick<ArchivedState, 'n' | 'seq'> {
    return this.#last
  }

  get isFull(): boolean {
    return this.#characters >= MAX_CHARACTERS || this.#lines.length >= MAX_EVENTS
  }

  /** @throws RangeError for an event that does not follow, SyntaxError for one that is no JSON. */
  add(event: LogEvent): void {
    const { seq, n, epoch, at, who = this.#last.who } = event
    if (n !== this.#last.n + 1)
      throw new RangeError(`Expected event ${this.#last.n + 1} of room '${event.room}', got ${n}`)
    this.#first ??= this.#begin(n, seq)
    const line = eventLine(event)
    this.#lines.push(line)
    this.#characters += line.length
    this.#sinceState += line.length
    if (event.type === PATCH && event.data !== '' && this.#state !== undefined)
      this.#state = applyMergePatch(this.#state, JSON.parse(event.data) as Json)
    this.#last = {
      seq,
      n,
      epoch,
      at,
      patchN: patchNOf(event),
      publicState: '',
      ...(who ? { who } : {}),
    }
  }

  #begin(n: number, seq: number): { n: number; after: number; hasState: boolean } {
    const after = this.#last.n === 0 ? seq - 1 : this.#last.seq
    const isDue = this.#sinceState >= EVENTS_PER_STATE * this.#stateCharacters
    const hasState = n > 1 && this.#state !== undefined && isDue
    if (hasState) {
      const line = stateLine({ ...this.#last, publicState: JSON.stringify(this.#state) })
      this.#lines.push(line)
      this.#stateCharacters = line.length
      this.#sinceState = 0
    }
    return { n, after, hasState }
  }

  /** Takes out the chunk that was gathered; null when there is none. */
  async take(): Promise<MadeChunk | null> {
    const first = this.#first
    if (!first) return null
    const text = `${this.#lines.join('\n')}\n`
    const { n: to, seq: upTo } = this.#last
    this.#lines = []
    this.#characters = 0
    this.#first = null
    const data = await compress(text)
    const { n: from, after, hasState } = first
    return { info: { bytes: data.length, after, upTo, from, to, hasState }, data }
  }
}

/** Reads a chunk. @throws Error, of any kind, for what is none: damaged, cut short or foreign. */
export async function readChunk(
  room: string,
  { after, upTo, from, to }: ArchiveChunk,
  data: Uint8Array,
): Promise<ChunkContent & { readonly characters: number }> {
  const text = (await decompress(data, { maxOutputLength: MAX_CHUNK_BYTES })).toString('utf8')
  const content = readLines(room, text)
  let n = from - 1
  let seq = after
  for (const event of content.events) {
    if (event.n !== ++n || event.seq <= seq) throw new SyntaxError('Expected a run of events')
    seq = event.seq
  }
  if (n !== to || seq !== upTo) throw new SyntaxError('Expected the whole run of events')
  return { ...content, characters: text.length }
}

import { createHash, randomFillSync } from 'node:crypto'
import { Sealer } from '../../process/sealer.ts'
import type { KeyFor } from '../../process/sealer.ts'

/** The content of a position in a feed of many rooms or topics. */
export interface SealedPosition {
  readonly seq: number
  /** 32 bits of the id of the log's history. */
  readonly history: number
  /** `checkOf` the event at `seq`; 0 where the position stands on no event. */
  readonly check: number
  /** 48 bits of the hash of what the stream followed. */
  readonly selection: number
}

/** What is sealed: the number twice 32 bits, history, check, selection, salt. */
const BYTES = { seqHigh: 0, seqLow: 4, history: 8, check: 12, selection: 16, salt: 22, all: 28 }
const SALT_BYTES = BYTES.all - BYTES.salt
/** Base64url of the tag and what is sealed. */
const TOKEN_CHARACTERS = Math.ceil(((16 + BYTES.all) * 4) / 3)
/** `id: ` */
const ID_FIELD_BYTES = 4
/** Tokens of events that were made lately; so many, whatever there is to see. */
const CACHE_SLOTS = 4_096

interface CachedLine {
  readonly seq: number
  readonly selection: number
  readonly line: Uint8Array
}

/**
 * FE52: makes and reads the positions of feeds of many rooms: tokens that tell nobody anything, so that nobody
 * learns from a position how much happens where they may not look. An event has one token for each selection; a
 * position without an event has another one each time it is told.
 */
export class SealedPositions {
  readonly #sealer: Sealer
  readonly #history: number
  readonly #plain = Buffer.alloc(BYTES.all)
  /** By slot. */
  readonly #lines = new Map<number, CachedLine>()

  /** `historyId` is that of the log (OB100). */
  constructor(keyFor: KeyFor, historyId: string) {
    this.#sealer = new Sealer(keyFor, 'feed position')
    this.#history = createHash('sha256').update(historyId).digest().readUInt32BE(0)
  }

  /** The line `id: <token>` of an event, with its line end. It is shared, and never changed. */
  lineOf(seq: number, check: number, selection: number): Uint8Array {
    const slot = (seq % CACHE_SLOTS) ^ (selection % CACHE_SLOTS)
    const known = this.#lines.get(slot)
    if (known?.seq === seq && known.selection === selection) return known.line
    this.#plain.fill(0, BYTES.salt)
    const line = Buffer.from(`id: ${this.#seal(seq, check, selection)}\n`, 'latin1')
    this.#lines.set(slot, { seq, selection, line })
    return line
  }

  /** The token of an event, the same as in its line. */
  tokenOf(seq: number, check: number, selection: number): string {
    const line = this.lineOf(seq, check, selection)
    return Buffer.from(line.buffer, line.byteOffset, line.length - 1).toString(
      'latin1',
      ID_FIELD_BYTES,
    )
  }

  /** A token that stands on no event: it equals no other. */
  quietToken(seq: number, selection: number): string {
    randomFillSync(this.#plain, BYTES.salt, SALT_BYTES)
    return this.#seal(seq, 0, selection)
  }

  /** Null for a text that is no position of this log's keys, to the last bit. */
  open(text: string): SealedPosition | null {
    if (text.length !== TOKEN_CHARACTERS) return null
    const content = this.#sealer.open(text)
    if (content?.length !== BYTES.all) return null
    const plain = Buffer.from(content)
    return {
      seq: plain.readUInt32BE(BYTES.seqHigh) * 2 ** 32 + plain.readUInt32BE(BYTES.seqLow),
      history: plain.readUInt32BE(BYTES.history),
      check: plain.readUInt32BE(BYTES.check),
      selection: plain.readUIntBE(BYTES.selection, 6),
    }
  }

  /** True for a position that was told in the history that the log has now. */
  isOfThisHistory({ history }: SealedPosition): boolean {
    return history === this.#history
  }

  #seal(seq: number, check: number, selection: number): string {
    const plain = this.#plain
    plain.writeUInt32BE(Math.trunc(seq / 2 ** 32), BYTES.seqHigh)
    plain.writeUInt32BE(seq % 2 ** 32, BYTES.seqLow)
    plain.writeUInt32BE(this.#history, BYTES.history)
    plain.writeUInt32BE(check, BYTES.check)
    plain.writeUIntBE(selection, BYTES.selection, 6)
    return this.#sealer.seal(plain)
  }
}

/** 48 bits of the hash of a selection's key. */
export function selectionHash(key: string): number {
  return createHash('sha256').update(key).digest().readUIntBE(0, 6)
}

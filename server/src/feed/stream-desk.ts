import type { Clock } from '../process/clock.ts'
import { RingsideError } from '../process/errors.ts'
import { Rate } from '../limit/rate.ts'
import { isSameSecret } from '../process/exact-text.ts'
import type { Outbox } from '../outbox/contract/outbox.ts'
import type { HttpRequest } from '../transport/contract.ts'
import type { FeedAccess } from './audience/access.ts'
import type { ClientClaims } from './audience/client-claims.ts'
import { followedText } from './audience/followed.ts'
import type { Selection } from './audience/selection.ts'
import { changeWish } from './audience/wish.ts'
import type { FeedSource } from './read/source.ts'
import type { FeedGroups } from './stream/groups.ts'
import { unknownNotes } from './stream/seekers.ts'
import type { Seekers } from './stream/seekers.ts'
import { lagOf } from './stream/lag.ts'
import type { FeedStream } from './stream/stream.ts'
import type { StreamTable } from './stream/stream-table.ts'

export interface DeskContext {
  readonly outbox: Outbox
  readonly access: FeedAccess
  readonly claims: ClientClaims
  readonly streams: StreamTable
  readonly source: FeedSource
  readonly groups: FeedGroups
  readonly seekers: Seekers
  readonly clock: Clock
  /** Says up to which seq a reader of the stream has read by an id; null for one that it cannot have been shown. */
  readonly positionOf: (id: string, stream: FeedStream) => Promise<number | null>
}

interface ShownSelection {
  readonly rooms: readonly string[]
  readonly topics: readonly string[]
  /** null = all. */
  readonly types: readonly string[] | null
}

/** What a stream follows, as its reader is told. */
export interface SelectionAnswer extends ShownSelection {
  readonly streamId: string
  /** The room that each alias stands for now. */
  readonly aliases: Readonly<Record<string, string | null>>
  /** These are not there (yet). */
  readonly unknown: readonly string[]
  readonly delayMs: number
}

/** One stream, as an operator sees it: nothing by which it could be taken over or gone on with. */
export interface StreamListing extends ShownSelection {
  readonly streamId: string
  readonly openedAt: number
  readonly state: string
  readonly principal: string
  /** Of one that nobody known reads a hash. */
  readonly clientId: string | null
  readonly feed: string
  /** A hash of the address: equal ones are equal. */
  readonly address: string
  readonly delayMs: number
  /** n of the last event of its one room that it has, where that is in memory. */
  readonly n: number | null
  /** How long ago the oldest event happened that it may see and has not got; 0: it has all, null: long ago. */
  readonly lagMs: number | null
  /** Bytes of events that were written to it. */
  readonly bytes: number
  /** Bytes of them that its socket has not taken yet. */
  readonly bufferedBytes: number
}

export interface StreamPage {
  readonly streams: readonly StreamListing[]
  /** Pass it as `after` to read on; null: nothing follows. */
  readonly next: number | null
}

/** A stream changes what it follows so often at most, for its rooms begin with their snapshots each time. */
const CHANGES = { points: 10, windowMs: 10_000 }
/** It is compared where there is no stream, so that this takes as long. */
const NO_KEY = 'x'.repeat(25)

/** What the owners of streams, and operators, do with streams that are open. */
export class StreamDesk {
  readonly #context: DeskContext
  readonly #changes: Rate

  constructor(context: DeskContext) {
    this.#context = context
    this.#changes = new Rate(CHANGES, context.clock)
  }

  /**
   * FE79: finds the stream of a reader who has its key. No stream and another's key are one and the same answer.
   * @throws RingsideError not_found.
   */
  owned(id: string, key: unknown): FeedStream {
    const stream = this.#context.streams.find(id)
    const isKey = isSameSecret(typeof key === 'string' ? key : '', stream?.key ?? NO_KEY)
    if (!stream || !isKey) throw new RingsideError('not_found', 'Expected a stream and its key')
    return stream
  }

  /**
   * FE81: a later token of the same reader takes the place of the one that the stream was opened with, or last changed.
   * @throws RingsideError as the authenticator.
   */
  async refresh(stream: FeedStream, request: HttpRequest): Promise<void> {
    const { access, groups, streams } = this.#context
    const asking = await access.refreshed(stream.asking, request)
    if (!asking || !streams.has(stream)) return
    stream.asking = asking
    access.watch(stream)
    groups.reassign(stream)
  }

  /**
   * FE74: changes what the stream follows, where it stands. `change` has what is to be another: `rooms`, `topics`,
   * `types`.
   * @throws RingsideError bad_request, too_many_requests.
   */
  change(stream: FeedStream, change: { readonly [name: string]: unknown }): SelectionAnswer {
    const { seekers, groups, access } = this.#context
    const { selection: before } = stream.group
    const { rooms, topics } = change
    if (before.isSingle && (rooms !== undefined || topics !== undefined))
      throw new RingsideError('bad_request', 'Expected a stream of /feed to change rooms or topics')
    const wish = changeWish(stream.wish, change)
    this.#changes.check(stream.id)
    stream.wish = wish
    if (before.isSingle) {
      const types = before.withTypes(wish.types)
      const isAll = hasStates(types) && !hasStates(before)
      groups.change(stream, types, { rooms: isAll ? (before.rooms ?? []) : [], notes: new Map() })
      return this.#answer(stream, [])
    }
    const who = { asking: stream.asking, client: before.clientId }
    const found = seekers.find(wish, who, seekers.aliasesOf(stream))
    const waitMs = seekers.waitMsOf(stream)
    const { selection, unknown } = found
    const isAll = hasStates(selection) && !hasStates(before)
    const now = selection.rooms ?? access.publicIds()
    const known = before.roomSet ?? new Set(access.publicIds())
    const added = [...now].filter((room) => isAll || !known.has(room))
    groups.change(stream, selection, { rooms: added, notes: unknownNotes(unknown, waitMs) })
    seekers.add(stream, found, waitMs)
    return this.#answer(stream, unknown)
  }

  /**
   * OB19: the client of the stream has read up to this position, which the stream was shown.
   * @throws RingsideError bad_request for a stream without a client, or a position that it was not shown.
   */
  async acknowledge(stream: FeedStream, id: unknown): Promise<void> {
    const { outbox, positionOf } = this.#context
    const { client, group } = stream
    if (!client) throw new RingsideError('bad_request', 'Expected a stream with a clientId')
    const seq = typeof id === 'string' ? await positionOf(id, stream) : null
    if (seq === null || seq > stream.shownTo)
      throw new RingsideError('bad_request', 'Expected an id that this stream was shown')
    outbox.checkpoints.note({ ...client, seq, selection: followedText(group.selection) })
  }

  /** Ends the stream; its reader may come back. @throws RingsideError not_found. */
  close(id: string): void {
    const stream = this.#context.streams.find(id)
    if (!stream) throw new RingsideError('not_found')
    stream.body.end()
  }

  /** Lists up to `limit` streams in the order in which they were opened, those after the `next` of the page before. */
  list(after: number, limit: number): StreamPage {
    const streams: StreamListing[] = []
    let last = after
    for (const stream of this.#context.streams) {
      if (stream.number <= after) continue
      if (streams.length === limit) return { streams, next: last }
      streams.push(this.#listing(stream))
      last = stream.number
    }
    return { streams, next: null }
  }

  #listing(stream: FeedStream): StreamListing {
    const { claims, source, outbox } = this.#context
    const { id, openedAt, state, asking, client, address, group, body } = stream
    const { selection, tail } = group
    return {
      streamId: id,
      openedAt,
      state: state.kind,
      principal: asking.principal.id,
      clientId: client && claims.shown(client.clientId, asking.principal),
      feed: client?.feedName ?? '',
      address: claims.hash(address),
      ...shownSelection(selection),
      delayMs: tail.delayMs,
      n: null,
      lagMs: lagOf(stream, { source, now: () => outbox.now() }),
      bytes: stream.writtenBytes,
      bufferedBytes: body.bufferedBytes,
    }
  }

  #answer(stream: FeedStream, unknown: readonly string[]): SelectionAnswer {
    const { selection, tail } = stream.group
    return {
      streamId: stream.id,
      ...shownSelection(selection),
      aliases: Object.fromEntries(this.#context.seekers.aliasesOf(stream) ?? []),
      unknown,
      delayMs: tail.delayMs,
    }
  }
}

/** A reader who sees patches has the states of the rooms. */
function hasStates({ types }: Selection): boolean {
  return types === null || types.allows('patch')
}

function shownSelection({ rooms, topics, types }: Selection): ShownSelection {
  return {
    rooms: rooms ?? ['*'],
    topics: topics.patterns,
    types: types?.patterns ?? null,
  }
}

import { readJson, readRefusal } from '../http-refusal.ts'
import { RequestError } from '../request-error.ts'
import { FeedReader } from './feed-reader.ts'
import type { Feed, FeedFollowed, FeedSelection } from './feed-types.ts'

const MAX_ANSWER_BYTES = 262_144

/**
 * Changes what a feed of many rooms and topics follows, without a gap: what is left out stays, `null` means what an absent
 * one does, a room that is new begins with its snapshot. Between two streams, and where the server has lost the stream
 * meanwhile, the next one follows it, and the answer is null.
 * @throws RequestError; then the feed follows what it did. TypeError on a feed of one room.
 */
export async function followFeed(
  feed: Feed,
  selection: FeedSelection,
): Promise<FeedFollowed | null> {
  const reader = readerOf(feed)
  if (reader.address.isSingleRoom) throw new TypeError('Expected a feed of many rooms')
  const before = select(reader, selection)
  try {
    const answer = await patchStream(reader, selection)
    if (answer) return (await readJson(answer, MAX_ANSWER_BYTES)) as FeedFollowed
  } catch (error) {
    select(reader, before)
    throw error
  }
  // It may not have had the snapshots of what is new.
  reader.from = reader.checkpoint
  // One that is on its way was asked for what was.
  reader.redial()
  return null
}

/**
 * Tells the server how far the client (`clientId`) has read, so that it goes on there wherever it opens this feed next.
 * False where there is no stream, or nothing to tell of.
 * @throws RequestError
 */
export async function ackFeed(feed: Feed): Promise<boolean> {
  const reader = readerOf(feed)
  const { hello, checkpoint: id } = reader
  if (!hello?.streamKey || id === null) return false
  const { streamId, streamKey } = hello
  return (await ask(reader, 'ack', { method: 'POST', body: { streamId, streamKey, id } })) !== null
}

/** Brings a token to the open stream. False where there is none. @throws RequestError */
export async function authorizeStream(feed: FeedReader, token: string): Promise<boolean> {
  const headers = { Authorization: `Bearer ${token}` }
  return (await patchStream(feed, {}, headers)) !== null
}

interface StreamCall {
  readonly method: 'PATCH' | 'POST'
  readonly body: object
  readonly headers?: Readonly<Record<string, string>>
}

async function patchStream(
  reader: FeedReader,
  change: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response | null> {
  const { streamId, streamKey } = reader.hello ?? {}
  if (!streamId || !streamKey) return null
  const body = { ...change, streamKey }
  return ask(reader, `streams/${encodeURIComponent(streamId)}`, { method: 'PATCH', body, headers })
}

/** Null: there is no such stream (any more). */
async function ask(
  reader: FeedReader,
  path: string,
  { method, body, headers }: StreamCall,
): Promise<Response | null> {
  const { address } = reader
  const url = new URL(`${address.isSingleRoom ? '../../' : ''}feed/${path}`, address.url(null))
  let response
  try {
    response = await reader.fetch(url.href, {
      method,
      headers: { ...headers, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
  } catch {
    throw new RequestError('disconnected', 'The server cannot be reached', true)
  }
  if (response.ok) return response
  const { code, message, isFinal } = await readRefusal(response)
  if (code === 'not_found') return null
  throw new RequestError(code ?? 'unavailable', message, !isFinal)
}

/** Changes what the next stream follows, and returns what puts it back. */
function select({ address: { params } }: FeedReader, selection: FeedSelection): FeedSelection {
  const before: Record<string, readonly string[] | null> = {}
  for (const name of ['rooms', 'topics', 'types'] as const) {
    const wanted = selection[name]
    if (wanted === undefined) continue
    before[name] = params.get(name)?.split(',') ?? null
    if (wanted) params.set(name, wanted.join())
    else params.delete(name)
  }
  return before
}

/** @throws TypeError */
function readerOf(feed: Feed): FeedReader {
  if (feed instanceof FeedReader) return feed
  throw new TypeError('Expected a feed of openFeed')
}

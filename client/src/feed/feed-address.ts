import { baseUrl, pageUrl } from '../base-url.ts'
import type { FeedOptions, FeedTarget } from './feed-types.ts'

/** The address of a feed and what it says about the stream. */
export interface FeedAddress {
  /** A fresh copy for each request. */
  url(from: string | null): string
  readonly path: string
  /** True for one room with nothing filtered out, of which every `n` is shown (FE6). */
  readonly showsEveryNumber: boolean
  readonly isSingleRoom: boolean
  readonly params: URLSearchParams
}

/** @throws TypeError on an address that is none. */
export function feedAddress(target: FeedTarget, options: FeedOptions): FeedAddress {
  const url = targetUrl(target)
  const { searchParams } = url
  for (const name of ['types', 'speed', 'from', 'clientId', 'feed'] as const)
    if (options[name] !== undefined) searchParams.set(name, String(options[name]))
  const isSingleRoom = /\/rooms\/[^/]+\/feed$/.test(url.pathname)
  const rooms = searchParams.get('rooms')
  const topics = searchParams.get('topics')
  return {
    url(from) {
      const copy = new URL(url)
      if (from !== null) {
        copy.searchParams.set('from', from)
        copy.searchParams.delete('checkpoint')
      }
      return copy.href.replaceAll('%2C', ',')
    },
    path: url.pathname + (rooms ? `?rooms=${rooms}` : '') + (topics ? `?topics=${topics}` : ''),
    showsEveryNumber: isSingleRoom && !searchParams.has('types'),
    isSingleRoom,
    params: searchParams,
  }
}

function targetUrl(target: FeedTarget): URL {
  if (typeof target === 'string') return new URL(target, pageUrl())
  const base = baseUrl(target.address)
  if ('room' in target) return new URL(`rooms/${encodeURIComponent(target.room)}/feed`, base)
  const url = new URL('feed', base)
  for (const name of ['rooms', 'topics'] as const)
    if (target[name]) url.searchParams.set(name, target[name].join())
  return url
}

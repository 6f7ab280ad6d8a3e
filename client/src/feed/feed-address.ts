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
}

/** @throws TypeError on an address that is none. */
export function feedAddress(target: FeedTarget, options: FeedOptions): FeedAddress {
  const url = targetUrl(target)
  const { searchParams } = url
  if (options.types) searchParams.set('types', options.types.join(','))
  if (options.speed !== undefined) searchParams.set('speed', `${options.speed}`)
  if (options.from !== undefined) searchParams.set('from', `${options.from}`)
  const isSingleRoom = /\/rooms\/[^/]+\/feed$/.test(url.pathname)
  const rooms = searchParams.get('rooms')
  return {
    url(from) {
      const copy = new URL(url)
      if (from !== null) {
        copy.searchParams.set('from', from)
        copy.searchParams.delete('checkpoint')
      }
      return copy.href
    },
    path: rooms ? `${url.pathname}?rooms=${rooms}` : url.pathname,
    showsEveryNumber: isSingleRoom && !searchParams.has('types'),
    isSingleRoom,
  }
}

function targetUrl(target: FeedTarget): URL {
  if (typeof target === 'string') return new URL(target, pageUrl())
  const base = baseUrl(target.address)
  if ('room' in target) return new URL(`rooms/${encodeURIComponent(target.room)}/feed`, base)
  return new URL(`feed?rooms=${target.rooms.map(encodeURIComponent).join(',')}`, base)
}

import { openFeed, topicHandlers } from '@ringside/client/feed'
import { el } from '../dom.ts'

/** So many are shown at once; the oldest goes. */
const MAX_SHOWN = 3
const SHOWN_MS = 8_000

interface News {
  readonly level: string
  readonly title: string
  readonly message: string
}

/** Shows what is published to all, notifications and alerts, for some seconds each. */
export function newsList(): HTMLElement {
  const list = el('ul', { class: 'news', role: 'log', 'aria-label': 'News' })
  shareNews(({ level, title, message }) => {
    const entry = el(
      'li',
      { class: 'news-entry', 'data-level': level },
      el('strong', { text: title }),
      el('span', { text: message }),
    )
    list.append(entry)
    while (list.childElementCount > MAX_SHOWN) list.firstElementChild?.remove()
    setTimeout(() => entry.remove(), SHOWN_MS)
  })
  return list
}

/**
 * One page of the browser follows the news and tells the others, and another goes on when it leaves: a browser has six
 * connections to a server, and each page holds one for its match.
 */
function shareNews(show: (news: News) => void): void {
  const channel = new BroadcastChannel('ringside.news')
  channel.addEventListener('message', ({ data }: MessageEvent<News>) => show(data))
  const follow = async (): Promise<void> => {
    const feed = openNews((news) => {
      show(news)
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel is of one origin
      channel.postMessage(news)
    })
    await new Promise((resolve) => addEventListener('pagehide', resolve, { once: true }))
    feed.close()
  }
  // Locks are for pages of https and of this machine.
  if ('locks' in navigator) void navigator.locks.request('ringside.news', follow).catch(() => {})
  else void follow()
}

function openNews(tell: (news: News) => void): { close(): void } {
  return openFeed(
    { address: './', rooms: [], topics: ['public'] },
    {
      types: ['notification', 'alert'],
      onEvent: topicHandlers({
        notification: ({ data }) => tell(data),
        alert: ({ data: { severity, title, message } }) =>
          tell({ level: severity, title, message }),
      }),
    },
  )
}

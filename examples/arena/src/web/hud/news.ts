import { openFeed, topicHandlers } from '@ringside/client/feed'
import { el } from '../dom.ts'

/** So many are shown at once; the oldest goes. */
const MAX_SHOWN = 3
const SHOWN_MS = 8_000

/** Shows what is published to all, notifications and alerts, for some seconds each. */
export function newsList(): HTMLElement {
  const list = el('ul', { class: 'news', role: 'log', 'aria-label': 'News' })
  const show = (level: string, title: string, message: string): void => {
    const entry = el(
      'li',
      { class: 'news-entry', 'data-level': level },
      el('strong', { text: title }),
      el('span', { text: message }),
    )
    list.append(entry)
    while (list.childElementCount > MAX_SHOWN) list.firstElementChild?.remove()
    setTimeout(() => entry.remove(), SHOWN_MS)
  }
  const feed = openFeed(
    { address: './', rooms: [], topics: ['public'] },
    {
      types: ['notification', 'alert'],
      onEvent: topicHandlers({
        notification: ({ data }) => show(data.level, data.title, data.message),
        alert: ({ data }) => show(data.severity, data.title, data.message),
      }),
    },
  )
  addEventListener('pagehide', () => feed.close(), { once: true })
  return list
}

import { setData } from '../dom.ts'
import type { ArenaView } from '../view/arena-view.ts'

const REFRESH_MS = 250

/**
 * Writes the picture into data attributes of the page, a few times a second: the number of players and their
 * places. Browser tests read it; nothing reads it back.
 */
export function seenBy(page: HTMLElement): (view: ArenaView) => void {
  let next = 0
  return (view) => {
    const now = performance.now()
    if (now < next) return
    next = now + REFRESH_MS
    setData(page, 'players', String(view.players.size))
    const places = [...view.players.values()].map(
      ({ name, x, y }) => `${name}@${Math.round(x)},${Math.round(y)}`,
    )
    setData(page, 'seen', places.join('|'))
  }
}

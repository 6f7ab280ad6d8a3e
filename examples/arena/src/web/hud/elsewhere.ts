import { el, setData, setText } from '../dom.ts'
import type { LobbyRoom } from '../view/room-list.ts'
import { fetchRooms, nextRoom } from '../view/room-list.ts'

const REFRESH_MS = 3_000

/** The way out of a lost room needs to know this. */
export interface LostRoom {
  readonly id: string
  /** Its name; empty when it is not known. */
  readonly title: string
  readonly to: 'play' | 'watch'
}

/**
 * The way on from a room that is no more: a link to a live one, that of the same name first (after a
 * restart it is the same ring under another id). Hidden while there is none. From now on it asks for
 * the list of rooms every few seconds.
 */
export function elsewhere({ id, title, to }: LostRoom): HTMLElement {
  const link = el('a', { class: 'button primary elsewhere', href: './', 'data-shown': 'false' })
  const offer = (rooms: readonly LobbyRoom[]): void => {
    const room = nextRoom(rooms, { id, title, needsSeat: to === 'play' })
    setData(link, 'shown', String(room !== null))
    if (!room) return
    link.href = `${to}/${encodeURIComponent(room.id)}`
    setText(link, `${to === 'play' ? 'Play on in' : 'Watch'} ${room.title}`)
  }
  // The last offer stays while the server is away.
  const ask = (): void => void fetchRooms().then(offer, () => undefined)
  const timer = setInterval(ask, REFRESH_MS)
  window.addEventListener('pagehide', () => clearInterval(timer))
  ask()
  return link
}

import type { ClientRoom, RoomStatus, StatusInfo } from '@ringside/client'
import type { game } from '../../shared/game.ts'
import { el, setData, setText } from '../dom.ts'

type Room = ClientRoom<typeof game, 'arena'>

/** One line that tells in plain words how the player's connection and room stand. */
export function connectionLine(room: Room): HTMLElement {
  const text = el('span')
  const element = el(
    'p',
    { class: 'connection', role: 'status', 'data-state': 'connected' },
    el('span', { class: 'lamp' }),
    text,
  )
  const tell = (status: RoomStatus, info: StatusInfo): void => {
    const isPaused = status === 'connected' && room.isPaused
    setData(element, 'state', isPaused ? 'waiting' : status)
    setText(text, isPaused ? 'Paused: the server cannot save the match' : words(room, status, info))
  }
  tell(room.status, {})
  const again = (): void => {
    if (room.status === 'connected') tell('connected', {})
  }
  setInterval(again, 1_000)
  room.onPaused(again)
  room.onStatus(tell)
  return element
}

function words(room: Room, status: RoomStatus, info: StatusInfo): string {
  switch (status) {
    case 'connected':
      return info.goingAwayMs === undefined ? `${Math.round(room.ping)} ms` : 'Server restarts…'
    case 'reconnecting':
      return 'Server away, trying again…'
    case 'closed':
      // The middle of the page says why.
      return 'Not connected'
    case 'connecting':
      return 'Connecting…'
  }
}

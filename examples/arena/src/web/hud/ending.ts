import type { StatusInfo } from '@ringside/client'
import { closeCodes } from '@ringside/protocol'
import { el, setText } from '../dom.ts'
import { recall } from '../storage.ts'
import { fetchRooms } from '../view/room-list.ts'
import { elsewhere } from './elsewhere.ts'

/** The reason that a player is not, or no longer, in a room. */
export interface Ending {
  readonly words: string
  /** True when the room may be there, or be back, so that the same seat is asked for again. */
  readonly mayTryAgain: boolean
}

const final = (words: string): Ending => ({ words, mayTryAgain: false })
const passing = (words: string): Ending => ({ words, mayTryAgain: true })

/**
 * Tells the player why the connection is closed for good. Only the room's own end says that it is
 * over; a player who finds no way back does not know that.
 */
export function endingOf({ code, error }: StatusInfo): Ending {
  switch (code) {
    case closeCodes.normal.code:
      return final('You left.')
    case closeCodes.kicked.code:
      return final('You were taken out of the room.')
    case closeCodes.room_ended.code:
      return final('The room is over.')
    case closeCodes.replaced.code:
      return final('You play in another tab.')
    default:
      return error ? lostEnding(error.code) : passing('The connection was lost.')
  }
}

function lostEnding(code: string): Ending {
  switch (code) {
    case 'room_not_found':
    case 'reconnect_refused':
      return passing('You could not get back into this room. The server does not have it now.')
    case 'room_full':
      return passing('Your seat was taken: the room is full.')
    case 'room_paused':
      return passing('You could not get back into this room. The server cannot save it now.')
    default:
      return passing('You could not get back into this room. The server is away.')
  }
}

/** Tells the player why they do not get into a room at all. */
export function refusalOf(error: unknown): Ending {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  switch (code) {
    case 'room_not_found':
      return passing('The server does not have this room now. It may be over.')
    case 'room_full':
      return passing('This room is full.')
    case 'room_locked':
      return passing('This room takes no new players.')
    case 'room_paused':
      return passing('This room is paused: the server cannot save it now.')
    case 'too_many_requests':
      return passing('Too many tries at once. Wait a moment.')
    default:
      return passing('The server is away.')
  }
}

/** The words and the ways on: the same room again, one of the same name, any room, the lobby. */
export function endingBox(ending: Ending, roomId: string): HTMLElement {
  const title = recall(`title.${roomId}`, 'session') ?? ''
  const words = el('p', { class: 'notice-text', text: ending.words })
  return el(
    'div',
    { class: 'notice-box panel' },
    words,
    el(
      'div',
      { class: 'hero-row' },
      ending.mayTryAgain && tryAgain(words),
      elsewhere({ id: roomId, title, to: 'play' }),
      el('a', { class: 'button', href: 'play' }, 'Join a room'),
      el('a', { class: 'button', href: './' }, 'Lobby'),
    ),
  )
}

/** Loads the page again once the server answers; the page asks for the seat that it had, then for a new one. */
function tryAgain(words: HTMLElement): HTMLElement {
  const button = el('button', { class: 'button', type: 'button' }, 'Try again')
  button.addEventListener('click', () => {
    button.disabled = true
    fetchRooms().then(
      () => location.reload(),
      () => {
        button.disabled = false
        setText(words, 'The server is away. Try again in a moment.')
      },
    )
  })
  return button
}

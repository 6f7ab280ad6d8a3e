import { UNITS_PER_CHARACTER } from '../../shared/constants.ts'
import { el, formatTime, icon, icons, setData, setText } from '../dom.ts'
import { siteHeader } from '../hud/site-header.ts'
import { cleanName, playerName, remember } from '../storage.ts'
import type { LobbyRoom } from '../view/room-list.ts'
import { followRooms } from '../view/room-list.ts'

/** `/`: a name, the live rooms, and the ways into them. */
export function lobbyPage(app: HTMLElement): void {
  document.title = 'Ringside Arena'
  const name = el('input', {
    class: 'field name-field',
    id: 'name',
    type: 'text',
    maxlength: 24 * UNITS_PER_CHARACTER,
    autocomplete: 'nickname',
    spellcheck: 'false',
  })
  name.value = playerName()
  name.addEventListener('input', () => {
    const cleaned = cleanName(name.value)
    if (cleaned) remember('name', cleaned)
  })
  const title = el('input', {
    class: 'field',
    id: 'title',
    type: 'text',
    maxlength: 32 * UNITS_PER_CHARACTER,
    placeholder: 'A name for the room (optional)',
    'aria-label': 'Name of the new room',
    autocomplete: 'off',
  })
  const create = el(
    'form',
    { class: 'create' },
    title,
    el('button', { class: 'button', type: 'submit' }, 'Create a room'),
  )
  create.addEventListener('submit', (event) => {
    event.preventDefault()
    location.assign(`play?new=${encodeURIComponent(title.value.trim())}`)
  })
  const status = el('p', { class: 'lobby-status', role: 'status', text: 'Looking for rooms…' })
  const list = el('ul', { class: 'rooms' })
  const cards = new Map<string, RoomCard>()

  app.replaceChildren(
    siteHeader('./'),
    el(
      'main',
      { class: 'page lobby' },
      el(
        'section',
        { class: 'hero' },
        el('h1', { text: 'Step into the ring.' }),
        el('p', {
          class: 'lead',
          text: 'Three-minute rounds, up to sixteen fighters, one winner. Play, or watch every move live.',
        }),
        el(
          'div',
          { class: 'hero-form' },
          el('label', { for: 'name', class: 'label', text: 'Your name' }),
          el(
            'div',
            { class: 'hero-row' },
            name,
            el('a', { class: 'button primary', href: 'play' }, 'Play now'),
          ),
        ),
      ),
      el(
        'section',
        { class: 'live', 'aria-label': 'Live rooms' },
        el('div', { class: 'live-head' }, el('h2', { text: 'Live rooms' }), status),
        list,
        create,
      ),
    ),
  )

  followRooms((rooms, isOnline) => {
    setData(app, 'online', String(isOnline))
    setText(status, statusWords(rooms, isOnline))
    status.classList.toggle('away', !isOnline)
    const seen = new Set(rooms.map((room) => room.id))
    for (const [id, card] of cards)
      if (!seen.has(id)) {
        card.element.remove()
        cards.delete(id)
      }
    for (const room of rooms) {
      const card = cards.get(room.id) ?? roomCard(room.id)
      cards.set(room.id, card)
      card.update(room)
    }
    const order = rooms.map((room) => cards.get(room.id)?.element)
    if (order.some((element, index) => element !== list.children[index]))
      list.replaceChildren(...order.filter((element) => element !== undefined))
  })
  setInterval(() => {
    for (const card of cards.values()) card.tick()
  }, 500)
}

function statusWords(rooms: readonly LobbyRoom[], isOnline: boolean): string {
  if (!isOnline) return 'The server is away. This page comes back by itself.'
  if (rooms.length === 0) return 'No room is open yet. Create the first one.'
  const players = rooms.reduce((sum, room) => sum + room.players, 0)
  return `${count(rooms.length, 'room')} · ${count(players, 'player')}`
}

const count = (number: number, what: string): string =>
  `${number} ${what}${number === 1 ? '' : 's'}`

interface RoomCard {
  readonly element: HTMLElement
  update(room: LobbyRoom): void
  tick(): void
}

function roomCard(id: string): RoomCard {
  const title = el('h3', { class: 'room-title' })
  const players = el('span', { class: 'fact-value' })
  const bots = el('span', { class: 'fact-more' })
  const leader = el('span', { class: 'fact-value player-name' })
  const score = el('span', { class: 'fact-more' })
  const time = el('span', { class: 'fact-value' })
  const round = el('span', { class: 'fact-more' })
  const seats = el('span', { class: 'seats-fill' })
  const watching = el('span', { class: 'watching' })
  const join = el('a', { class: 'button primary', href: `play/${encodeURIComponent(id)}` }, 'Join')
  const fact = (caption: string, value: HTMLElement, more: HTMLElement): HTMLElement =>
    el('div', { class: 'fact' }, el('span', { class: 'fact-caption', text: caption }), value, more)
  const element = el(
    'li',
    { class: 'room' },
    el('div', { class: 'room-head' }, title, watching),
    el(
      'div',
      { class: 'facts' },
      fact('Players', players, bots),
      fact('Leader', leader, score),
      fact('Time left', time, round),
    ),
    el('div', { class: 'seats', 'aria-hidden': 'true' }, seats),
    el(
      'div',
      { class: 'room-actions' },
      join,
      el(
        'a',
        { class: 'button', href: `watch/${encodeURIComponent(id)}` },
        icon(icons.eye),
        'Watch',
      ),
    ),
  )
  let known: LobbyRoom | null = null
  const tick = (): void => {
    if (!known) return
    const isOver = known.phase === 'over'
    setText(
      time,
      known.endsAt === 0 ? '–' : isOver ? 'break' : formatTime(known.endsAt - Date.now()),
    )
  }
  return {
    element,
    tick,
    update(room) {
      known = room
      setText(title, room.title)
      setText(players, `${room.players} / ${room.seats}`)
      setText(bots, room.bots > 0 ? count(room.bots, 'bot') : ' ')
      setText(leader, room.leader || '–')
      setText(score, room.leader ? count(room.leaderScore, 'kill') : ' ')
      setText(round, room.round > 0 ? `round ${room.round}` : ' ')
      setText(watching, room.spectators > 0 ? `${room.spectators} watching` : '')
      seats.style.width = `${Math.min(100, (room.players / Math.max(1, room.seats)) * 100)}%`
      const isFull = room.players >= room.seats || room.isLocked
      join.classList.toggle('disabled', isFull)
      join.toggleAttribute('aria-disabled', isFull)
      setText(join, isFull ? 'Full' : 'Join')
      tick()
    },
  }
}

import { connect } from '@ringside/client'
import type { ClientRoom, RoomStatus, StatusInfo } from '@ringside/client'
import { game } from '../../shared/game.ts'
import { el, icon, icons, setData, setText } from '../dom.ts'
import { banner } from '../hud/banner.ts'
import { chatBox } from '../hud/chat-box.ts'
import { elsewhere } from '../hud/elsewhere.ts'
import { killFeed } from '../hud/kill-feed.ts'
import { matchClock } from '../hud/match-clock.ts'
import { scoreBoard } from '../hud/score-board.ts'
import { seenBy } from '../hud/seen.ts'
import { seeThrough } from '../hud/see-through.ts'
import { selfCard } from '../hud/self-card.ts'
import { Controls } from '../input/controls.ts'
import { touchControls } from '../input/touch.ts'
import { openStage } from '../scene/stage.ts'
import type { Stage } from '../scene/stage.ts'
import { Sound } from '../sound.ts'
import { forget, playerName, recall, remember } from '../storage.ts'
import { soundButton } from '../hud/sound-button.ts'
import type { ArenaEvent, ArenaView } from '../view/arena-view.ts'
import { fetchTitles } from '../view/feed-api.ts'
import { PlaySource } from '../view/play-source.ts'
import type { Intent } from '../view/play-source.ts'
import { aimFor } from '../input/aim.ts'

type Room = ClientRoom<typeof game, 'arena'>

const HINTS: readonly (readonly [readonly string[], string])[] = [
  [['WASD'], 'move'],
  [['Mouse'], 'aim'],
  [['Click', 'Space'], 'fire'],
  [['Right click', 'E'], 'mine'],
  [['Enter'], 'chat'],
]

/** The game: `/play/:room`, or `/play` for any room with space. */
export function playPage(app: HTMLElement, roomId: string | null): void {
  const message = el('p', { class: 'notice-text', text: 'Joining…' })
  const notice = el(
    'div',
    { class: 'notice', role: 'status' },
    el(
      'div',
      { class: 'notice-box' },
      message,
      el('a', { class: 'button', href: '/' }, 'Back to the lobby'),
    ),
  )
  app.replaceChildren(notice)
  document.title = 'Ringside Arena · playing'
  join(roomId).then(
    (room) => show(app, room),
    (error: unknown) => {
      setText(message, joinProblem(error))
      const id = roomId ?? ''
      const title = recall(`title.${id}`, 'session') ?? ''
      message.after(elsewhere({ id, title, to: 'play' }))
    },
  )
}

/** Takes a kept seat back after a reload, or a new one. */
async function join(roomId: string | null): Promise<Room> {
  const client = connect(game, location.origin, { rejoin: true })
  const request = { name: playerName() }
  if (roomId === null) {
    const title = new URLSearchParams(location.search).get('new')
    if (title === null) return client.joinOrCreate('arena', request)
    return client.create('arena', { ...request, options: title === '' ? {} : { title } })
  }
  const token = recall(`seat.${roomId}`, 'session')
  forget(`seat.${roomId}`, 'session')
  if (token !== null) {
    try {
      return await client.reconnect<'arena'>(roomId, token)
    } catch {
      // The seat is gone, or another tab has it: a new one will do.
    }
  }
  return client.joinById<'arena'>(roomId, request)
}

function joinProblem(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'room_not_found') return 'This room is over, or never was.'
  if (code === 'room_full') return 'This room is full.'
  if (code === 'room_locked') return 'This room takes no new players.'
  if (code === 'too_many_requests') return 'Too many tries at once. Wait a moment and reload.'
  return 'The server is away. Reload this page to try again.'
}

function show(app: HTMLElement, room: Room): void {
  history.replaceState(null, '', `/play/${encodeURIComponent(room.id)}`)
  // A reload within the grace time takes the same seat: written last, so that it is the newest token.
  window.addEventListener('pagehide', () =>
    remember(`seat.${room.id}`, room.reconnectToken, 'session'),
  )
  const surface = el('div', { class: 'stage', 'aria-label': 'Arena', role: 'img' })
  const controls = new Controls(surface)
  const sound = new Sound()
  let stage: Stage | null = null
  const source = new PlaySource(room, (view): Intent => {
    const { x, y } = controls.move()
    const pointer = controls.mouse
    const point = pointer && stage ? stage.scene.pointAt(pointer) : null
    const angle = aimFor(view, controls, point)
    const intent = { moveX: x, moveY: y, angle, buttons: controls.buttons() }
    controls.presses.markRead()
    return intent
  })

  const self = selfCard((name) => rename(room, name))
  const clock = matchClock()
  const scores = scoreBoard(8)
  const kills = killFeed()
  const words = banner()
  const hurt = el('div', { class: 'hurt' })
  const chat = chatBox((text) => say(room, text))
  const touch = touchControls(controls)
  const connection = connectionLine(room)
  const scoreToggle = el(
    'button',
    { class: 'button icon-button score-toggle', type: 'button', 'aria-label': 'Score board' },
    icon(icons.list),
  )
  scoreToggle.addEventListener('click', () => scores.element.classList.toggle('open'))
  const leave = el('a', { class: 'button small', href: '/' }, 'Leave')
  leave.addEventListener('click', (event) => {
    event.preventDefault()
    forget(`seat.${room.id}`, 'session')
    void room.leave().then(() => location.assign('/'))
  })
  const tools = el(
    'div',
    { class: 'tools' },
    connection.element,
    scoreToggle,
    soundButton(sound),
    el(
      'a',
      {
        class: 'button icon-button',
        href: `/watch/${encodeURIComponent(room.id)}`,
        target: '_blank',
        rel: 'noopener',
        'aria-label': 'Open the spectator page',
        title: 'Spectator page',
      },
      icon(icons.eye),
    ),
    leave,
  )
  const hint = el('p', { class: 'hint' })
  for (const [keys, what] of HINTS)
    hint.append(
      el('span', {}, ...keys.map((key) => el('kbd', { text: key })), el('span', { text: what })),
    )
  const hud = el(
    'div',
    { class: 'hud' },
    el('div', { class: 'hud-left' }, self.element),
    el('div', { class: 'hud-middle' }, clock.element),
    el('div', { class: 'hud-right' }, tools, scores.element, kills.element),
    words.element,
    el('div', { class: 'hud-bottom' }, chat.element, hint, touch.element),
  )
  const page = el('main', { class: 'play', 'data-status': room.status }, surface, hurt, hud)
  app.replaceChildren(page)

  // Where the way leads when this room is no more.
  void fetchTitles().then((titles) => {
    const title = titles.get(room.id)
    if (title !== undefined) remember(`title.${room.id}`, title, 'session')
  })
  const seen = seenBy(page)
  const makeRoom = seeThrough([
    self.element,
    clock.element,
    scores.element,
    kills.element,
    chat.element,
    hint,
  ])
  connection.onStatus((status, info) => {
    setData(page, 'status', status)
    // What was pressed while nobody heard it is not done later.
    controls.presses.markRead()
    if (status === 'closed' && info.code !== 1000) page.append(farewell(closedWords(info), room.id))
  })
  stage = openStage(surface, {
    source,
    camera: 'follow',
    onFrame(view, events) {
      self.update(view)
      clock.update(view)
      scores.update(view)
      kills.add(events, view)
      // Without the server nobody comes back: the words would promise what does not happen.
      if (room.status === 'connected') words.update(view)
      else words.hide()
      chat.update(view)
      touch.update(view)
      sound.frame(view, events)
      if (isHurt(view, events)) flash(hurt)
      seen(view)
      const own = view.players.get(room.sessionId)
      if (stage) makeRoom(own ? [own] : [], stage.scene)
      setData(page, 'pending', String(source.pendingInputs))
    },
  })
}

async function say(room: Room, text: string): Promise<string> {
  try {
    await room.request('chat', { text })
    return ''
  } catch (error) {
    return refusalWords(error, 'This message was refused.')
  }
}

/** Takes another name here and for the next rooms. The server may put a number behind it. */
async function rename(room: Room, name: string): Promise<string> {
  try {
    await room.request('rename', { name })
    remember('name', name)
    return ''
  } catch (error) {
    return refusalWords(error, 'This name was refused.')
  }
}

function refusalWords(error: unknown, refused: string): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'rate_limited') return 'Too fast. Wait a moment.'
  return code === 'invalid_payload' || code === 'rejected'
    ? refused
    : 'Not sent: the server is away.'
}

function isHurt(view: ArenaView, events: readonly ArenaEvent[]): boolean {
  return events.some((event) => event.type === 'hit' && event.data.whom === view.selfId)
}

function flash(hurt: HTMLElement): void {
  hurt.getAnimations().forEach((animation) => animation.cancel())
  hurt.animate([{ opacity: 0.85 }, { opacity: 0 }], { duration: 380, easing: 'ease-out' })
}

/** One line that tells in plain words how the connection stands. */
function connectionLine(room: Room): {
  element: HTMLElement
  onStatus(listener: (status: RoomStatus, info: StatusInfo) => void): void
} {
  const text = el('span')
  const element = el(
    'p',
    { class: 'connection', role: 'status', 'data-state': 'connected' },
    el('span', { class: 'lamp' }),
    text,
  )
  const tell = (status: RoomStatus, info: StatusInfo): void => {
    setData(element, 'state', status)
    if (status === 'connected')
      setText(
        text,
        info.goingAwayMs === undefined ? `${Math.round(room.ping)} ms` : 'Server restarts…',
      )
    else if (status === 'reconnecting') setText(text, 'Server away, trying again…')
    else if (status === 'closed') setText(text, closedWords(info))
    else setText(text, 'Connecting…')
  }
  tell(room.status, {})
  setInterval(() => {
    if (room.status === 'connected') tell('connected', {})
  }, 1_000)
  const listeners: ((status: RoomStatus, info: StatusInfo) => void)[] = []
  room.onStatus((status, info) => {
    tell(status, info)
    for (const listener of listeners) listener(status, info)
  })
  return { element, onStatus: (listener) => void listeners.push(listener) }
}

/** What is shown when there is no way back into the room. */
function farewell(words: string, roomId: string): HTMLElement {
  const title = recall(`title.${roomId}`, 'session') ?? ''
  const other = elsewhere({ id: roomId, title, to: 'play' })
  return el(
    'div',
    { class: 'notice farewell', role: 'alertdialog', 'aria-label': words },
    el(
      'div',
      { class: 'notice-box panel' },
      el('p', { class: 'notice-text', text: words }),
      el(
        'div',
        { class: 'hero-row' },
        other,
        el('a', { class: 'button', href: '/play' }, 'Any room'),
        el('a', { class: 'button', href: '/' }, 'Lobby'),
      ),
    ),
  )
}

function closedWords(info: StatusInfo): string {
  const refusal = info.error?.code
  if (refusal === 'room_not_found') return 'This room is over.'
  if (refusal === 'room_full') return 'Your seat was taken: the room is full.'
  switch (info.code) {
    case 1000:
      return 'You left.'
    case 4000:
      return 'You were taken out of the room.'
    case 4001:
      return 'The room is over.'
    case 4006:
      return 'You play in another tab.'
    default:
      return 'Connection lost. Reload to join again.'
  }
}

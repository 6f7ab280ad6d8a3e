import { RequestError, connect } from '@ringside/client'
import type { ClientRoom } from '@ringside/client'
import { game } from '../../shared/game.ts'
import { el, icon, icons, setData } from '../dom.ts'
import { banner } from '../hud/banner.ts'
import { chatBox } from '../hud/chat-box.ts'
import { connectionLine } from '../hud/connection-line.ts'
import { endingBox, endingOf, refusalOf } from '../hud/ending.ts'
import type { Ending } from '../hud/ending.ts'
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
  const notice = el(
    'div',
    { class: 'notice', role: 'status' },
    el(
      'div',
      { class: 'notice-box' },
      el('p', { class: 'notice-text', text: 'Joining…' }),
      el('a', { class: 'button', href: './' }, 'Back to the lobby'),
    ),
  )
  app.replaceChildren(notice)
  document.title = 'Ringside Arena · playing'
  join(roomId).then(
    (room) => show(app, room),
    (error: unknown) => notice.replaceChildren(endingBox(refusalOf(error), roomId ?? '')),
  )
}

/** Takes a kept seat back after a reload, or a new one. */
async function join(roomId: string | null): Promise<Room> {
  const client = connect(game, './', { rejoin: true })
  const request = { name: playerName() }
  if (roomId === null) {
    const title = new URLSearchParams(location.search).get('new')
    if (title === null) return client.joinOrCreate('arena', request)
    return client.create('arena', { ...request, options: title === '' ? {} : { title } })
  }
  const seat = `seat.${roomId}`
  const token = recall(seat, 'session')
  if (token !== null) {
    try {
      const room = await client.reconnect<'arena'>(roomId, token)
      forget(seat, 'session')
      return room
    } catch (error) {
      // The seat may be there later as long as the server does not know the room, or is away.
      if (!(error instanceof RequestError) || error.code !== 'reconnect_refused') throw error
    }
  }
  // The seat is gone, or another tab has it: a new one will do.
  const room = await client.joinById<'arena'>(roomId, request)
  forget(seat, 'session')
  return room
}

function show(app: HTMLElement, room: Room): void {
  history.replaceState(null, '', `play/${encodeURIComponent(room.id)}`)
  // A reload within the grace time takes the same seat. The token is written last, so that it is the newest.
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
  const scoreToggle = el(
    'button',
    { class: 'button icon-button score-toggle', type: 'button', 'aria-label': 'Score board' },
    icon(icons.list),
  )
  scoreToggle.addEventListener('click', () => scores.element.classList.toggle('open'))
  const leave = el('a', { class: 'button small', href: './' }, 'Leave')
  leave.addEventListener('click', (event) => {
    event.preventDefault()
    forget(`seat.${room.id}`, 'session')
    void room.leave().then(() => location.assign('./'))
  })
  const tools = el(
    'div',
    { class: 'tools' },
    connectionLine(room),
    scoreToggle,
    soundButton(sound),
    el(
      'a',
      {
        class: 'button icon-button',
        href: `watch/${encodeURIComponent(room.id)}`,
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

  // The way leads there when this room is no more.
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
  room.onStatus((status, info) => {
    setData(page, 'status', status)
    // Presses that nobody heard are not done later.
    controls.presses.markRead()
    if (status === 'closed' && info.code !== 1000) page.append(farewell(endingOf(info), room.id))
  })
  room.onPaused((isPaused) => {
    setData(page, 'paused', String(isPaused))
    controls.presses.markRead()
  })
  stage = openStage(surface, {
    source,
    camera: 'follow',
    onFrame(view, events) {
      self.update(view)
      clock.update(view)
      scores.update(view)
      kills.add(events, view)
      // Nobody comes back without the server, and the words would promise what does not happen.
      if (room.status !== 'connected') words.hide()
      else if (room.isPaused) words.pause()
      else words.update(view)
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
  if (code === 'room_paused') return 'Not sent: the match is paused.'
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

/** Shows that there is no way back into the room. */
function farewell(ending: Ending, roomId: string): HTMLElement {
  return el(
    'div',
    { class: 'notice farewell', role: 'alertdialog', 'aria-label': ending.words },
    endingBox(ending, roomId),
  )
}

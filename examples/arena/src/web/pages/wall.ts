import { openFeed } from '@ringside/client/feed'
import type { FeedMessage, FeedStatus } from '@ringside/client/feed'
import { el, formatTime, setData, setText } from '../dom.ts'
import { siteHeader } from '../hud/site-header.ts'
import { MiniBoard } from '../scene/mini-board.ts'
import { ranking } from '../view/arena-view.ts'
import type { ArenaView } from '../view/arena-view.ts'
import { fetchLogWorks, fetchTitles } from '../view/feed-api.ts'
import { LiveEdge } from '../view/live-edge.ts'
import { LogWatch, waitingWords } from '../view/log-watch.ts'
import { PlaybackClock } from '../view/playback-clock.ts'
import { RoomTrack } from '../view/room-track.ts'

/** Boards drawn at most; further rooms are counted, not drawn. */
const MAX_BOARDS = 48
/** A room that says nothing lets its clock run on for so long, in ms. */
const COAST_MS = 4_000
/** A stream that has gone quiet is looked at this often, in ms. */
const CHECK_MS = 1_000
/** Small boards are drawn at most this often, in ms. */
const FRAME_MS = 1000 / 31

interface Board {
  readonly track: RoomTrack
  readonly clock: PlaybackClock
  readonly edge: LiveEdge
  readonly mini: MiniBoard
  readonly element: HTMLElement
  show(view: ArenaView, name: string): void
}

/** `/watch`: every live room as a small board, all of them over one stream. */
export function wallPage(app: HTMLElement): void {
  document.title = 'Ringside Arena · watch'
  const status = el('p', { class: 'lobby-status', role: 'status', text: 'Connecting…' })
  const grid = el('div', { class: 'wall' })
  const boards = new Map<string, Board>()
  const titles = new Map<string, string>()
  const extra = new Set<string>()
  /** Boards of before a reset; those that get no snapshot are of rooms that are gone. */
  let doubtful = new Set<string>()
  let feedStatus: FeedStatus = 'connecting'
  /** One watch serves all rooms, for they have one log. */
  const log = new LogWatch(fetchLogWorks)
  let saysWaiting = false
  app.replaceChildren(
    siteHeader('watch'),
    el(
      'main',
      { class: 'page' },
      el('div', { class: 'live-head' }, el('h1', { text: 'Watch live' }), status),
      grid,
    ),
  )

  const tell = (): void => {
    const isAway = feedStatus === 'reconnecting' || feedStatus === 'failed'
    setData(app, 'status', feedStatus)
    setData(app, 'boards', String(boards.size))
    const isWaiting = feedStatus === 'live' && log.isWaiting
    saysWaiting = isWaiting
    setData(app, 'waiting', String(isWaiting))
    status.classList.toggle('away', isAway || isWaiting)
    const rooms = `${boards.size} live ${boards.size === 1 ? 'room' : 'rooms'}, one stream`
    setText(
      status,
      isAway
        ? 'The server is away. The boards go on when it is back.'
        : isWaiting
          ? waitingWords(log.quietMs(performance.now()))
          : feedStatus === 'connecting'
            ? 'Connecting…'
            : boards.size === 0
              ? 'No room is live right now.'
              : extra.size > 0
                ? `${rooms} · ${extra.size} more`
                : rooms,
    )
  }

  const boardOf = (room: string): Board | null => {
    const known = boards.get(room)
    if (known) return known
    if (boards.size >= MAX_BOARDS) {
      extra.add(room)
      return null
    }
    const made = makeBoard(room)
    boards.set(room, made)
    grid.append(made.element)
    void fetchTitles().then((known) => known.forEach((title, id) => titles.set(id, title)))
    tell()
    return made
  }
  const remove = (room: string): void => {
    boards.get(room)?.element.remove()
    boards.delete(room)
    extra.delete(room)
    tell()
  }
  const arrived = (board: Board | null | undefined, at: number): void => {
    log.heard(performance.now())
    if (feedStatus === 'live') board?.edge.take(at, performance.now())
  }

  openFeed(
    { address: './', rooms: ['*'] },
    {
      onReset() {
        doubtful = new Set(boards.keys())
      },
      onSnapshot(data) {
        doubtful.delete(data.room)
        boardOf(data.room)?.track.snapshot(data.at, data.state, {
          n: data.n,
          isJump: false,
        })
      },
      onPatch(data) {
        const board = boards.get(data.room)
        board?.track.patch(data.at, data.data, data.n)
        arrived(board, data.at)
      },
      onEvent(message: FeedMessage) {
        if (message.type === 'game') {
          const { room, at, data } = message.data
          const board = boards.get(room)
          board?.track.event(message.name, at, data)
          arrived(board, at)
        } else if (message.type === 'end') {
          remove(message.data.room)
        } else if (message.type === 'caught-up') {
          for (const room of doubtful) remove(room)
          doubtful = new Set()
        }
      },
      onStatus(next) {
        feedStatus = next
        tell()
      },
    },
  )

  setInterval(() => {
    // Nothing is shown that could be old when there is no room.
    if (!document.hidden) log.check(performance.now(), feedStatus === 'live' && boards.size > 0)
    if (log.isWaiting || saysWaiting) tell()
  }, CHECK_MS)

  let last = performance.now()
  const frame = (): void => {
    requestAnimationFrame(frame)
    const now = performance.now()
    const elapsed = now - last
    if (elapsed < FRAME_MS) return
    last = now
    for (const [id, board] of boards) {
      if (!board.track.hasState) continue
      const known = board.track.newestAt
      const isLive = feedStatus === 'live' && board.edge.isSet
      const newest = isLive
        ? Math.max(known, Math.min(board.edge.now(now), known + COAST_MS))
        : known
      const time = board.clock.advance(Math.min(500, elapsed), newest)
      const sample = board.track.sample(time)
      const events = board.track.takeEvents(time)
      if (!sample) continue
      board.mini.draw(sample.view, events)
      board.show(sample.view, titles.get(id) ?? '')
    }
  }
  frame()
}

function makeBoard(room: string): Board {
  const mini = new MiniBoard()
  const title = el('span', { class: 'tile-title' })
  const time = el('span', { class: 'tile-time' })
  const leader = el('span', { class: 'player-name' })
  const players = el('span', { class: 'muted' })
  const element = el(
    'a',
    { class: 'tile', href: `watch/${encodeURIComponent(room)}`, 'data-room': room },
    mini.element,
    el(
      'div',
      { class: 'tile-foot' },
      el('div', { class: 'tile-row' }, title, time),
      el('div', { class: 'tile-row small' }, leader, players),
    ),
  )
  return {
    track: new RoomTrack(),
    clock: new PlaybackClock(),
    edge: new LiveEdge(),
    mini,
    element,
    show(view, name) {
      const first = ranking(view.players.values())[0]
      const isOver = view.phase !== 'play'
      setText(title, name || `Round ${view.round}`)
      setText(time, isOver ? 'break' : formatTime(view.endsAt - view.time))
      setText(
        leader,
        isOver
          ? `${view.winnerName || 'Nobody'} wins`
          : first && first.score > 0
            ? `Leader: ${first.name} (${first.score})`
            : 'Leader: nobody yet',
      )
      setText(players, `${view.players.size} players`)
      mini.element.setAttribute('aria-label', `Arena with ${view.players.size} players`)
    },
  }
}

import { el, icon, icons, setData, setText } from '../dom.ts'
import { banner } from '../hud/banner.ts'
import { chatBox } from '../hud/chat-box.ts'
import { killFeed } from '../hud/kill-feed.ts'
import { matchClock } from '../hud/match-clock.ts'
import { scoreBoard } from '../hud/score-board.ts'
import { seeThrough } from '../hud/see-through.ts'
import { seenBy } from '../hud/seen.ts'
import { soundButton } from '../hud/sound-button.ts'
import { timeline } from '../hud/timeline.ts'
import { openStage } from '../scene/stage.ts'
import { Sound } from '../sound.ts'
import type { ArenaView } from '../view/arena-view.ts'
import { fetchTitles } from '../view/feed-api.ts'
import { LogExplorer } from '../view/log-explorer.ts'
import { WatchSource } from '../view/watch-source.ts'

const TIMELINE_MS = 200

/** `/watch/:room`: the match as its feed tells it, live or from its past. */
export function watchPage(app: HTMLElement, room: string): void {
  document.title = 'Ringside Arena · watching'
  const explorer = new LogExplorer(room)
  const sound = new Sound()
  const surface = el('div', { class: 'stage', role: 'img', 'aria-label': 'Arena' })
  const clock = matchClock()
  const scores = scoreBoard(16)
  const kills = killFeed()
  const words = banner()
  const chat = chatBox()
  const text = el('span', { text: 'Connecting…' })
  const connection = el(
    'p',
    { class: 'connection', role: 'status', 'data-state': 'connecting' },
    el('span', { class: 'lamp' }),
    text,
  )
  const notice = el('p', { class: 'stage-notice', role: 'alert', 'data-shown': 'false' })
  const delay = el('span', { class: 'tag' })
  const title = el('h1', { class: 'watch-title', text: 'Live match' })
  const page = el('main', { class: 'watch', 'data-status': 'connecting', 'data-mode': 'live' })

  let view: ArenaView | null = null
  const names = new Map<string, string>()
  const nameOf = (id: string): string => names.get(id) ?? 'somebody'

  const source = new WatchSource(room, {
    onLog: (entry) => explorer.take(entry, nameOf),
    onChange: () => queueMicrotask(tell),
  })
  function tell(): void {
    const { mode, status, problem, delayMs, speed } = source
    setData(page, 'status', status)
    setData(page, 'mode', mode)
    const isAway = mode !== 'paused' && status === 'reconnecting'
    const isOver = status === 'ended' || status === 'failed'
    setData(
      connection,
      'state',
      isAway ? 'reconnecting' : mode === 'paused' || isOver ? 'idle' : 'connected',
    )
    setText(
      text,
      isAway
        ? 'Server away, trying again…'
        : isOver
          ? status === 'ended'
            ? 'This room is over'
            : 'No such room'
          : mode === 'paused'
            ? 'Paused'
            : status === 'connecting'
              ? 'Connecting…'
              : mode === 'replay'
                ? `Replay at ${speed}×`
                : status === 'live'
                  ? 'Live'
                  : 'Catching up…',
    )
    const trouble =
      status === 'failed'
        ? 'This room is not here. It may be over: the arrow above leads to those that are live.'
        : isAway
          ? 'The server is away. This page goes on by itself when it is back.'
          : problem
    setText(notice, trouble)
    setData(notice, 'shown', String(trouble !== ''))
    setData(delay, 'delay', delayMs > 0 ? 'some' : 'none')
    setText(delay, delayMs > 0 ? `${delayMs / 1000} s behind the players` : 'no delay')
  }

  const seek = (time: number): void => {
    const isPlaying = source.mode !== 'paused'
    explorer.find(time).then(
      (mark) => {
        if (mark) void source.seek(mark.seq, isPlaying)
      },
      () => {
        setText(notice, 'The server is away. Try again in a moment.')
        setData(notice, 'shown', 'true')
      },
    )
  }
  const bar = timeline({
    seek,
    seekTo: ({ seq }) => void source.seek(seq, source.mode !== 'paused'),
    toggle: () => (source.mode === 'paused' ? source.play(source.speed) : source.pause()),
    speed: (speed) => source.play(speed),
    live: () => source.live(),
  })

  page.append(
    el(
      'header',
      { class: 'watch-head' },
      el(
        'a',
        { class: 'button icon-button', href: '/watch', 'aria-label': 'All rooms' },
        icon(icons.back),
      ),
      title,
      delay,
      connection,
      soundButton(sound),
      el(
        'a',
        { class: 'button primary small', href: `/play/${encodeURIComponent(room)}` },
        'Play here',
      ),
    ),
    el('div', { class: 'watch-stage' }, surface, kills.element, words.element, notice),
    bar.element,
    el('aside', { class: 'watch-side' }, clock.element, scores.element, chat.element),
  )
  app.replaceChildren(page)
  chat.element.classList.add('open', 'fixed')

  const seen = seenBy(page)
  const makeRoom = seeThrough([kills.element])
  const stage = openStage(surface, {
    source,
    camera: 'fit',
    onFrame(next, events) {
      if (view && Math.abs(next.time - view.time) > 3_000) kills.clear()
      view = next
      for (const player of next.players.values()) names.set(player.id, player.name)
      clock.update(next)
      scores.update(next)
      kills.add(events, next)
      words.update(next)
      chat.update(next)
      sound.frame(next, events)
      seen(next)
      makeRoom(next.players.values(), stage.scene)
      setData(page, 'seq', String(source.seq))
    },
  })
  const timer = setInterval(() => {
    const { liveTime } = source
    const to = Number.isNaN(liveTime) ? (explorer.index.last?.at ?? Number.NaN) : liveTime
    if (view) void explorer.load(nameOf)
    bar.update({
      from: explorer.firstAt,
      to,
      time: view?.time ?? Number.NaN,
      isLive: source.mode === 'live',
      isPlaying: source.mode !== 'paused',
      speed: source.speed,
      highlights: explorer.index.highlights,
    })
  }, TIMELINE_MS)
  window.addEventListener('pagehide', () => {
    clearInterval(timer)
    source.close()
    stage.close()
  })
  void fetchTitles().then((titles) => setText(title, titles.get(room) ?? 'Live match'))
}

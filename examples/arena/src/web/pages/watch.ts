import { el, icon, icons, setData, setText } from '../dom.ts'
import { banner } from '../hud/banner.ts'
import { chatBox } from '../hud/chat-box.ts'
import { elsewhere } from '../hud/elsewhere.ts'
import { killFeed } from '../hud/kill-feed.ts'
import { matchClock } from '../hud/match-clock.ts'
import { newsList } from '../hud/news.ts'
import { scoreBoard } from '../hud/score-board.ts'
import { seeThrough } from '../hud/see-through.ts'
import { seenBy } from '../hud/seen.ts'
import { soundButton } from '../hud/sound-button.ts'
import { timeline } from '../hud/timeline.ts'
import { openStage } from '../scene/stage.ts'
import { Sound } from '../sound.ts'
import { recall, remember } from '../storage.ts'
import type { ArenaView } from '../view/arena-view.ts'
import { HttpError, fetchLogWorks, fetchTitles } from '../view/feed-api.ts'
import { LogExplorer } from '../view/log-explorer.ts'
import { LogWatch, waitingWords } from '../view/log-watch.ts'
import { WatchSource } from '../view/watch-source.ts'

const TIMELINE_MS = 200

/** Shows `/watch/:room`: the match as its feed tells it, live or from its past. */
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
  const noticeText = el('p')
  const notice = el(
    'div',
    { class: 'stage-notice', role: 'alert', 'data-shown': 'false' },
    noticeText,
  )
  const play = el(
    'a',
    { class: 'button primary small play-here', href: `play/${encodeURIComponent(room)}` },
    'Play here',
  )
  const delay = el('span', { class: 'tag' })
  const title = el('h1', { class: 'watch-title', text: 'Live match' })
  const page = el('main', { class: 'watch', 'data-status': 'connecting', 'data-mode': 'live' })

  let view: ArenaView | null = null
  const names = new Map<string, string>()
  const nameOf = (id: string): string => names.get(id) ?? 'somebody'

  const log = new LogWatch(fetchLogWorks)
  const source = new WatchSource(room, {
    onLog(entry) {
      log.heard(performance.now())
      explorer.take(entry, nameOf)
    },
    onChange: () => queueMicrotask(tell),
  })
  const isOverNow = (): boolean =>
    source.isGone || source.status === 'ended' || source.status === 'failed'
  let saysWaiting = false
  const isLiveNow = (): boolean => source.mode === 'live' && source.status === 'live'
  let other: HTMLElement | null = null
  function offerOther(): void {
    if (other) return
    other = elsewhere({ id: room, title: recall(`title.${room}`, 'session') ?? '', to: 'watch' })
    notice.append(other)
  }
  function tell(): void {
    const { mode, status, problem, delayMs } = source
    setData(page, 'status', source.isGone ? 'failed' : status)
    setData(page, 'mode', mode)
    const isAway = mode !== 'paused' && status === 'reconnecting'
    const isOver = isOverNow()
    const isStill = mode === 'paused' || isOver
    const isWaiting = isLiveNow() && log.isWaiting
    saysWaiting = isWaiting
    const state = isAway ? 'reconnecting' : isStill ? 'idle' : isWaiting ? 'waiting' : 'connected'
    setData(connection, 'state', state)
    const quietMs = log.quietMs(performance.now())
    setText(text, isWaiting ? waitingWords(quietMs, delayMs) : statusWords(source))
    setData(play, 'shown', String(!isOver))
    if (isOver) offerOther()
    if (other) other.hidden = !isOver
    const trouble = source.isGone
      ? 'This room is over, or the server has begun anew without it.'
      : isAway
        ? 'The server is away. This page goes on by itself when it is back.'
        : status === 'ended' && mode === 'live'
          ? 'This room is over.'
          : problem
    setText(noticeText, trouble)
    setData(notice, 'shown', String(trouble !== ''))
    setData(delay, 'delay', delayMs > 0 ? 'some' : 'none')
    setText(delay, delayMs > 0 ? `${delayMs / 1000} s behind the players` : 'no delay')
  }

  // The newest wish counts, and the answer to an older question changes nothing any more.
  let wishes = 0
  const seek = async (time: number): Promise<void> => {
    const wish = ++wishes
    try {
      const mark = await explorer.find(time)
      if (mark && wish === wishes) await source.seek(mark.n, source.isPlaying)
    } catch (error) {
      if (!(error instanceof HttpError)) throw error
      if (wish !== wishes) return
      if (error.code === 'room_not_found') return source.lose()
      setText(noticeText, 'The server is away. Try again in a moment.')
      setData(notice, 'shown', 'true')
    }
  }
  const instead = (what: () => void) => (): void => {
    wishes += 1
    what()
  }
  const bar = timeline({
    seek,
    seekTo: ({ n }) => instead(() => void source.seek(n, source.isPlaying))(),
    toggle: () => (source.isPlaying && !isOverNow() ? source.pause() : source.play(source.speed)),
    speed: (speed) => source.chooseSpeed(speed),
    live: instead(() => source.live()),
  })

  page.append(
    el(
      'header',
      { class: 'watch-head' },
      el(
        'a',
        { class: 'button icon-button', href: 'watch', 'aria-label': 'All rooms' },
        icon(icons.back),
      ),
      title,
      delay,
      connection,
      soundButton(sound),
      play,
    ),
    el('div', { class: 'watch-stage' }, surface, kills.element, words.element, newsList(), notice),
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
      setData(page, 'n', String(source.n))
    },
  })
  const timer = setInterval(() => {
    const { liveTime } = source
    // The end of a room that is over is its last event, whatever the clock says.
    const to =
      isOverNow() || Number.isNaN(liveTime) ? (explorer.index.last?.at ?? Number.NaN) : liveTime
    if (view) void explorer.load(nameOf)
    const isOver = isOverNow()
    if (!document.hidden) log.check(performance.now(), isLiveNow())
    if (log.isWaiting || saysWaiting) tell()
    bar.update({
      from: explorer.firstAt,
      to: log.isWaiting && view ? view.time : to,
      time: isOver && source.mode === 'live' ? to : (view?.time ?? Number.NaN),
      isLive: source.mode === 'live' && !isOver,
      isPlaying: source.isPlaying && !isOver,
      isOver,
      isWaiting: log.isWaiting,
      isGone: source.isGone,
      speed: source.speed,
      highlights: explorer.index.highlights,
    })
  }, TIMELINE_MS)
  window.addEventListener('pagehide', () => {
    clearInterval(timer)
    source.close()
    stage.close()
  })
  void fetchTitles().then((titles) => {
    const known = titles.get(room)
    if (known !== undefined) remember(`title.${room}`, known, 'session')
    setText(title, known ?? recall(`title.${room}`, 'session') ?? 'Live match')
  })
}

/** Tells the page's state in a word or two. */
function statusWords({ mode, status, isGone, speed }: WatchSource): string {
  if (isGone) return 'No such room'
  if (status === 'ended') return 'This room is over'
  if (mode === 'paused') return 'Paused'
  if (status === 'reconnecting') return 'Server away, trying again…'
  if (status === 'failed') return 'Stopped'
  if (status === 'connecting') return 'Connecting…'
  if (mode === 'replay') return `Replay at ${speed}×`
  return status === 'live' ? 'Live' : 'Catching up…'
}

import { el, formatTime, icon, icons, setData, setText } from '../dom.ts'
import { SeekTarget } from '../view/seek-target.ts'
import type { Highlight } from '../view/time-index.ts'
import { thinOut } from '../view/time-index.ts'

/** The spectator asks these of the timeline. */
export interface TimelineActions {
  /** Resolves when the seek is done, well or not. */
  seek(time: number): Promise<void>
  seekTo(highlight: Highlight): void
  toggle(): void
  speed(speed: number): void
  live(): void
}

/** The timeline shows these. Times are in ms of the room's log; NaN = not known yet. */
export interface TimelineState {
  readonly from: number
  readonly to: number
  readonly time: number
  readonly isLive: boolean
  readonly isPlaying: boolean
  /** True when the room is over: its end is where live was. */
  readonly isOver: boolean
  /** True when it is live but the server's log is away, so that the picture stands still. */
  readonly isWaiting: boolean
  /** True when there is no such room, and nothing to go to. */
  readonly isGone: boolean
  /** The speed asked for; while live it is that of the next seek. */
  readonly speed: number
  readonly highlights: readonly Highlight[]
}

const SPEEDS = [0.5, 1, 2, 4, 8]
const SKIP_MS = 10_000
const MAX_MARKS = 240

/** The room's past as a bar: go anywhere, play at a speed, come back to live. */
export function timeline(actions: TimelineActions): {
  element: HTMLElement
  update(state: TimelineState): void
} {
  const range = el('input', {
    type: 'range',
    class: 'range',
    min: 0,
    max: 1,
    step: 100,
    'aria-label': 'Moment of the match',
  })
  const marks = el('div', { class: 'range-marks' })
  const where = el('span', { class: 'where' })
  const start = el('span', { class: 'muted' })
  const toggle = el('button', { class: 'button icon-button', type: 'button' })
  const live = el(
    'button',
    { class: 'button live-button', type: 'button' },
    el('span', { class: 'lamp' }),
    'Live',
  )
  const speed = el('select', { class: 'field speed', 'aria-label': 'Speed' })
  for (const value of SPEEDS) speed.append(el('option', { value, text: `${value}×` }))
  let state: TimelineState | null = null
  let isDragging = false
  let drawn = ''
  let shownSpeed = 0
  const target = new SeekTarget()

  const seek = (time: number): void => {
    const done = target.begin(time)
    void actions.seek(time).then(() => done(performance.now()))
  }
  const skip = (by: number): void => {
    if (!state || Number.isNaN(state.time)) return
    const from = target.from(state.isLive ? state.to : state.time)
    seek(Math.min(state.to, Math.max(state.from, from + by)))
  }
  toggle.addEventListener('click', () => actions.toggle())
  live.addEventListener('click', () => {
    target.clear()
    actions.live()
  })
  speed.addEventListener('change', () => actions.speed(Number(speed.value)))
  range.addEventListener('input', () => {
    isDragging = true
    if (state) setText(where, ago(state.to - Number(range.value)))
  })
  range.addEventListener('change', () => {
    isDragging = false
    seek(Number(range.value))
  })
  const element = el(
    'section',
    { class: 'panel timeline', 'aria-label': 'Timeline' },
    el('div', { class: 'range-box' }, marks, range),
    el(
      'div',
      { class: 'timeline-row' },
      el(
        'button',
        { class: 'button small', type: 'button', onclick: () => skip(-SKIP_MS) },
        '−10 s',
      ),
      toggle,
      el(
        'button',
        { class: 'button small', type: 'button', onclick: () => skip(SKIP_MS) },
        '+10 s',
      ),
      speed,
      el('span', { class: 'timeline-times' }, start, where),
      live,
    ),
  )

  const drawMarks = (next: TimelineState): void => {
    const span = next.to - next.from
    const visible = thinOut(next.highlights, { from: next.from, to: next.to, max: MAX_MARKS })
    const key = `${visible.length}:${visible.at(-1)?.n ?? 0}:${Math.round(next.from / 1000)}:${Math.round(next.to / 2000)}`
    if (key === drawn || !(span > 0)) return
    drawn = key
    marks.replaceChildren(
      ...visible.map((highlight) => {
        const mark = el('button', {
          class: `mark ${highlight.kind}`,
          type: 'button',
          tabindex: -1,
          title: highlight.text,
          'aria-label': highlight.text,
          onclick: () => {
            target.clear()
            actions.seekTo(highlight)
          },
        })
        mark.style.left = `${((highlight.at - next.from) / span) * 100}%`
        return mark
      }),
    )
  }

  return {
    element,
    update(next) {
      const wasPlaying = state?.isPlaying
      state = next
      if (wasPlaying !== next.isPlaying) {
        toggle.replaceChildren(icon(next.isPlaying ? icons.pause : icons.play))
        toggle.setAttribute('aria-label', next.isPlaying ? 'Pause' : 'Play')
      }
      setData(live, 'on', String(next.isLive && !next.isWaiting))
      setData(element, 'mode', next.isLive ? 'live' : next.isPlaying ? 'replay' : 'paused')
      element.inert = next.isGone
      // It is set only when it changes, so that a choice under way is left alone.
      if (next.speed !== shownSpeed) speed.value = String((shownSpeed = next.speed))
      speed.title = next.isLive ? 'Speed of the next replay' : 'Speed'
      if (next.isGone) {
        setText(start, '')
        setText(where, '')
        return
      }
      if (Number.isNaN(next.from) || Number.isNaN(next.to)) return
      target.shown(next.time, performance.now())
      range.min = String(Math.floor(next.from))
      range.max = String(Math.ceil(Math.max(next.to, next.from + 1)))
      setText(start, `${formatTime(next.to - next.from)} kept`)
      if (!isDragging) {
        const time = target.from(next.isLive ? next.to : next.time)
        range.value = String(time)
        setText(where, whereWords(next, time))
      }
      const part = (Number(range.value) - next.from) / Math.max(1, next.to - next.from)
      range.style.setProperty('--part', `${Math.min(100, Math.max(0, part * 100)).toFixed(2)}%`)
      drawMarks(next)
    },
  }
}

function whereWords({ isOver, isLive, isWaiting, to }: TimelineState, time: number): string {
  if (isLive && isWaiting) return 'waiting'
  if (isLive && time === to) return 'live'
  return isOver && to - time < 1_500 ? 'the end' : ago(to - time)
}

const ago = (ms: number): string => (ms < 1_500 ? 'live' : `${formatTime(ms)} ago`)

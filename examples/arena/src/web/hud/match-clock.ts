import { el, formatTime, icon, icons, setData, setText } from '../dom.ts'
import { css, playerColor } from '../theme.ts'
import type { ArenaView } from '../view/arena-view.ts'
import { ranking } from '../view/arena-view.ts'

/** Time left, round and leader. */
export function matchClock(): { element: HTMLElement; update(view: ArenaView): void } {
  const caption = el('span', { class: 'clock-caption', text: 'Time left' })
  const time = el('span', { class: 'clock-time', text: '–:––' })
  const dot = el('span', { class: 'dot' })
  const name = el('span', { class: 'player-name' })
  const score = el('span', { class: 'leader-score' })
  const title = el('span', { class: 'leader-caption', text: 'Leader' })
  const leader = el('div', { class: 'leader' }, icon(icons.crown), title, dot, name, score)
  const element = el(
    'section',
    { class: 'panel clock', 'aria-label': 'Match' },
    el('div', { class: 'clock-row' }, caption, time),
    leader,
  )
  return {
    element,
    update(view) {
      const left = view.endsAt - view.time
      const isOver = view.phase !== 'play'
      setText(caption, isOver ? 'Next round in' : `Round ${view.round} · time left`)
      setText(time, formatTime(left))
      setData(element, 'hurry', String(!isOver && left < 30_000))
      const first = ranking(view.players.values())[0]
      const hasLeader = first !== undefined && first.score > 0
      setData(leader, 'known', String(hasLeader))
      setText(title, hasLeader ? 'Leader' : 'No leader yet')
      setText(name, hasLeader ? first.name + (first.id === view.selfId ? ' (you)' : '') : '')
      setText(score, hasLeader ? String(first.score) : '')
      const color = hasLeader ? css(playerColor(first.color)) : 'transparent'
      if (dot.dataset['color'] !== color) {
        dot.dataset['color'] = color
        dot.style.background = color
      }
    },
  }
}

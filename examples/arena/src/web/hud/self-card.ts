import { MAX_HEALTH, MAX_MINES } from '../../shared/constants.ts'
import { el, setData, setText } from '../dom.ts'
import { css, healthColor, playerColor } from '../theme.ts'
import { renameField } from './rename.ts'
import type { ArenaView } from '../view/arena-view.ts'
import { ranking } from '../view/arena-view.ts'

/** Shows the own player: name (which can be changed here), colour, health, kills, mines left. */
export function selfCard(rename: (name: string) => Promise<string>): {
  element: HTMLElement
  update(view: ArenaView): void
} {
  const dot = el('span', { class: 'dot big' })
  const naming = renameField(rename)
  const bar = el('span', { class: 'health-fill' })
  const number = el('span', { class: 'health-number' })
  const track = el(
    'div',
    {
      class: 'health-track',
      role: 'meter',
      'aria-label': 'Your health',
      'aria-valuemin': 0,
      'aria-valuemax': MAX_HEALTH,
    },
    bar,
  )
  const place = el('span', { class: 'stat' })
  const kills = el('span', { class: 'stat' })
  const mines = el('span', { class: 'stat' })
  const element = el(
    'section',
    { class: 'panel self', 'aria-label': 'You' },
    el(
      'div',
      { class: 'self-row' },
      dot,
      el('span', { class: 'tag you', text: 'You' }),
      naming.element,
    ),
    el(
      'div',
      { class: 'health' },
      el('span', { class: 'health-caption', text: 'Health' }),
      track,
      number,
    ),
    el('div', { class: 'stats' }, kills, place, mines),
  )
  return {
    element,
    update(view) {
      const self = view.selfId === null ? undefined : view.players.get(view.selfId)
      setData(element, 'present', String(self !== undefined))
      if (!self) return
      naming.update(self.name)
      const health = self.alive ? self.health : 0
      setText(number, `${health} / ${MAX_HEALTH}`)
      if (track.getAttribute('aria-valuenow') !== String(health)) {
        track.setAttribute('aria-valuenow', String(health))
        bar.style.width = `${(health / MAX_HEALTH) * 100}%`
        bar.style.background = css(healthColor(health / MAX_HEALTH))
      }
      const color = css(playerColor(self.color))
      if (dot.dataset['color'] !== color) {
        dot.dataset['color'] = color
        dot.style.background = color
        element.style.setProperty('--own', color)
      }
      const rank = ranking(view.players.values()).findIndex(({ id }) => id === self.id) + 1
      setText(kills, `${self.score} ${self.score === 1 ? 'kill' : 'kills'}`)
      setText(place, `place ${rank} of ${view.players.size}`)
      setText(mines, `${MAX_MINES - view.mines.length} mines left`)
      setData(element, 'health', String(health))
      setData(element, 'x', self.x.toFixed(1))
      setData(element, 'y', self.y.toFixed(1))
    },
  }
}

import { el } from '../dom.ts'
import { css, playerColor } from '../theme.ts'
import type { ArenaView } from '../view/arena-view.ts'
import { ranking } from '../view/arena-view.ts'

const REFRESH_MS = 200

/** Everybody by rank, the viewer's own row marked; at most `rows`, the own row always among them. */
export function scoreBoard(rows: number): { element: HTMLElement; update(view: ArenaView): void } {
  const body = el('tbody')
  const element = el(
    'section',
    { class: 'panel scores', 'aria-label': 'Score board' },
    el('h2', { class: 'panel-title', text: 'Score board' }),
    el(
      'table',
      {},
      el(
        'thead',
        {},
        el(
          'tr',
          {},
          el('th', { scope: 'col', text: '#' }),
          el('th', { scope: 'col', class: 'grow', text: 'Player' }),
          el('th', { scope: 'col', text: 'Kills' }),
          el('th', { scope: 'col', text: 'Deaths' }),
        ),
      ),
      body,
    ),
  )
  let shown = ''
  let next = 0
  return {
    element,
    update(view) {
      const now = performance.now()
      if (now < next) return
      next = now + REFRESH_MS
      const ranked = ranking(view.players.values()).map((player, index) => ({ player, index }))
      const own = ranked.find(({ player }) => player.id === view.selfId)
      const visible = ranked.slice(0, rows)
      if (own && own.index >= rows) visible[rows - 1] = own
      const key = JSON.stringify(
        visible.map(({ player: p, index }) => [index, p.id, p.name, p.score, p.deaths, p.alive]),
      )
      if (key === shown) return
      shown = key
      body.replaceChildren(
        ...visible.map(({ player, index }) => {
          const dot = el('span', { class: 'dot' })
          dot.style.background = css(playerColor(player.color))
          const isSelf = player.id === view.selfId
          return el(
            'tr',
            { class: `${isSelf ? 'self' : ''} ${player.alive ? '' : 'dead'}`.trim() },
            el('td', { class: 'rank', text: index + 1 }),
            el(
              'td',
              { class: 'grow' },
              dot,
              el('span', { class: 'player-name', text: player.name }),
              isSelf && el('span', { class: 'tag you', text: 'You' }),
              player.isBot && el('span', { class: 'tag', text: 'bot' }),
            ),
            el('td', { class: 'number', text: player.score }),
            el('td', { class: 'number muted', text: player.deaths }),
          )
        }),
      )
    },
  }
}

import { el, setData, setText } from '../dom.ts'
import type { ArenaView } from '../view/arena-view.ts'

/** Shows the large words in the middle: the winner of a round, or the time until a player is back. */
export function banner(): {
  element: HTMLElement
  update(view: ArenaView): void
  /** The room stands still. */
  pause(): void
  hide(): void
} {
  const title = el('p', { class: 'banner-title' })
  const detail = el('p', { class: 'banner-detail' })
  const element = el(
    'div',
    { class: 'banner', role: 'status', 'data-shown': 'false' },
    title,
    detail,
  )
  const show = (kind: string, words: string, more: string): void => {
    setData(element, 'shown', 'true')
    setData(element, 'kind', kind)
    setText(title, words)
    setText(detail, more)
  }
  return {
    element,
    pause: () =>
      show('paused', 'Paused', 'The server cannot save the match. It goes on by itself.'),
    hide: () => setData(element, 'shown', 'false'),
    update(view) {
      const self = view.selfId === null ? undefined : view.players.get(view.selfId)
      if (view.phase !== 'play') {
        const isOwn = view.winner !== '' && view.winner === view.selfId
        const winner = view.players.get(view.winner)
        const kills = winner ? `${winner.score} kills · ` : ''
        const seconds = Math.max(0, Math.ceil((view.endsAt - view.time) / 1000))
        show(
          isOwn ? 'won' : 'over',
          view.winner === '' ? 'Nobody wins' : isOwn ? 'You win!' : `${view.winnerName} wins`,
          `${kills}next round in ${seconds} s`,
        )
      } else if (self && !self.alive) {
        const seconds = Math.max(0, (self.respawnAt - view.time) / 1000)
        show('dead', 'You are down', `Back in ${seconds.toFixed(1)} s`)
      } else setData(element, 'shown', 'false')
    },
  }
}

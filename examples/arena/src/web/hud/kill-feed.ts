import { el } from '../dom.ts'
import { css, playerColor } from '../theme.ts'
import type { ArenaEvent, ArenaView } from '../view/arena-view.ts'

const SHOWN_MS = 7_000
const MAX_LINES = 5

/** Lists the kills, newest last; each line goes after a while. */
export function killFeed(): {
  element: HTMLElement
  add(events: readonly ArenaEvent[], view: ArenaView): void
  clear(): void
} {
  const element = el('ol', { class: 'kills', 'aria-label': 'Kills', 'aria-live': 'off' })
  const who = (id: string, view: ArenaView): HTMLElement => {
    const player = view.players.get(id)
    const name = el('span', { class: 'player-name', text: player?.name ?? 'somebody' })
    name.style.color = css(playerColor(player?.color ?? 12))
    return name
  }
  return {
    element,
    add(events, view) {
      for (const event of events) {
        if (event.type !== 'kill') continue
        const { by, whom, weapon } = event.data
        const isOwn = view.selfId !== null && (by === view.selfId || whom === view.selfId)
        const line = el(
          'li',
          { class: isOwn ? 'own' : '' },
          who(by, view),
          el('span', { class: 'weapon', text: weapon === 'mine' ? 'mined' : 'shot' }),
          who(whom, view),
        )
        element.append(line)
        while (element.children.length > MAX_LINES) element.firstElementChild?.remove()
        setTimeout(() => line.remove(), SHOWN_MS)
      }
    },
    clear: () => element.replaceChildren(),
  }
}

import { PLAYER_RADIUS } from '../../shared/constants.ts'
import { setData } from '../dom.ts'
import type { ArenaScene } from '../scene/arena-scene.ts'
import type { PlayerView } from '../view/arena-view.ts'

const REFRESH_MS = 80
/** Height of a name and its health bar above a figure, in CSS pixels. */
const NAME_PIXELS = 26

/** Marks each panel that a living player stands behind (`data-covers`): the style sheet lets the player be seen. */
export function seeThrough(
  panels: readonly HTMLElement[],
): (players: Iterable<PlayerView>, scene: ArenaScene) => void {
  let next = 0
  return (players, scene) => {
    const now = performance.now()
    if (now < next) return
    next = now + REFRESH_MS
    const figures: DOMRect[] = []
    for (const { alive, x, y } of players) {
      if (!alive) continue
      const at = scene.placeOf({ x, y })
      const radius = PLAYER_RADIUS * at.scale
      figures.push(
        new DOMRect(
          at.x - radius,
          at.y - radius - NAME_PIXELS,
          2 * radius,
          2 * radius + NAME_PIXELS,
        ),
      )
    }
    const boxes = panels.map((panel) => panel.getBoundingClientRect())
    for (const [index, panel] of panels.entries()) {
      const box = boxes[index]
      const covers = box !== undefined && figures.some((figure) => meet(figure, box))
      setData(panel, 'covers', String(covers))
    }
  }
}

function meet(a: DOMRect, b: DOMRect): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

import type { ArenaView } from '../view/arena-view.ts'
import type { Controls } from './controls.ts'

/** Nearest enemy that fingers aim at by themselves, in units. */
const ASSIST_UNITS = 620
let lastAngle = 0

/**
 * Gives the player's aim, in radians: at the mouse; with fingers where the fire button is dragged, else at
 * the nearest enemy while firing, else the way the player goes.
 */
export function aimFor(
  view: ArenaView,
  controls: Controls,
  pointer: { x: number; y: number } | null,
): number {
  const self = view.selfId === null ? undefined : view.players.get(view.selfId)
  if (!self) return lastAngle
  if (pointer) return (lastAngle = Math.atan2(pointer.y - self.y, pointer.x - self.x))
  if (controls.touchAim !== null) return (lastAngle = controls.touchAim)
  if (controls.buttons() !== 0) {
    let nearest = ASSIST_UNITS
    for (const other of view.players.values()) {
      const distance = Math.hypot(other.x - self.x, other.y - self.y)
      if (other.id === self.id || !other.alive || distance >= nearest) continue
      nearest = distance
      lastAngle = Math.atan2(other.y - self.y, other.x - self.x)
    }
    if (nearest < ASSIST_UNITS) return lastAngle
  }
  const { x, y } = controls.move()
  if (x !== 0 || y !== 0) lastAngle = Math.atan2(y, x)
  return lastAngle
}

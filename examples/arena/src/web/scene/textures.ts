import type Phaser from 'phaser'
import { PACK_RADIUS, PLAYER_RADIUS } from '../../shared/constants.ts'
import { css, theme } from '../theme.ts'

/** Pixels of a texture per unit of the arena: enough for a camera that comes close on a dense screen. */
export const TEXTURE_SCALE = 4

type Draw = (context: CanvasRenderingContext2D, size: number) => void

function ensure(scene: Phaser.Scene, key: string, sizeUnits: number, draw: Draw): string {
  if (scene.textures.exists(key)) return key
  const size = Math.ceil(sizeUnits * TEXTURE_SCALE)
  const texture = scene.textures.createCanvas(key, size, size)
  if (!texture) return key
  const context = texture.getContext()
  context.translate(size / 2, size / 2)
  context.scale(TEXTURE_SCALE, TEXTURE_SCALE)
  draw(context, sizeUnits)
  texture.refresh()
  return key
}

/** The hull of a player: seen from above, lit from the upper left. */
export function bodyTexture(scene: Phaser.Scene, color: number): string {
  return ensure(scene, `body-${color}`, PLAYER_RADIUS * 2.6, (context) => {
    const radius = PLAYER_RADIUS
    const glow = context.createRadialGradient(0, 0, radius * 0.8, 0, 0, radius * 1.3)
    glow.addColorStop(0, `${css(color)}66`)
    glow.addColorStop(1, `${css(color)}00`)
    context.fillStyle = glow
    context.fillRect(-radius * 1.3, -radius * 1.3, radius * 2.6, radius * 2.6)
    disc(context, radius, css(mix(color, 0x000000, 0.55)))
    const hull = context.createRadialGradient(-7, -8, 2, 0, 0, radius)
    hull.addColorStop(0, css(mix(color, 0xffffff, 0.45)))
    hull.addColorStop(0.45, css(color))
    hull.addColorStop(1, css(mix(color, 0x000000, 0.3)))
    disc(context, radius - 2.2, hull)
    disc(context, radius * 0.5, css(mix(color, 0x05070c, 0.72)))
    disc(context, radius * 0.3, css(mix(color, 0x05070c, 0.45)))
  })
}

/** The barrel, pointing to the right, turning about the player's centre. */
export function barrelTexture(scene: Phaser.Scene, color: number): string {
  return ensure(scene, `barrel-${color}`, PLAYER_RADIUS * 3, (context) => {
    const radius = PLAYER_RADIUS
    context.fillStyle = css(mix(color, 0x05070c, 0.72))
    round(context, [radius * 0.25, -5.5, radius * 1.02, 11], 3.5)
    context.fillStyle = css(mix(color, 0xffffff, 0.3))
    round(context, [radius * 0.35, -3.5, radius * 0.85, 7], 2.5)
  })
}

/** A health pack: a white cross on green. */
export function packTexture(scene: Phaser.Scene): string {
  return ensure(scene, 'pack', PACK_RADIUS * 3.4, (context, size) => {
    const glow = context.createRadialGradient(0, 0, 4, 0, 0, size / 2)
    glow.addColorStop(0, `${css(theme.good)}88`)
    glow.addColorStop(1, `${css(theme.good)}00`)
    context.fillStyle = glow
    context.fillRect(-size / 2, -size / 2, size, size)
    const half = PACK_RADIUS * 0.92
    context.fillStyle = css(mix(theme.good, 0x000000, 0.5))
    round(context, [-half, -half, half * 2, half * 2], 6)
    context.fillStyle = css(theme.good)
    round(context, [-half + 1.5, -half + 1.5, half * 2 - 3, half * 2 - 3], 5)
    context.fillStyle = '#ffffff'
    round(context, [-2.8, -9, 5.6, 18], 1.5)
    round(context, [-9, -2.8, 18, 5.6], 1.5)
  })
}

/** The viewer's own mine. */
export function mineTexture(scene: Phaser.Scene): string {
  return ensure(scene, 'mine', 40, (context) => {
    context.strokeStyle = css(theme.bad)
    context.lineWidth = 3
    for (let spike = 0; spike < 8; spike++) {
      const angle = (spike / 8) * Math.PI * 2
      context.beginPath()
      context.moveTo(Math.cos(angle) * 9, Math.sin(angle) * 9)
      context.lineTo(Math.cos(angle) * 15, Math.sin(angle) * 15)
      context.stroke()
    }
    disc(context, 11.5, css(theme.bad))
    disc(context, 9.5, '#1c1015')
    disc(context, 4, css(theme.bad))
  })
}

function disc(context: CanvasRenderingContext2D, radius: number, fill: string | CanvasGradient) {
  context.fillStyle = fill
  context.beginPath()
  context.arc(0, 0, radius, 0, Math.PI * 2)
  context.fill()
}

function round(
  context: CanvasRenderingContext2D,
  [x, y, width, height]: readonly [number, number, number, number],
  radius: number,
) {
  context.beginPath()
  context.roundRect(x, y, width, height, radius)
  context.fill()
}

/** `part` (0-1) of the way from one colour to another. */
export function mix(from: number, to: number, part: number): number {
  const channel = (shift: number): number => {
    const a = (from >> shift) & 0xff
    const b = (to >> shift) & 0xff
    return Math.round(a + (b - a) * part) << shift
  }
  return channel(16) | channel(8) | channel(0)
}

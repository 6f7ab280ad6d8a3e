import type Phaser from 'phaser'
import { MINE_ARM_MS } from '../../shared/constants.ts'
import type { ArenaView } from '../view/arena-view.ts'
import { playerColor, theme } from '../theme.ts'
import { TEXTURE_SCALE, mineTexture, packTexture } from './textures.ts'

const TRAIL_UNITS = 46

/** Packs, the viewer's mines, shots with their trails. */
export class ThingsLayer {
  readonly #scene: Phaser.Scene
  readonly #shots: Phaser.GameObjects.Graphics
  readonly #packs = new Map<string, Phaser.GameObjects.Image>()
  readonly #mines = new Map<number, Phaser.GameObjects.Image>()

  constructor(scene: Phaser.Scene) {
    this.#scene = scene
    this.#shots = scene.add.graphics().setDepth(25).setBlendMode('ADD')
  }

  draw(view: ArenaView, nowMs: number): void {
    this.#drawPacks(view, nowMs)
    const graphics = this.#shots.clear()
    this.#drawMines(view, nowMs)
    for (const shot of view.shots) {
      const owner = view.players.get(shot.owner)
      const color = owner ? playerColor(owner.color) : theme.text
      const dx = Math.cos(shot.angle)
      const dy = Math.sin(shot.angle)
      for (let part = 0; part < 3; part++) {
        const length = TRAIL_UNITS * (1 - part * 0.32)
        graphics.lineStyle(2 + part * 1.6, color, 0.22 + part * 0.14)
        graphics.lineBetween(shot.x - dx * length, shot.y - dy * length, shot.x, shot.y)
      }
      graphics.fillStyle(color, 0.45).fillCircle(shot.x, shot.y, 8)
      graphics.fillStyle(0xffffff, 1).fillCircle(shot.x, shot.y, 3.6)
    }
  }

  #drawPacks(view: ArenaView, nowMs: number): void {
    const seen = new Set<string>()
    for (const pack of view.packs) {
      seen.add(pack.id)
      let image = this.#packs.get(pack.id)
      if (!image) {
        image = this.#scene.add.image(0, 0, packTexture(this.#scene)).setDepth(10)
        this.#packs.set(pack.id, image)
      }
      const pulse = pack.active ? 1 + 0.08 * Math.sin(nowMs / 260 + pack.x) : 0.7
      image.setPosition(pack.x, pack.y).setScale(pulse / TEXTURE_SCALE)
      image.setAlpha(pack.active ? 1 : 0.12)
    }
    sweep(this.#packs, seen)
  }

  #drawMines(view: ArenaView, nowMs: number): void {
    const seen = new Set<number>()
    for (const mine of view.mines) {
      seen.add(mine.id)
      let image = this.#mines.get(mine.id)
      if (!image) {
        image = this.#scene.add.image(0, 0, mineTexture(this.#scene)).setDepth(9)
        image.setScale(1 / TEXTURE_SCALE)
        this.#mines.set(mine.id, image)
      }
      image.setPosition(mine.x, mine.y)
      const untilArmed = (mine.armedAt - view.time) / MINE_ARM_MS
      // A bright ring closes in on the mine before it can go off.
      if (untilArmed > 0) {
        image.setAlpha(0.85)
        this.#shots.lineStyle(3, 0xffffff, 0.95)
        this.#shots.strokeCircle(mine.x, mine.y, 17 + 18 * Math.min(1, untilArmed))
      } else image.setAlpha(0.85 + 0.15 * Math.sin(nowMs / 180))
      this.#shots.lineStyle(2, theme.bad, 0.9).strokeCircle(mine.x, mine.y, 17)
    }
    sweep(this.#mines, seen)
  }
}

function sweep<K>(images: Map<K, Phaser.GameObjects.Image>, seen: ReadonlySet<K>): void {
  for (const [key, image] of images)
    if (!seen.has(key)) {
      image.destroy()
      images.delete(key)
    }
}

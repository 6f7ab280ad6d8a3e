import type Phaser from 'phaser'
import { MAX_HEALTH, PLAYER_RADIUS } from '../../shared/constants.ts'
import type { ArenaView, PlayerView } from '../view/arena-view.ts'
import { css, healthColor, playerColor, theme } from '../theme.ts'
import { TEXTURE_SCALE, barrelTexture, bodyTexture } from './textures.ts'

interface Figure {
  readonly body: Phaser.GameObjects.Image
  readonly barrel: Phaser.GameObjects.Image
  readonly label: Phaser.GameObjects.Text
  color: number
  caption: string
  /** `performance.now()` until which the figure is drawn white-hot, because it was hit. */
  hurtUntil: number
}

/** The picture's scale: pixels of the canvas per arena unit, and per CSS pixel. */
export interface Magnification {
  readonly zoom: number
  readonly pixelRatio: number
}

/** Font size of the names in CSS pixels, drawn at twice that so that they stay crisp. */
const NAME_PIXELS = 13
const DRAWN = 2

/** The players: hull, barrel, name, health bar, rings. */
export class PlayersLayer {
  readonly #scene: Phaser.Scene
  readonly #marks: Phaser.GameObjects.Graphics
  readonly #figures = new Map<string, Figure>()

  constructor(scene: Phaser.Scene) {
    this.#scene = scene
    this.#marks = scene.add.graphics().setDepth(30)
  }

  /** Draws a player white for a moment. */
  hurt(id: string, nowMs: number): void {
    const figure = this.#figures.get(id)
    if (figure) figure.hurtUntil = nowMs + 130
  }

  draw(view: ArenaView, leader: string | null, magnification: Magnification): void {
    const marks = this.#marks.clear()
    for (const [id, figure] of this.#figures)
      if (!view.players.has(id)) {
        this.#remove(figure)
        this.#figures.delete(id)
      }
    for (const player of view.players.values()) {
      const figure = this.#figures.get(player.id) ?? this.#add(player)
      this.#place(figure, player, { view, isLeader: leader === player.id, magnification })
      if (player.alive) this.#mark(marks, { player, figure, view })
    }
  }

  #add(player: PlayerView): Figure {
    const color = playerColor(player.color)
    const figure: Figure = {
      body: this.#scene.add.image(0, 0, bodyTexture(this.#scene, color)).setDepth(20),
      barrel: this.#scene.add.image(0, 0, barrelTexture(this.#scene, color)).setDepth(21),
      label: this.#scene.add
        .text(0, 0, '', {
          fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
          fontSize: `${NAME_PIXELS * DRAWN}px`,
          fontStyle: '600',
          color: css(theme.text),
          stroke: '#05070c',
          strokeThickness: 3 * DRAWN,
        })
        .setOrigin(0.5, 1)
        .setDepth(45),
      color,
      caption: '',
      hurtUntil: 0,
    }
    figure.body.setScale(1 / TEXTURE_SCALE)
    figure.barrel.setScale(1 / TEXTURE_SCALE)
    this.#figures.set(player.id, figure)
    return figure
  }

  #place(
    figure: Figure,
    player: PlayerView,
    scene: { view: ArenaView; isLeader: boolean; magnification: Magnification },
  ): void {
    const { zoom, pixelRatio } = scene.magnification
    const color = playerColor(player.color)
    if (color !== figure.color) {
      figure.color = color
      figure.body.setTexture(bodyTexture(this.#scene, color))
      figure.barrel.setTexture(barrelTexture(this.#scene, color))
    }
    const alpha = player.isConnected ? 1 : 0.4
    figure.body.setVisible(player.alive).setPosition(player.x, player.y).setAlpha(alpha)
    figure.barrel
      .setVisible(player.alive)
      .setPosition(player.x, player.y)
      .setRotation(player.angle)
      .setAlpha(alpha)
    const isSelf = player.id === scene.view.selfId
    const caption = `${scene.isLeader ? '♛ ' : ''}${isSelf ? 'YOU · ' : ''}${player.name}`
    if (caption !== figure.caption) {
      figure.caption = caption
      figure.label.setText(caption)
      figure.label.setColor(css(isSelf ? theme.accent : scene.isLeader ? theme.warn : theme.text))
    }
    // Names shrink too on a small picture, or they would cover it.
    const pixels = Math.min(NAME_PIXELS, Math.max(8.5, 5 + (zoom / pixelRatio) * 15))
    const scale = ((pixels / NAME_PIXELS) * pixelRatio) / zoom / DRAWN
    figure.label
      .setVisible(player.alive)
      .setScale(scale)
      .setPosition(player.x, player.y - PLAYER_RADIUS - 13)
      .setAlpha(isSelf ? 1 : 0.92)
  }

  #mark(
    marks: Phaser.GameObjects.Graphics,
    { player, figure, view }: { player: PlayerView; figure: Figure; view: ArenaView },
  ): void {
    const { x, y } = player
    const share = Math.min(1, Math.max(0, player.health / MAX_HEALTH))
    const width = PLAYER_RADIUS * 2
    const top = y - PLAYER_RADIUS - 11
    marks.fillStyle(0x05070c, 0.85).fillRect(x - width / 2 - 1.5, top - 1.5, width + 3, 8)
    marks.fillStyle(healthColor(share), 1).fillRect(x - width / 2, top, width * share, 5)
    if (player.id === view.selfId) {
      // The own figure is found at a glance by a turning, broken ring that nobody else has.
      const turnBy = (performance.now() / 2_400) * Math.PI
      marks.lineStyle(2.5, theme.accent, 0.95)
      for (let part = 0; part < 4; part++) {
        const from = turnBy + (part * Math.PI) / 2
        marks.beginPath()
        marks.arc(x, y, PLAYER_RADIUS + 9, from, from + Math.PI / 3.2)
        marks.strokePath()
      }
    }
    if (player.shieldUntil > view.time) {
      const pulse = 0.55 + 0.35 * Math.sin(performance.now() / 90)
      marks.lineStyle(3, 0x9fd8ff, pulse).strokeCircle(x, y, PLAYER_RADIUS + 4.5)
      marks.fillStyle(0x9fd8ff, 0.1).fillCircle(x, y, PLAYER_RADIUS + 4)
    }
    if (figure.hurtUntil > performance.now())
      marks.fillStyle(0xffffff, 0.7).fillCircle(x, y, PLAYER_RADIUS)
  }

  #remove(figure: Figure): void {
    figure.body.destroy()
    figure.barrel.destroy()
    figure.label.destroy()
  }
}

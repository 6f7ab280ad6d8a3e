import type Phaser from 'phaser'
import { PLAYER_RADIUS } from '../../shared/constants.ts'
import { theme } from '../theme.ts'

interface Spark {
  x: number
  y: number
  vx: number
  vy: number
  readonly size: number
  readonly color: number
  readonly lifeMs: number
  ageMs: number
}

interface Ring {
  readonly x: number
  readonly y: number
  readonly from: number
  readonly to: number
  readonly color: number
  readonly lifeMs: number
  ageMs: number
}

interface Note {
  readonly text: Phaser.GameObjects.Text
  readonly lifeMs: number
  ageMs: number
  readonly y: number
}

/** Most sparks, rings and numbers at once; more are not begun. */
const MAX_SPARKS = 360
const MAX_RINGS = 40
const MAX_NOTES = 24

/** Shows hits, deaths, blasts and shots, which fade by themselves. */
export class Effects {
  readonly #scene: Phaser.Scene
  readonly #glow: Phaser.GameObjects.Graphics
  #sparks: Spark[] = []
  #rings: Ring[] = []
  #notes: Note[] = []
  /** The last number stood to the left (-1) or the right (1). */
  #side = 1

  constructor(scene: Phaser.Scene) {
    this.#scene = scene
    this.#glow = scene.add.graphics().setDepth(40).setBlendMode('ADD')
  }

  burst(at: { x: number; y: number }, color: number, count: number): void {
    for (let index = 0; index < count && this.#sparks.length < MAX_SPARKS; index++) {
      const angle = Math.random() * Math.PI * 2
      const speed = 40 + Math.random() * 60 * Math.sqrt(count)
      this.#sparks.push({
        x: at.x,
        y: at.y,
        vx: Math.cos(angle) * speed,
        vy: Math.sin(angle) * speed,
        size: 1.5 + Math.random() * 3,
        color: Math.random() < 0.25 ? 0xffffff : color,
        lifeMs: 260 + Math.random() * 420,
        ageMs: 0,
      })
    }
  }

  /** A few sparks in one direction: the muzzle of a gun. */
  flash(at: { x: number; y: number; angle: number }, color: number): void {
    this.ring(at, { from: 2, to: 11, color, lifeMs: 90 })
    for (let index = 0; index < 5 && this.#sparks.length < MAX_SPARKS; index++) {
      const angle = at.angle + (Math.random() - 0.5) * 0.9
      const speed = 120 + Math.random() * 180
      this.#sparks.push({
        x: at.x,
        y: at.y,
        vx: Math.cos(angle) * speed,
        vy: Math.sin(angle) * speed,
        size: 1.5 + Math.random() * 1.5,
        color,
        lifeMs: 120 + Math.random() * 120,
        ageMs: 0,
      })
    }
  }

  ring(at: { x: number; y: number }, ring: Omit<Ring, 'x' | 'y' | 'ageMs'>): void {
    if (this.#rings.length < MAX_RINGS) this.#rings.push({ x: at.x, y: at.y, ageMs: 0, ...ring })
  }

  /**
   * Shows a short word or number beside a player, where it covers neither figure nor name; it rises and fades.
   * `scale` = arena units per CSS pixel.
   */
  note(at: { x: number; y: number }, text: string, look: { color: string; scale: number }): void {
    if (this.#notes.length >= MAX_NOTES) this.#notes.shift()?.text.destroy()
    const side = (this.#side *= -1)
    const away = PLAYER_RADIUS + 8 + Math.random() * 8
    const label = this.#scene.add
      .text(at.x + side * away, at.y + 8, text, {
        fontFamily: 'system-ui, sans-serif',
        fontSize: '36px',
        fontStyle: 'bold',
        color: look.color,
        stroke: '#05070c',
        strokeThickness: 7,
      })
      .setOrigin(side > 0 ? 0 : 1, 0.5)
      .setScale(look.scale / 2)
      .setDepth(50)
    this.#notes.push({ text: label, lifeMs: 800, ageMs: 0, y: label.y })
  }

  /** Shows the crossed strokes that tell a player of a hit. */
  marker(at: { x: number; y: number }): void {
    this.ring(at, { from: 30, to: 20, color: theme.text, lifeMs: 200 })
  }

  update(elapsedMs: number): void {
    const glow = this.#glow.clear()
    const seconds = elapsedMs / 1000
    const drag = 0.02 ** seconds
    this.#sparks = this.#sparks.filter((spark) => {
      spark.ageMs += elapsedMs
      if (spark.ageMs >= spark.lifeMs) return false
      spark.x += spark.vx * seconds
      spark.y += spark.vy * seconds
      spark.vx *= drag
      spark.vy *= drag
      const left = 1 - spark.ageMs / spark.lifeMs
      glow.fillStyle(spark.color, left).fillCircle(spark.x, spark.y, spark.size * (0.4 + left))
      return true
    })
    this.#rings = this.#rings.filter((ring) => {
      ring.ageMs += elapsedMs
      if (ring.ageMs >= ring.lifeMs) return false
      const part = ring.ageMs / ring.lifeMs
      const radius = ring.from + (ring.to - ring.from) * Math.sqrt(part)
      glow.lineStyle(1 + 4 * (1 - part), ring.color, 0.9 * (1 - part))
      glow.strokeCircle(ring.x, ring.y, Math.max(0.5, radius))
      return true
    })
    this.#notes = this.#notes.filter((note) => {
      note.ageMs += elapsedMs
      const part = note.ageMs / note.lifeMs
      if (part >= 1) {
        note.text.destroy()
        return false
      }
      note.text.setY(note.y - 22 * part).setAlpha(part < 0.5 ? 1 : 2 - 2 * part)
      return true
    })
  }

  /** Takes everything away at once, for a jump in time. */
  clear(): void {
    this.#sparks = []
    this.#rings = []
    for (const note of this.#notes) note.text.destroy()
    this.#notes = []
    this.#glow.clear()
  }
}

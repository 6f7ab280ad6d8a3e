import * as Phaser from 'phaser'
import { ARENA_HEIGHT, ARENA_WIDTH, BLAST_RADIUS, PLAYER_RADIUS } from '../../shared/constants.ts'
import type { ArenaEvent, ArenaSource, ArenaView } from '../view/arena-view.ts'
import { ranking } from '../view/arena-view.ts'
import { css, playerColor, theme } from '../theme.ts'
import { Effects } from './effects.ts'
import { drawGround } from './ground.ts'
import { PlayersLayer } from './players-layer.ts'
import { ThingsLayer } from './things-layer.ts'

export interface SceneOptions {
  readonly source: ArenaSource
  /** `follow` keeps the viewer in the middle; `fit` shows the whole arena. */
  readonly camera: 'follow' | 'fit'
  /** Canvas pixels per CSS pixel. */
  readonly pixelRatio: number
  /** Is called after each frame, for everything that is not drawn here (HUD, sound). */
  onFrame(view: ArenaView, events: readonly ArenaEvent[]): void
}

/** Area in square units that a following camera shows, whatever the shape of the window. */
const FOLLOW_AREA = 1_180 * 760
const FIT_MARGIN = 26
/** Least and greatest part of the picture, on each side, that may show what is beyond the arena's edge. */
const BEYOND = { least: 0.14, greatest: 0.25 } as const
/** Height of the HUD above and below in CSS pixels: what it covers does not count as seen. */
const HUD_PIXELS = 172
/** Shots whose muzzle flash was drawn already; more than this many are forgotten, oldest first. */
const MAX_FLASHED = 200

/** Draws a view. It knows nothing of where the view comes from. */
export class ArenaScene extends Phaser.Scene {
  readonly #options: SceneOptions
  readonly #calm = matchMedia('(prefers-reduced-motion: reduce)').matches
  readonly #flashed = new Set<string>()
  #players: PlayersLayer | null = null
  #things: ThingsLayer | null = null
  #effects: Effects | null = null
  #focus = { x: ARENA_WIDTH / 2, y: ARENA_HEIGHT / 2 }
  #lastTime = 0

  constructor(options: SceneOptions) {
    super('arena')
    this.#options = options
  }

  create(): void {
    this.cameras.main.setBackgroundColor(css(theme.ground))
    drawGround(this)
    this.#things = new ThingsLayer(this)
    this.#players = new PlayersLayer(this)
    this.#effects = new Effects(this)
    this.#frame()
  }

  override update(_time: number, elapsedMs: number): void {
    const nowMs = performance.now()
    const view = this.#options.source.sample(nowMs)
    const events = this.#options.source.takeEvents()
    this.#effects?.update(Math.min(elapsedMs, 100))
    if (!view) return
    // After a jump in time (a seek) everything that was flying belongs to another moment.
    if (Math.abs(view.time - this.#lastTime) > 3_000) this.#effects?.clear()
    this.#lastTime = view.time
    const self = view.selfId === null ? undefined : view.players.get(view.selfId)
    if (self && (self.alive || view.phase !== 'play')) this.#focus = { x: self.x, y: self.y }
    this.#frame()
    for (const event of events) this.#show(event, view)
    this.#flash(view)
    const first = ranking(view.players.values())[0]
    const leader = first && first.score > 0 ? first.id : null
    this.#things?.draw(view, nowMs)
    this.#players?.draw(view, leader, {
      zoom: this.cameras.main.zoom,
      pixelRatio: this.#options.pixelRatio,
    })
    this.#options.onFrame(view, events)
  }

  /** Gives the arena's point under a point of the page. */
  pointAt(client: { x: number; y: number }): { x: number; y: number } {
    const box = this.game.canvas.getBoundingClientRect()
    const ratio = this.#options.pixelRatio
    const point = this.cameras.main.getWorldPoint(
      (client.x - box.left) * ratio,
      (client.y - box.top) * ratio,
    )
    return { x: point.x, y: point.y }
  }

  /** Gives the place on the page of a point of the arena, and the CSS pixels per unit there. */
  placeOf(point: { x: number; y: number }): { x: number; y: number; scale: number } {
    const box = this.game.canvas.getBoundingClientRect()
    const { worldView, zoom } = this.cameras.main
    const scale = zoom / this.#options.pixelRatio
    return {
      x: box.left + (point.x - worldView.x) * scale,
      y: box.top + (point.y - worldView.y) * scale,
      scale,
    }
  }

  #frame(): void {
    const camera = this.cameras.main
    const { width, height } = this.scale
    if (this.#options.camera === 'follow') {
      camera.setZoom(Math.sqrt((width * height) / FOLLOW_AREA))
      const share = (HUD_PIXELS * this.#options.pixelRatio) / height
      const beyond = Math.min(BEYOND.greatest, Math.max(BEYOND.least, share))
      // Some ground beyond the edge may be seen, for the corners are covered by the HUD, but not much.
      camera.centerOn(
        within(this.#focus.x, {
          visible: width / camera.zoom,
          length: ARENA_WIDTH,
          beyond: BEYOND.least,
        }),
        within(this.#focus.y, { visible: height / camera.zoom, length: ARENA_HEIGHT, beyond }),
      )
    } else {
      const margin = FIT_MARGIN * 2
      camera.setZoom(Math.min(width / (ARENA_WIDTH + margin), height / (ARENA_HEIGHT + margin)))
      camera.centerOn(ARENA_WIDTH / 2, ARENA_HEIGHT / 2)
    }
  }

  /** Draws muzzle flashes. There is no event for a shot; the shot itself is the news. */
  #flash(view: ArenaView): void {
    for (const shot of view.shots) {
      if (this.#flashed.has(shot.id)) continue
      this.#flashed.add(shot.id)
      const owner = view.players.get(shot.owner)
      if (!owner || Math.hypot(owner.x - shot.x, owner.y - shot.y) > 140) continue
      const reach = PLAYER_RADIUS * 1.3
      const at = {
        x: owner.x + Math.cos(shot.angle) * reach,
        y: owner.y + Math.sin(shot.angle) * reach,
        angle: shot.angle,
      }
      this.#effects?.flash(at, playerColor(owner.color))
    }
    for (const id of this.#flashed) {
      if (this.#flashed.size <= MAX_FLASHED) break
      this.#flashed.delete(id)
    }
  }

  #show(event: ArenaEvent, view: ArenaView): void {
    const effects = this.#effects
    if (!effects) return
    const colorOf = (id: string): number => playerColor(view.players.get(id)?.color ?? 12)
    const { zoom } = this.cameras.main
    const { pixelRatio } = this.#options
    const scale = (Math.min(1, 0.45 + zoom / pixelRatio) * pixelRatio) / zoom
    switch (event.type) {
      case 'hit': {
        const { by, whom, damage } = event.data
        const isSelf = whom === view.selfId
        effects.burst(event.data, colorOf(whom), 10)
        const isOwn = isSelf || by === view.selfId
        // It stands beside the player who was hit, for the place where the shot touched may be under the name.
        effects.note(view.players.get(whom) ?? event.data, `-${damage}`, {
          color: css(isSelf ? theme.bad : isOwn ? theme.warn : theme.text),
          scale: isOwn ? scale : scale * 0.7,
        })
        if (by === view.selfId) effects.marker(event.data)
        this.#players?.hurt(whom, performance.now())
        if (isSelf) this.#shake(160, 0.006)
        return
      }
      case 'kill': {
        const { whom } = event.data
        effects.burst(event.data, colorOf(whom), 46)
        effects.ring(event.data, { from: 8, to: 95, color: colorOf(whom), lifeMs: 520 })
        effects.ring(event.data, { from: 4, to: 55, color: 0xffffff, lifeMs: 320 })
        if (whom === view.selfId) this.#shake(420, 0.014)
        return
      }
      case 'blast':
        effects.burst(event.data, theme.warn, 60)
        effects.ring(event.data, { from: 10, to: BLAST_RADIUS, color: theme.warn, lifeMs: 480 })
        effects.ring(event.data, { from: 6, to: 70, color: 0xffffff, lifeMs: 260 })
        this.#shake(180, 0.004)
        return
      case 'pickup':
        effects.ring(event.data, { from: 10, to: 46, color: theme.good, lifeMs: 420 })
        effects.note(event.data, '+', { color: css(theme.good), scale: scale * 1.2 })
        return
      case 'spawn':
        effects.ring(event.data, { from: 60, to: 18, color: colorOf(event.data.who), lifeMs: 420 })
        return
      case 'chat':
      case 'roundStart':
      case 'roundOver':
        return
    }
  }

  #shake(durationMs: number, intensity: number): void {
    if (!this.#calm && this.#options.camera === 'follow')
      this.cameras.main.shake(durationMs, intensity)
  }
}

/** The middle of a picture of `visible` units that keeps to a line of `length` units. */
function within(
  focus: number,
  { visible, length, beyond }: { visible: number; length: number; beyond: number },
): number {
  const least = visible * (0.5 - beyond)
  return least * 2 > length ? length / 2 : Math.min(length - least, Math.max(least, focus))
}

import { ARENA_HEIGHT, ARENA_WIDTH, PLAYER_RADIUS } from '../../shared/constants.ts'
import { WALLS } from '../../shared/walls.ts'
import { css, healthColor, playerColor, theme } from '../theme.ts'
import type { ArenaEvent, ArenaView } from '../view/arena-view.ts'

interface Mark {
  readonly x: number
  readonly y: number
  readonly color: string
  readonly size: number
  until: number
}

const MARK_MS = 450
const MAX_MARKS = 40

/** A room drawn small on a plain canvas: many of them fit on a page, where many Phaser games would not. */
export class MiniBoard {
  readonly element = document.createElement('canvas')
  readonly #ground = document.createElement('canvas')
  #marks: Mark[] = []

  constructor() {
    this.element.className = 'mini'
    this.element.setAttribute('role', 'img')
  }

  draw(view: ArenaView, events: readonly ArenaEvent[]): void {
    const context = this.#prepare()
    if (!context) return
    const scale = this.element.width / ARENA_WIDTH
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.drawImage(this.#ground, 0, 0)
    context.setTransform(scale, 0, 0, scale, 0, 0)
    this.#remember(view, events)
    for (const pack of view.packs) {
      if (!pack.active) continue
      context.fillStyle = css(theme.good)
      context.fillRect(pack.x - 14, pack.y - 5, 28, 10)
      context.fillRect(pack.x - 5, pack.y - 14, 10, 28)
    }
    context.lineCap = 'round'
    for (const shot of view.shots) {
      const owner = view.players.get(shot.owner)
      context.strokeStyle = css(owner ? playerColor(owner.color) : theme.text)
      context.lineWidth = 7
      context.beginPath()
      context.moveTo(shot.x - Math.cos(shot.angle) * 36, shot.y - Math.sin(shot.angle) * 36)
      context.lineTo(shot.x, shot.y)
      context.stroke()
    }
    for (const player of view.players.values()) {
      if (!player.alive) continue
      const radius = PLAYER_RADIUS * 1.35
      context.strokeStyle = css(playerColor(player.color))
      context.lineWidth = 10
      context.beginPath()
      context.moveTo(player.x, player.y)
      context.lineTo(
        player.x + Math.cos(player.angle) * radius * 1.5,
        player.y + Math.sin(player.angle) * radius * 1.5,
      )
      context.stroke()
      context.fillStyle = css(playerColor(player.color))
      context.beginPath()
      context.arc(player.x, player.y, radius, 0, Math.PI * 2)
      context.fill()
      const share = player.health / 100
      if (share >= 1) continue
      context.fillStyle = '#05070c'
      context.fillRect(player.x - 34, player.y - radius - 22, 68, 12)
      context.fillStyle = css(healthColor(share))
      context.fillRect(player.x - 32, player.y - radius - 20, 64 * share, 8)
    }
    const now = performance.now()
    this.#marks = this.#marks.filter((mark) => mark.until > now)
    for (const mark of this.#marks) {
      const part = 1 - (mark.until - now) / MARK_MS
      context.globalAlpha = 1 - part
      context.strokeStyle = mark.color
      context.lineWidth = 8
      context.beginPath()
      context.arc(mark.x, mark.y, mark.size * (0.3 + part), 0, Math.PI * 2)
      context.stroke()
    }
    context.globalAlpha = 1
  }

  #remember(view: ArenaView, events: readonly ArenaEvent[]): void {
    const until = performance.now() + MARK_MS
    for (const event of events) {
      if (this.#marks.length >= MAX_MARKS) return
      if (event.type === 'kill') {
        const color = css(playerColor(view.players.get(event.data.whom)?.color ?? 12))
        this.#marks.push({ x: event.data.x, y: event.data.y, color, size: 90, until })
      } else if (event.type === 'blast')
        this.#marks.push({
          x: event.data.x,
          y: event.data.y,
          color: css(theme.warn),
          size: 110,
          until,
        })
    }
  }

  /** Fits the canvas to its place and draws the ground once for each size. */
  #prepare(): CanvasRenderingContext2D | null {
    const ratio = Math.min(2, window.devicePixelRatio || 1)
    const width = Math.max(1, Math.round(this.element.clientWidth * ratio))
    if (this.element.width !== width || this.#ground.width !== width) {
      const height = Math.round((width * ARENA_HEIGHT) / ARENA_WIDTH)
      for (const canvas of [this.element, this.#ground]) {
        canvas.width = width
        canvas.height = height
      }
      drawGround(this.#ground)
    }
    return this.element.getContext('2d')
  }
}

function drawGround(canvas: HTMLCanvasElement): void {
  const context = canvas.getContext('2d')
  if (!context) return
  const scale = canvas.width / ARENA_WIDTH
  context.scale(scale, scale)
  context.fillStyle = css(theme.floor)
  context.fillRect(0, 0, ARENA_WIDTH, ARENA_HEIGHT)
  context.strokeStyle = css(theme.grid)
  context.lineWidth = 3
  for (let x = 200; x < ARENA_WIDTH; x += 200) line(context, [x, 0, x, ARENA_HEIGHT])
  for (let y = 200; y < ARENA_HEIGHT; y += 200) line(context, [0, y, ARENA_WIDTH, y])
  context.fillStyle = css(theme.wall)
  for (const wall of WALLS) context.fillRect(wall.x, wall.y, wall.width, wall.height)
}

function line(
  context: CanvasRenderingContext2D,
  [fromX, fromY, toX, toY]: readonly [number, number, number, number],
): void {
  context.beginPath()
  context.moveTo(fromX, fromY)
  context.lineTo(toX, toY)
  context.stroke()
}

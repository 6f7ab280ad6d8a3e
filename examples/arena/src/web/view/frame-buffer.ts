import type { PlayerView } from './arena-view.ts'

/** A state at a moment of the room's clock. */
export interface Frame<S> {
  readonly at: number
  readonly state: S
  readonly players: ReadonlyMap<string, PlayerView>
}

/** Two positions further apart than this, in units, are not one movement but a respawn. */
const TELEPORT_UNITS = 160

/**
 * Keeps states in the order of their times, to be read at a moment between two of them. It is bounded: the oldest goes
 * when `capacity` is reached. Times never run backwards; `clear` starts over.
 */
export class FrameBuffer<S> {
  readonly #capacity: number
  #frames: Frame<S>[] = []

  constructor(capacity = 240) {
    this.#capacity = capacity
  }

  get newest(): Frame<S> | undefined {
    return this.#frames.at(-1)
  }

  get size(): number {
    return this.#frames.length
  }

  clear(): void {
    this.#frames = []
  }

  push(frame: Frame<S>): void {
    const last = this.#frames.at(-1)
    if (last && frame.at < last.at) return
    if (last && frame.at === last.at) this.#frames.pop()
    this.#frames.push(frame)
    if (this.#frames.length > this.#capacity) this.#frames.shift()
  }

  /**
   * The frame in force at `time` and the players between it and the next. Frames before it are let
   * go. Before the first frame the first counts; after the last, the last (nothing is invented).
   */
  at(time: number): { frame: Frame<S>; players: Map<string, PlayerView> } | null {
    while (this.#frames.length > 1 && (this.#frames[1]?.at ?? Infinity) <= time)
      this.#frames.shift()
    const frame = this.#frames[0]
    if (!frame) return null
    const next = this.#frames[1]
    const span = next ? next.at - frame.at : 0
    const part = span > 0 ? Math.min(1, Math.max(0, (time - frame.at) / span)) : 0
    const players = new Map<string, PlayerView>()
    for (const [id, player] of frame.players)
      players.set(id, between(player, next?.players.get(id), part))
    return { frame, players }
  }
}

function between(from: PlayerView, to: PlayerView | undefined, part: number): PlayerView {
  const view = { ...from }
  if (!to || part === 0 || !from.alive || !to.alive) return view
  if (Math.hypot(to.x - from.x, to.y - from.y) > TELEPORT_UNITS) return view
  view.x = from.x + (to.x - from.x) * part
  view.y = from.y + (to.y - from.y) * part
  view.angle = turn(from.angle, to.angle, part)
  return view
}

/** Turns from one angle to another on the short way round. */
export function turn(from: number, to: number, part: number): number {
  const full = Math.PI * 2
  const difference = ((((to - from + Math.PI) % full) + full) % full) - Math.PI
  return from + difference * part
}

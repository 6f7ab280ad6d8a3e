import type { ClientRoom } from '@ringside/client'
import { STEP_MS } from '../../shared/constants.ts'
import type { game } from '../../shared/game.ts'
import { quantizeInput, step } from '../../shared/movement.ts'
import type { ArenaEvent, ArenaSource, ArenaView, PlayerView } from './arena-view.ts'
import { STALE_EVENT_MS, playerView, shotViews } from './arena-view.ts'
import { FrameBuffer } from './frame-buffer.ts'
import { LiveEdge } from './live-edge.ts'
import { Predictor } from './predictor.ts'
import { chatLines } from './room-track.ts'

/** The player's intent at this moment. Directions are from -1 to 1, the angle is in radians. */
export interface Intent {
  readonly moveX: number
  readonly moveY: number
  readonly angle: number
  readonly buttons: number
}

/** Others are drawn this much in the past, in ms: two patches of 20 a second. */
const INTERPOLATION_MS = 100
/** So many steps are made up for after a slow frame; a longer pause is not. */
const MAX_STEPS_A_FRAME = 5
const MAX_EVENTS = 400

type Room = ClientRoom<typeof game, 'arena'>
const EVENTS = [
  'hit',
  'kill',
  'blast',
  'pickup',
  'spawn',
  'chat',
  'roundStart',
  'roundOver',
] as const

/** The arena as a player sees it: the own figure predicted, the others between two patches. */
export class PlaySource implements ArenaSource {
  readonly #room: Room
  readonly #intent: (view: ArenaView) => Intent
  readonly #buffer = new FrameBuffer<null>(60)
  readonly #edge = new LiveEdge()
  readonly #predictor = new Predictor(step)
  readonly #unsubscribe: (() => void)[] = []
  #events: ArenaEvent[] = []
  #sequence = 0
  #sinceStep = 0
  #lastFrame = Number.NaN
  /** Room clock in ms that was shown last. */
  #now = Number.NaN
  #angle = 0

  constructor(room: Room, intent: (view: ArenaView) => Intent) {
    this.#room = room
    this.#intent = intent
    this.#unsubscribe.push(
      room.onPatch(({ isFull, at }) => this.#take(isFull, at)),
      room.onStatus((status) => {
        if (status !== 'connected') this.#predictor.reset()
      }),
      // Inputs on their way when the room paused were refused.
      room.onPaused(() => this.#predictor.reset()),
      ...EVENTS.map((type) =>
        room.on(type, (data, { at }) => {
          if (this.#events.length === MAX_EVENTS) this.#events.shift()
          this.#events.push({ type, at, data } as ArenaEvent)
        }),
      ),
    )
    this.#take(true, room.at)
  }

  /** False while nothing that happens in the room is known here. */
  get #isRunning(): boolean {
    return this.#room.status === 'connected' && !this.#room.isPaused
  }

  /** Inputs that the server has not confirmed yet. */
  get pendingInputs(): number {
    return this.#predictor.pending
  }

  sample(nowMs: number): ArenaView | null {
    const elapsed = Number.isNaN(this.#lastFrame) ? 0 : nowMs - this.#lastFrame
    this.#lastFrame = nowMs
    if (!this.#edge.isSet) return null
    // Time stands still here in a pause, and while the server is away, for nobody knows what happens there.
    if (this.#isRunning || Number.isNaN(this.#now)) this.#now = this.#edge.now(nowMs)
    const now = this.#now
    const found = this.#buffer.at(now - INTERPOLATION_MS)
    if (!found) return null
    const view = this.#view(now, found.players)
    this.#stepForward(elapsed, view)
    this.#placeSelf(elapsed, found.players)
    return view
  }

  takeEvents(): ArenaEvent[] {
    const due = this.#events
    this.#events = []
    const since = this.#edge.now(performance.now()) - STALE_EVENT_MS
    return due.filter((event) => event.at > since)
  }

  close(): void {
    for (const stop of this.#unsubscribe) stop()
  }

  #take(isFull: boolean, at: number): void {
    const { state, sessionId } = this.#room
    if (isFull) {
      this.#buffer.clear()
      this.#edge.reset()
    }
    this.#edge.take(at, performance.now())
    const players = new Map<string, PlayerView>()
    for (const [id, player] of Object.entries(state.players))
      players.set(id, playerView(id, player))
    this.#buffer.push({ at, state: null, players })
    const self = state.players[sessionId]
    if (!self) return
    // The seat may be new, or another tab had it, so the count is never below what the server knows.
    this.#sequence = Math.max(this.#sequence, self.lastInput)
    if (self.alive) this.#predictor.confirm(self, self.lastInput)
    else this.#predictor.reset()
  }

  #view(now: number, players: Map<string, PlayerView>): ArenaView {
    const { state, sessionId } = this.#room
    const newest = this.#buffer.newest?.players
    // Positions are of a moment ago, facts (health, score) of now.
    for (const [id, player] of players) {
      const fresh = newest?.get(id)
      if (fresh) players.set(id, { ...fresh, x: player.x, y: player.y, angle: player.angle })
    }
    const own: Record<string, (typeof state.shots)[string]> = {}
    const others: typeof own = {}
    for (const [id, shot] of Object.entries(state.shots))
      (shot.owner === sessionId ? own : others)[id] = shot
    return {
      time: now,
      selfId: sessionId,
      players,
      shots: [...shotViews(own, now), ...shotViews(others, now - INTERPOLATION_MS)],
      packs: Object.entries(state.packs).map(([id, { x, y, active }]) => ({ id, x, y, active })),
      mines: (state.players[sessionId]?.mines ?? []).map((mine) => ({ ...mine })),
      round: state.round,
      phase: state.phase,
      endsAt: state.endsAt,
      winner: state.winner,
      winnerName: state.winnerName,
      chat: chatLines(state.chat),
    }
  }

  /** Makes the steps that are due; each is sent and, while the player is alive, applied at once. */
  #stepForward(elapsedMs: number, view: ArenaView): void {
    if (!this.#isRunning) return
    this.#sinceStep = Math.min(this.#sinceStep + elapsedMs, STEP_MS * MAX_STEPS_A_FRAME)
    while (this.#sinceStep >= STEP_MS) {
      this.#sinceStep -= STEP_MS
      // The intent is asked for each step, for a short press belongs to one of them.
      const intent = this.#intent(view)
      this.#angle = intent.angle
      const input = quantizeInput({ sequence: ++this.#sequence, ...intent })
      if (this.#room.send('input', input)) this.#predictor.apply(input)
    }
  }

  #placeSelf(elapsedMs: number, players: Map<string, PlayerView>): void {
    const self = players.get(this.#room.sessionId)
    if (!self?.alive) return
    this.#predictor.fade(elapsedMs)
    const drawn = this.#predictor.drawn(this.#sinceStep / STEP_MS)
    if (!drawn) return
    self.x = drawn.x
    self.y = drawn.y
    self.angle = this.#angle
  }
}

import { BUTTON_FIRE, BUTTON_MINE } from '../../shared/constants.ts'
import type { Action } from './presses.ts'
import { Presses } from './presses.ts'

const KEYS: Readonly<Record<string, Action>> = {
  KeyA: 'left',
  ArrowLeft: 'left',
  KeyD: 'right',
  ArrowRight: 'right',
  KeyW: 'up',
  ArrowUp: 'up',
  KeyS: 'down',
  ArrowDown: 'down',
  Space: 'fire',
  KeyE: 'mine',
}
/** Bits of a pointer event's `buttons`. */
const MOUSE: readonly (readonly [number, Action])[] = [
  [1, 'fire'],
  [2, 'mine'],
]

/** Tells what the player's hands do now, with keyboard, mouse and touch together. */
export class Controls {
  /** Keys, mouse buttons and fingers together. */
  readonly presses = new Presses()
  readonly #listeners = new AbortController()
  #mouse: { x: number; y: number } | null = null
  /** True when a button went down over the arena and is not up yet. */
  #isMouseDown = false
  /** Direction of movement, -1 to 1, which touch sets. */
  stick: { x: number; y: number } = { x: 0, y: 0 }
  /** Aim in radians, which touch sets; null = the game aims by itself. */
  touchAim: number | null = null

  constructor(surface: HTMLElement) {
    const options = { signal: this.#listeners.signal }
    window.addEventListener('keydown', (event) => this.#key(event, true), options)
    window.addEventListener('keyup', (event) => this.#key(event, false), options)
    window.addEventListener('blur', () => this.#release(), options)
    document.addEventListener('visibilitychange', () => this.#release(), options)
    surface.addEventListener('pointermove', (event) => this.#point(event), options)
    surface.addEventListener('pointerdown', (event) => this.#press(event), options)
    window.addEventListener('pointerup', (event) => this.#lift(event), options)
    surface.addEventListener('contextmenu', (event) => event.preventDefault(), options)
  }

  /** The mouse on the page, null while there is none (touch). */
  get mouse(): { x: number; y: number } | null {
    return this.#mouse
  }

  /** Direction of movement, at most 1 long. */
  move(): { x: number; y: number } {
    const on = (action: Action): number => Number(this.presses.isOn(action))
    const x = on('right') - on('left') + this.stick.x
    const y = on('down') - on('up') + this.stick.y
    const length = Math.hypot(x, y)
    return length > 1 ? { x: x / length, y: y / length } : { x, y }
  }

  /** Bits of an input. */
  buttons(): number {
    const isFiring = this.presses.isOn('fire')
    return (isFiring ? BUTTON_FIRE : 0) | (this.presses.isOn('mine') ? BUTTON_MINE : 0)
  }

  close(): void {
    this.#listeners.abort()
  }

  #key(event: KeyboardEvent, isDown: boolean): void {
    const action = KEYS[event.code]
    if (!action) return
    if (!isDown) {
      this.presses.lift(event.code)
      return
    }
    // Letters are letters while somebody writes, and a focused button keeps its space bar.
    if (isTaken(event.target, action) || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    this.presses.press(event.code, action)
  }

  #point(event: PointerEvent): void {
    if (event.pointerType !== 'mouse') return
    this.#mouse = { x: event.clientX, y: event.clientY }
    if (event.type === 'pointermove' && this.#isMouseDown) this.#buttons(event)
  }

  #press(event: PointerEvent): void {
    if (event.pointerType !== 'mouse') return
    this.#point(event)
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
    this.#isMouseDown = true
    // Further buttons that go down while one is held come as moves, which #point sees.
    this.#buttons(event)
  }

  #lift(event: PointerEvent): void {
    if (event.pointerType !== 'mouse' || !this.#isMouseDown) return
    this.#isMouseDown = event.buttons !== 0
    this.#buttons(event)
  }

  /** Takes the state of the mouse's buttons from an event over the arena. */
  #buttons({ buttons }: PointerEvent): void {
    for (const [bit, action] of MOUSE)
      if (buttons & bit) this.presses.press(`mouse ${bit}`, action)
      else this.presses.lift(`mouse ${bit}`)
  }

  /** Lets go of everything when the page is not in front, for its key-ups go elsewhere. */
  #release(): void {
    this.presses.release()
    this.#isMouseDown = false
    this.stick = { x: 0, y: 0 }
  }
}

function isTaken(target: EventTarget | null, action: string): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.closest('input, textarea, select') !== null) return true
  return action === 'fire' && target.closest('button, a') !== null
}

import { BUTTON_FIRE, BUTTON_MINE } from '../../shared/constants.ts'

const KEYS: Readonly<Record<string, 'left' | 'right' | 'up' | 'down' | 'fire' | 'mine'>> = {
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

/** What the hands of the player do now: keyboard, mouse and touch together. */
export class Controls {
  readonly #held = new Set<string>()
  readonly #listeners = new AbortController()
  #mouse: { x: number; y: number } | null = null
  #mouseFire = false
  #mouseMine = false
  /** Set by touch: direction of movement, -1 to 1. */
  stick: { x: number; y: number } = { x: 0, y: 0 }
  /** Set by touch: aim in radians, null = by itself. */
  touchAim: number | null = null
  touchFire = false
  touchMine = false

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
    const x = Number(this.#held.has('right')) - Number(this.#held.has('left')) + this.stick.x
    const y = Number(this.#held.has('down')) - Number(this.#held.has('up')) + this.stick.y
    const length = Math.hypot(x, y)
    return length > 1 ? { x: x / length, y: y / length } : { x, y }
  }

  /** Bits of an input. */
  buttons(): number {
    const isFiring = this.#mouseFire || this.touchFire || this.#held.has('fire')
    const isMining = this.#mouseMine || this.touchMine || this.#held.has('mine')
    return (isFiring ? BUTTON_FIRE : 0) | (isMining ? BUTTON_MINE : 0)
  }

  close(): void {
    this.#listeners.abort()
  }

  #key(event: KeyboardEvent, isDown: boolean): void {
    const action = KEYS[event.code]
    if (!action) return
    if (!isDown) {
      this.#held.delete(action)
      return
    }
    // While somebody writes, letters are letters; a focused button keeps its space bar.
    if (isTaken(event.target, action) || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    this.#held.add(action)
  }

  #point(event: PointerEvent): void {
    if (event.pointerType === 'mouse') this.#mouse = { x: event.clientX, y: event.clientY }
  }

  #press(event: PointerEvent): void {
    if (event.pointerType !== 'mouse') return
    this.#point(event)
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
    if (event.button === 0) this.#mouseFire = true
    if (event.button === 2) this.#mouseMine = true
  }

  #lift(event: PointerEvent): void {
    if (event.button === 0) this.#mouseFire = false
    if (event.button === 2) this.#mouseMine = false
  }

  /** Nothing is held any more when the page is not in front: its key-up goes elsewhere. */
  #release(): void {
    this.#held.clear()
    this.#mouseFire = false
    this.#mouseMine = false
    this.touchFire = false
    this.touchMine = false
    this.stick = { x: 0, y: 0 }
  }
}

function isTaken(target: EventTarget | null, action: string): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.closest('input, textarea, select') !== null) return true
  return action === 'fire' && target.closest('button, a') !== null
}

import { MAX_MINES } from '../../shared/constants.ts'
import { el, setData, setText } from '../dom.ts'
import type { ArenaView } from '../view/arena-view.ts'
import type { Controls } from './controls.ts'

const REACH = 46

/**
 * On-screen controls for fingers: a stick to move, a button to fire that can be dragged to aim, mines.
 * The stick comes to the finger wherever it touches the lower left.
 */
export function touchControls(controls: Controls): {
  element: HTMLElement
  update(view: ArenaView): void
} {
  const knob = el('span', { class: 'stick-knob' })
  const stick = el('div', { class: 'stick', 'aria-label': 'Move', role: 'application' }, knob)
  const zone = el('div', { class: 'stick-zone' })
  const fire = el('button', { class: 'touch-fire', type: 'button' }, 'Fire')
  const left = el('span', { class: 'mines-left' })
  const mine = el('button', { class: 'touch-mine', type: 'button' }, 'Mine', left)
  zone.append(stick)

  drag(zone, {
    center(event) {
      stick.style.translate = ''
      const box = stick.getBoundingClientRect()
      const own = { x: box.left + box.width / 2, y: box.top + box.height / 2 }
      const away = { x: event.clientX - own.x, y: event.clientY - own.y }
      if (Math.hypot(away.x, away.y) <= box.width / 2) return own
      stick.style.translate = `${away.x}px ${away.y}px`
      return { x: event.clientX, y: event.clientY }
    },
    start: () => stick.classList.add('held'),
    move({ x, y }) {
      controls.stick = { x: x / REACH, y: y / REACH }
      knob.style.transform = `translate(${x}px, ${y}px)`
    },
    end() {
      controls.stick = { x: 0, y: 0 }
      knob.style.transform = ''
      stick.style.translate = ''
      stick.classList.remove('held')
    },
  })
  drag(fire, {
    start() {
      controls.presses.press('finger on fire', 'fire')
    },
    move({ x, y }) {
      controls.touchAim = Math.hypot(x, y) > 14 ? Math.atan2(y, x) : null
    },
    end() {
      controls.presses.lift('finger on fire')
      controls.touchAim = null
    },
  })
  drag(mine, {
    start() {
      controls.presses.press('finger on mine', 'mine')
    },
    end() {
      controls.presses.lift('finger on mine')
    },
  })
  return {
    element: el('div', { class: 'touch' }, zone, el('div', { class: 'touch-right' }, mine, fire)),
    update(view) {
      const count = MAX_MINES - view.mines.length
      setText(left, `${count} left`)
      setData(mine, 'left', String(count))
    },
  }
}

interface DragHandlers {
  start?(): void
  /** Gives the point that the drag which begins now is measured from; default: the middle of the element. */
  center?(event: PointerEvent): { x: number; y: number }
  /** Offset from the centre in CSS pixels, at most REACH long. */
  move?(offset: { x: number; y: number }): void
  end(): void
}

function drag(element: HTMLElement, handlers: DragHandlers): void {
  let finger: number | null = null
  let from = { x: 0, y: 0 }
  const middle = (): { x: number; y: number } => {
    const box = element.getBoundingClientRect()
    return { x: box.left + box.width / 2, y: box.top + box.height / 2 }
  }
  const report = (event: PointerEvent): void => {
    const x = event.clientX - from.x
    const y = event.clientY - from.y
    const length = Math.hypot(x, y)
    const scale = length > REACH ? REACH / length : 1
    handlers.move?.({ x: x * scale, y: y * scale })
  }
  element.addEventListener('pointerdown', (event) => {
    if (finger !== null) return
    event.preventDefault()
    finger = event.pointerId
    element.setPointerCapture(finger)
    from = handlers.center?.(event) ?? middle()
    element.classList.add('held')
    handlers.start?.()
    report(event)
  })
  element.addEventListener('pointermove', (event) => {
    if (event.pointerId === finger) report(event)
  })
  for (const type of ['pointerup', 'pointercancel', 'lostpointercapture'] as const)
    element.addEventListener(type, (event) => {
      if (event.pointerId !== finger) return
      finger = null
      element.classList.remove('held')
      handlers.end()
    })
}

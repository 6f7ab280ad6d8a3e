import { el } from '../dom.ts'
import type { Controls } from './controls.ts'

const REACH = 46

/** On-screen controls for fingers: a stick to move, a button to fire that can be dragged to aim, mines. */
export function touchControls(controls: Controls): HTMLElement {
  const knob = el('span', { class: 'stick-knob' })
  const stick = el('div', { class: 'stick', 'aria-label': 'Move', role: 'application' }, knob)
  const fire = el('button', { class: 'touch-fire', type: 'button' }, 'Fire')
  const mine = el('button', { class: 'touch-mine', type: 'button' }, 'Mine')

  drag(stick, {
    move({ x, y }) {
      controls.stick = { x: x / REACH, y: y / REACH }
      knob.style.transform = `translate(${x}px, ${y}px)`
    },
    end() {
      controls.stick = { x: 0, y: 0 }
      knob.style.transform = ''
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
  return el('div', { class: 'touch' }, stick, el('div', { class: 'touch-right' }, mine, fire))
}

interface DragHandlers {
  start?(): void
  /** Offset from the element's centre in CSS pixels, at most REACH long. */
  move?(offset: { x: number; y: number }): void
  end(): void
}

function drag(element: HTMLElement, handlers: DragHandlers): void {
  let finger: number | null = null
  const report = (event: PointerEvent): void => {
    const box = element.getBoundingClientRect()
    const x = event.clientX - box.left - box.width / 2
    const y = event.clientY - box.top - box.height / 2
    const length = Math.hypot(x, y)
    const scale = length > REACH ? REACH / length : 1
    handlers.move?.({ x: x * scale, y: y * scale })
  }
  element.addEventListener('pointerdown', (event) => {
    if (finger !== null) return
    event.preventDefault()
    finger = event.pointerId
    element.setPointerCapture(finger)
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

import { el, icon, icons } from '../dom.ts'
import type { Sound } from '../sound.ts'

/** Switches the sound; it begins switched off. */
export function soundButton(sound: Sound): HTMLButtonElement {
  const button = el('button', { class: 'button icon-button', type: 'button' })
  const draw = (): void => {
    button.replaceChildren(icon(sound.isOn ? icons.sound : icons.mute))
    button.setAttribute('aria-pressed', String(sound.isOn))
    button.setAttribute('aria-label', sound.isOn ? 'Sound is on' : 'Sound is off')
    button.title = sound.isOn ? 'Sound on' : 'Sound off'
  }
  button.addEventListener('click', () => {
    sound.toggle()
    draw()
  })
  draw()
  return button
}

import { MAX_NAME_CHARACTERS, UNITS_PER_CHARACTER } from '../../shared/constants.ts'
import { el, icon, icons, setText } from '../dom.ts'
import { cleanName } from '../storage.ts'

/**
 * The own name as a button that turns into a field. `rename` gives the name to the server; it resolves
 * with an empty string, or with the reason of the refusal.
 */
export function renameField(rename: (name: string) => Promise<string>): {
  element: HTMLElement
  update(name: string): void
} {
  const name = el('span', { class: 'player-name self-name' })
  const button = el(
    'button',
    {
      class: 'rename',
      type: 'button',
      'aria-label': 'Change your name',
      title: 'Change your name',
    },
    name,
    icon(icons.pencil),
  )
  const input = el('input', {
    class: 'field',
    type: 'text',
    maxlength: MAX_NAME_CHARACTERS * UNITS_PER_CHARACTER,
    'aria-label': 'Your name',
    autocomplete: 'off',
    spellcheck: 'false',
    enterkeyhint: 'done',
  })
  const note = el('p', { class: 'chat-note', role: 'status' })
  const form = el('form', { class: 'rename-form' }, input, note)
  form.hidden = true
  const open = (isOpen: boolean): void => {
    form.hidden = !isOpen
    button.hidden = isOpen
    setText(note, '')
  }
  const save = async (): Promise<void> => {
    const wanted = cleanName(input.value)
    if (wanted === '' || wanted === name.textContent) return open(false)
    const refusal = await rename(wanted)
    if (refusal === '') open(false)
    else setText(note, refusal)
  }
  button.addEventListener('click', () => {
    input.value = name.textContent ?? ''
    open(true)
    input.select()
  })
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void save()
  })
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') open(false)
  })
  input.addEventListener('blur', () => open(false))
  return {
    element: el('div', { class: 'self-naming' }, button, form),
    update: (shown) => setText(name, shown),
  }
}

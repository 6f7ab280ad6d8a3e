import { cleanLine } from '@ringside/protocol'
import { MAX_CHAT_CHARACTERS, UNITS_PER_CHARACTER } from '../../shared/constants.ts'
import { el, icon, icons, setText } from '../dom.ts'
import { css, playerColor, theme } from '../theme.ts'
import type { ArenaView } from '../view/arena-view.ts'

export interface ChatBox {
  readonly element: HTMLElement
  update(view: ArenaView): void
}

/**
 * Shows the room's last messages and, with `onSend`, a field to write one. The text of others is set as text
 * only. `onSend` resolves with an empty string, or with why it was refused.
 */
export function chatBox(onSend?: (text: string) => Promise<string>): ChatBox {
  const lines = el('ol', { class: 'chat-lines', 'aria-live': 'polite', 'aria-label': 'Messages' })
  const note = el('p', { class: 'chat-note', role: 'status' })
  const input = el('input', {
    class: 'field',
    type: 'text',
    maxlength: MAX_CHAT_CHARACTERS * UNITS_PER_CHARACTER,
    placeholder: 'Say something',
    'aria-label': 'Message',
    autocomplete: 'off',
    enterkeyhint: 'send',
  })
  const form = el(
    'form',
    { class: 'chat-form' },
    input,
    el('button', { class: 'button small', type: 'submit' }, 'Send'),
  )
  const toggle = el(
    'button',
    { class: 'button icon-button chat-toggle', type: 'button', 'aria-label': 'Chat' },
    icon(icons.chat),
  )
  const panel = el(
    'div',
    { class: 'chat-panel' },
    el('h2', { class: 'panel-title', text: 'Chat' }),
    lines,
    note,
    onSend && form,
  )
  const element = el('section', { class: 'panel chat', 'aria-label': 'Chat' }, toggle, panel)

  const send = async (): Promise<void> => {
    const text = cleanLine(input.value, MAX_CHAT_CHARACTERS)
    if (text === '' || !onSend) return input.blur()
    input.value = ''
    setText(note, '')
    // The keys are the game's again, and Enter comes back here.
    input.blur()
    const refusal = await onSend(text)
    setText(note, refusal)
    if (refusal !== '' && input.value === '') input.value = text
  }
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void send()
  })
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') input.blur()
  })
  toggle.addEventListener('click', () => {
    element.classList.toggle('open')
    element.classList.remove('unread')
    lines.scrollTop = lines.scrollHeight
  })
  if (onSend)
    window.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.target !== document.body) return
      event.preventDefault()
      element.classList.add('open')
      input.focus()
    })

  let shown = ''
  return {
    element,
    update(view) {
      const key = `${view.chat.length}:${view.chat.at(-1)?.id ?? 0}:${view.chat[0]?.id ?? 0}`
      if (key === shown) return
      const isFirst = shown === ''
      shown = key
      const isAtEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40
      lines.replaceChildren(
        ...(view.chat.length === 0
          ? [el('li', { class: 'muted', text: 'No messages yet.' })]
          : view.chat.map((line) => {
              // Each runs in its own direction: a name in Arabic turns nothing around it.
              const author = el('bdi', { class: 'author', text: line.name })
              const player = view.players.get(line.from)
              author.style.color = css(player ? playerColor(player.color) : theme.text)
              return el('li', {}, author, ' ', el('bdi', { text: line.text }))
            })),
      )
      if (isAtEnd || isFirst) lines.scrollTop = lines.scrollHeight
      if (!isFirst && !element.classList.contains('open')) element.classList.add('unread')
    },
  }
}

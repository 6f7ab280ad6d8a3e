import type { GameContract } from './contract.ts'
import { fieldModel, pascalCase } from './field-model.ts'
import type { MessageModel, MessageRole } from './message-model.ts'
import { patchMessage } from './patch-model.ts'
import type { Schema } from './schema.ts'
import { system } from './system-messages.ts'

/**
 * Describes a contract and the system messages as plain data, in a stable order.
 * @throws TypeError when two messages would get the same name (`round-over` and `roundOver`).
 */
export function describeContract(contract: GameContract): MessageModel[] {
  const messages: MessageModel[] = []
  for (const [subject, { id, payload }] of Object.entries(system)) {
    // Their whole message depends on the room; it is the one with the role `patch`.
    if (id === system.state.id || id === system.patch.id) continue
    messages.push(message('system', subject, payload, id))
  }
  for (const [subject, { id, payload, reply }] of Object.entries(contract.commands)) {
    messages.push(message('command', subject, payload, id))
    if (reply) messages.push(message('reply', subject, reply))
  }
  for (const [type, room] of Object.entries(contract.rooms)) {
    messages.push(message('state', type, room.state))
    messages.push(patchMessage(type, room.state))
    for (const [name, { payload }] of Object.entries(room.events ?? {}))
      messages.push(message('event', `${type}.${name}`, payload))
  }
  const names = new Set<string>()
  for (const { name } of messages) {
    if (names.has(name)) throw new TypeError(`Expected unique message names, got ${name} twice`)
    names.add(name)
  }
  return messages
}

const SUFFIX: { readonly [R in Exclude<MessageRole, 'patch'>]: string } = {
  system: 'Message',
  command: 'Command',
  reply: 'Reply',
  event: 'Event',
  state: 'State',
}

// oxlint-disable-next-line max-params -- a constructor of four plain values
function message(
  role: keyof typeof SUFFIX,
  subject: string,
  payload: Schema,
  id: number | null = null,
): MessageModel {
  const name = pascalCase(subject) + SUFFIX[role]
  return { name, role, subject, id, fields: payload.ordered.map(fieldModel) }
}

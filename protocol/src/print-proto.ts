import type { MessageModel } from './message-model.ts'
import type { FieldModel } from './field-model.ts'
import { system } from './system-messages.ts'

/** A command id as documents write it: `0xFFFF0001`. */
export function hex(id: number): string {
  return `0x${id.toString(16).toUpperCase().padStart(8, '0')}`
}

const HEADER = `// Printed from a Ringside contract; change the contract, not this file.
//
// A WebSocket message is the id of a command as uint32, big-endian, then the message. What a comment
// says of a message or field (its id, the size of a step, the largest size) is part of the contract.
// The messages STATE (id ${hex(system.state.id)}) and PATCH (id ${hex(system.patch.id)}) carry the patch of the
// room's type; the message EVENT carries an event of the room's type in its payload, REPLY a reply.
syntax = "proto3";
`

/**
 * Prints a contract, as {@link describeContract} describes it, as a `.proto` file for other
 * languages. {@link parseProto} reads it back.
 */
export function printProto(messages: readonly MessageModel[], packageName = 'ringside'): string {
  const parts = [HEADER, `package ${packageName};\n`]
  for (const message of messages) {
    const id = message.id === null ? '' : `, id ${hex(message.id)}`
    parts.push(
      `// ${message.role} ${message.subject}${id}\n${block(message.name, message.fields, '')}`,
    )
  }
  return parts.join('\n')
}

function block(name: string, fields: readonly FieldModel[], indent: string): string {
  const inner = `${indent}  `
  let text = `${indent}message ${name} {\n`
  for (const field of fields) {
    if (field.fields) text += block(field.type, field.fields, inner)
    else if (field.names) text += enumBlock(field.type, field.names, inner)
    const own = field.names ? `${field.type}.Value` : field.type
    const type = field.label === 'map' ? `map<string, ${own}>` : own
    const label = field.label === 'repeated' || field.label === 'optional' ? `${field.label} ` : ''
    text += `${inner}${label}${type} ${field.name} = ${field.number};${notes(field)}\n`
  }
  return `${text}${indent}}\n`
}

/** The names of an enum stand in what is around it: a message of its own keeps those of two enums apart. */
function enumBlock(name: string, names: readonly string[], indent: string): string {
  const values = names.map((value, number) => `${indent}    ${value} = ${number};\n`).join('')
  return `${indent}message ${name} {\n${indent}  enum Value {\n${values}${indent}  }\n${indent}}\n`
}

function notes(field: FieldModel): string {
  const found: string[] = []
  if (field.step !== null) found.push(`step ${field.step}`)
  if (field.max !== null) found.push(`max ${field.max}`)
  if (field.audience !== 'public') found.push(`for ${field.audience}`)
  return found.length === 0 ? '' : ` // ${found.join(', ')}`
}

// The few pieces of protobuf and of the protocol that a scenario needs, for k6 has neither npm packages nor TextEncoder.

/** Ids of the framework's messages (docs/protocol.md). */
export const ids = {
  JOIN: 0xffff0001,
  LEAVE: 0xffff0002,
  REQUEST: 0xffff0003,
  JOINED: 0xffff0010,
  REPLY: 0xffff0013,
  ERROR: 0xffff0014,
  EVENT: 0xffff0017,
}

/**
 * A message to the server: its id, then its fields.
 * @param {number} id
 * @param {readonly number[]} payload
 * @returns {ArrayBuffer}
 */
export function frame(id, payload) {
  const bytes = new Uint8Array(4 + payload.length)
  new DataView(bytes.buffer).setUint32(0, id)
  bytes.set(payload, 4)
  return bytes.buffer
}

/**
 * A number as a varint.
 * @param {number} value
 * @returns {number[]}
 */
function varint(value) {
  const bytes = []
  let rest = value
  while (rest > 127) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return bytes
}

/**
 * @param {number} field
 * @param {number} value
 */
export function uintField(field, value) {
  return [...varint(field * 8), ...varint(value)]
}

/**
 * @param {number} field
 * @param {readonly number[]} bytes
 */
export function bytesField(field, bytes) {
  return [...varint(field * 8 + 2), ...varint(bytes.length), ...bytes]
}

/**
 * Text of ASCII alone, which tickets and these scenarios' words are.
 * @param {number} field
 * @param {string} text
 */
export function textField(field, text) {
  const bytes = []
  for (let index = 0; index < text.length; index++) bytes.push(text.charCodeAt(index) % 128)
  return bytesField(field, bytes)
}

/**
 * @param {number} field
 * @param {number} value
 */
export function numberField(field, value) {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value, true)
  return [...varint(field * 8 + 1), ...bytes]
}

/**
 * The fields of a message by their numbers: a number, or the bytes of a text or message. Of repeated ones it has the last.
 * @param {Uint8Array} bytes
 * @returns {Map<number, number | Uint8Array>}
 */
export function readFields(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const fields = new Map()
  let at = 0
  const readVarint = () => {
    let value = 0
    let factor = 1
    for (;;) {
      const byte = view.getUint8(at++)
      value += (byte % 128) * factor
      if (byte < 128) return value
      factor *= 128
    }
  }
  while (at < bytes.length) {
    const tag = readVarint()
    const field = Math.floor(tag / 8)
    switch (tag % 8) {
      case 0:
        fields.set(field, readVarint())
        break
      case 1:
        fields.set(field, view.getFloat64(at, true))
        at += 8
        break
      case 2: {
        const length = readVarint()
        fields.set(field, bytes.subarray(at, at + length))
        at += length
        break
      }
      case 5:
        fields.set(field, view.getFloat32(at, true))
        at += 4
        break
      default:
        throw new Error(`Expected a field of protobuf, got the tag ${tag}`)
    }
  }
  return fields
}

/**
 * @param {Map<number, number | Uint8Array>} fields
 * @param {number} field
 */
export function numberOf(fields, field) {
  const value = fields.get(field)
  return typeof value === 'number' ? value : 0
}

/**
 * @param {Map<number, number | Uint8Array>} fields
 * @param {number} field
 */
export function bytesOf(fields, field) {
  const value = fields.get(field)
  return value instanceof Uint8Array ? value : new Uint8Array(0)
}

/**
 * @param {Map<number, number | Uint8Array>} fields
 * @param {number} field
 */
export function textOf(fields, field) {
  let text = ''
  for (const byte of bytesOf(fields, field)) text += String.fromCharCode(byte)
  return text
}

/** RFC 4648 section 4; section 5 has - and _ for the last two. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Encodes with the standard alphabet and padding. */
export function base64Encode(bytes: Uint8Array): string {
  let text = ''
  for (let index = 0; index < bytes.length; index += 3) {
    const group =
      ((bytes[index] as number) << 16) | ((bytes[index + 1] ?? 0) << 8) | (bytes[index + 2] ?? 0)
    for (const shift of [18, 12, 6, 0]) text += ALPHABET.charAt((group >> shift) & 63)
  }
  const missing = (3 - (bytes.length % 3)) % 3
  return text.slice(0, text.length - missing) + '='.repeat(missing)
}

/** Decodes either alphabet, padded or not; null for a text that is not base64. */
export function base64Decode(text: string): Uint8Array | null {
  const digits = text.length % 4 === 0 ? text.replace(/={1,2}$/, '') : text
  if (digits.length % 4 === 1) return null
  const bytes = new Uint8Array((digits.length * 3) >> 2)
  let length = 0
  let group = 0
  for (let index = 0; index < digits.length; index++) {
    const value = valueOf(digits.charCodeAt(index))
    if (value < 0) return null
    group = ((group << 6) | value) & 0xff_ffff
    // Every digit but the first of four completes a byte.
    if (index % 4 > 0) bytes[length++] = group >> (6 - 2 * (index % 4))
  }
  return bytes
}

function valueOf(unit: number): number {
  if (unit >= 65 && unit <= 90) return unit - 65
  if (unit >= 97 && unit <= 122) return unit - 71
  if (unit >= 48 && unit <= 57) return unit + 4
  if (unit === 43 || unit === 45) return 62
  return unit === 47 || unit === 95 ? 63 : -1
}

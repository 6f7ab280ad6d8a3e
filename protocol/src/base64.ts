/** Encodes with the standard alphabet (RFC 4648 section 4) and padding. */
export function base64Encode(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/** Decodes either alphabet (section 5 has - and _), padded or not; null for a text that is not base64. */
export function base64Decode(text: string): Uint8Array | null {
  const digits = text.length % 4 === 0 ? text.replace(/={1,2}$/, '') : text
  // atob itself would take blanks as well.
  if (!/^[\w+/-]*$/.test(digits) || digits.length % 4 === 1) return null
  const binary = atob(digits.replaceAll('-', '+').replaceAll('_', '/'))
  const bytes = new Uint8Array(binary.length)
  for (let index = 0; index < bytes.length; index++) bytes[index] = binary.charCodeAt(index)
  return bytes
}

/** Texts that a lenient reader may take for `secret`; each with what was done to it. */
export function mutationsOf(secret: string): [what: string, text: string][] {
  const changed: [string, string][] = [
    ['nothing at all', ''],
    ['all upper case', secret.toUpperCase()],
    ['all lower case', secret.toLowerCase()],
    ['doubled', secret + secret],
    ['doubled as two headers', `${secret}, ${secret}`],
    ['percent-encoded', `%${secret.charCodeAt(0).toString(16)}${secret.slice(1)}`],
    ['in quotes', `"${secret}"`],
    ['a byte order mark', `\u{FEFF}${secret}`],
    ['without its first character', secret.slice(1)],
    ['without its last character', secret.slice(0, -1)],
    ['a full-width first character', look(secret, 0)],
    ['a full-width last character', look(secret, secret.length - 1)],
    ['a combining mark', `${secret}\u{301}`],
    ['the other alphabet of base64', secret.replaceAll('-', '+').replaceAll('_', '/')],
  ]
  const more = [
    '.',
    '\0',
    ' ',
    '\t',
    '\n',
    '\r\n',
    '=',
    '==',
    '-',
    '_',
    'A',
    '\u{200B}',
    '\u{D800}',
  ]
  for (const piece of more) {
    const name = JSON.stringify(piece)
    changed.push([`${name} behind`, secret + piece], [`${name} before`, piece + secret])
    const half = secret.length >> 1
    changed.push([`${name} inside`, secret.slice(0, half) + piece + secret.slice(half)])
  }
  // Its last digit may have bits that no byte takes.
  for (const digit of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')
    changed.push([`ends in ${digit}`, secret.slice(0, -1) + digit])
  for (let at = 0; at < secret.length; at++) {
    const character = secret.charAt(at)
    const other =
      character === character.toUpperCase() ? character.toLowerCase() : character.toUpperCase()
    changed.push([`case of ${at}`, secret.slice(0, at) + other + secret.slice(at + 1)])
  }
  return changed.filter(([, text]) => text !== secret)
}

function look(text: string, at: number): string {
  return text.slice(0, at) + String.fromCodePoint(text.charCodeAt(at) + 0xfee0) + text.slice(at + 1)
}

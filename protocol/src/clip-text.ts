/** Cuts a text to `max` UTF-16 units and an ellipsis, well-formed and not through a character of two. It is for messages and logs. */
export function clipText(text: string, max: number): string {
  if (text.length <= max) return text.toWellFormed()
  const last = text.charCodeAt(max - 1)
  const end = last >= 0xd800 && last <= 0xdbff ? max - 1 : max
  return `${text.slice(0, end).toWellFormed()}…`
}

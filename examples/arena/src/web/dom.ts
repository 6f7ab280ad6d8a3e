type Child = Node | string | null | undefined | false
type Props = Readonly<Record<string, string | number | boolean | EventListener | undefined>>

/**
 * Makes an element. `on...` members become listeners, `text` becomes textContent, the rest attributes
 * (`true` = present, `false` and undefined = absent). Outside data goes in as text only, never as HTML.
 */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue
    if (typeof value === 'function') element.addEventListener(name.slice(2).toLowerCase(), value)
    else if (name === 'text') element.textContent = String(value)
    else element.setAttribute(name, value === true ? '' : String(value))
  }
  for (const child of children) if (child) element.append(child)
  return element
}

/** Sets the text only when it differs, so that a frame that changes nothing touches nothing. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/** Sets a data attribute only when it differs. */
export function setData(element: HTMLElement, name: string, value: string): void {
  if (element.dataset[name] !== value) element.dataset[name] = value
}

const SVG = 'http://www.w3.org/2000/svg'

/** An icon drawn by one path on a 24 x 24 field, in the colour of the text around it. */
export function icon(path: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('aria-hidden', 'true')
  const shape = document.createElementNS(SVG, 'path')
  shape.setAttribute('d', path)
  svg.append(shape)
  return svg
}

/** Paths for {@link icon}. */
export const icons = {
  sound: 'M4 9v6h4l5 4V5L8 9H4z M16 8.5a5 5 0 0 1 0 7 M18.5 6a8.5 8.5 0 0 1 0 12',
  mute: 'M4 9v6h4l5 4V5L8 9H4z M16 9.5l5 5 M21 9.5l-5 5',
  crown: 'M3 18h18l1.5-10-6 4L12 5 7.5 12l-6-4L3 18z',
  chat: 'M4 5h16v11H9l-5 4V5z',
  list: 'M4 6h16 M4 12h16 M4 18h10',
  eye: 'M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12z M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  pencil: 'M4 20l1-5L16 4l4 4L9 19l-5 1z M13 7l4 4',
  back: 'M15 5l-7 7 7 7',
  play: 'M7 4l13 8-13 8V4z',
  pause: 'M7 4v16 M17 4v16',
} as const

/** Minutes and seconds, `2:05`. Below zero is `0:00`. */
export function formatTime(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

import { el } from '../dom.ts'

/** The head of the pages around the game. `here` = the path of the page it stands on. */
export function siteHeader(here: './' | 'watch'): HTMLElement {
  const link = (path: './' | 'watch', text: string): HTMLElement =>
    el('a', { href: path, class: 'nav-link', 'aria-current': path === here && 'page' }, text)
  return el(
    'header',
    { class: 'site-header' },
    el('a', { class: 'brand', href: './' }, el('span', { class: 'brand-mark' }), 'Ringside Arena'),
    el('nav', { class: 'nav', 'aria-label': 'Pages' }, link('./', 'Lobby'), link('watch', 'Watch')),
  )
}

import { PALETTE } from '../shared/constants.ts'

/** The page's colours, the same as in styles/base.css, for what is drawn. 0xRRGGBB. */
export const theme = {
  ground: 0x0a0d14,
  floor: 0x10151f,
  grid: 0x1a2231,
  wall: 0x2a364b,
  wallEdge: 0x465978,
  edge: 0x4de1c1,
  text: 0xe8edf7,
  accent: 0x4de1c1,
  good: 0x5ee08a,
  warn: 0xffc857,
  bad: 0xff5c6c,
} as const

/** A player's colour, 0xRRGGBB; an index from outside the palette wraps around. */
export function playerColor(index: number): number {
  return PALETTE[Math.abs(Math.trunc(index)) % PALETTE.length] ?? theme.text
}

/** `#rrggbb` of a colour. */
export function css(color: number): string {
  return `#${color.toString(16).padStart(6, '0')}`
}

/** The colour of a health bar: green, amber below a half, red below 30 %. */
export function healthColor(share: number): number {
  return share > 0.5 ? theme.good : share > 0.3 ? theme.warn : theme.bad
}

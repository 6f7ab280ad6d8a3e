import type { Json } from '@ringside/protocol'
import { jsonText } from '../../process/json-text.ts'

/** One point of a series: what the paths had at a time. */
export interface SeriesPoint {
  /** Log time in ms. */
  readonly at: number
  /** n of the room's last event at that time. */
  readonly n: number
  /** By path, in full: `players.ada.score`. */
  readonly values: ReadonlyMap<string, Json>
}

/** Encodes the points as lines of JSON: `{"at","n","values":{"players.ada.score":3}}`. */
export function seriesLines(points: readonly SeriesPoint[]): string {
  return points
    .map(({ at, n, values }) => `${jsonText({ at, n, values: Object.fromEntries(values) })}\n`)
    .join('')
}

/**
 * Encodes the points as CSV (RFC 4180): `at`, `n`, then a column for each path that has a value anywhere, in the order in
 * which they appeared; a cell is empty where it has none.
 */
export function seriesCsv(points: readonly SeriesPoint[]): string {
  const columns = new Set<string>()
  for (const { values } of points) for (const path of values.keys()) columns.add(path)
  const lines = [['at', 'n', ...columns].map(cell)]
  for (const { at, n, values } of points)
    lines.push([cell(at), cell(n), ...Array.from(columns, (path) => cell(values.get(path)))])
  return lines.map((cells) => `${cells.join(',')}\r\n`).join('')
}

/**
 * A spreadsheet takes a text that begins so for a formula, and carries it out (FE102): the full-width signs too, where
 * people write with them.
 */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/
const QUOTED = /[",\r\n]/

function cell(value: Json | undefined): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const text = (typeof value === 'string' ? value : (jsonText(value) ?? '')).toWellFormed()
  const safe = FORMULA.test(text) ? `'${text}` : text
  return QUOTED.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

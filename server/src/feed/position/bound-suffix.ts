/** A bounded feed ends at an event (`to`), after so many of them (`limit`), or after so many seconds (`for`). */
export type BoundReason = 'to' | 'limit' | 'for'

const LETTERS: Readonly<Record<BoundReason, string>> = { to: 't', limit: 'l', for: 'f' }
const REASONS: Readonly<Record<string, BoundReason>> = { t: 'to', l: 'limit', f: 'for' }
const SUFFIX = /~([tlf])(0|[1-9][0-9]{0,15})$/

/** An id of a bounded feed, taken apart. */
export interface SplitId {
  readonly position: string
  readonly reason: BoundReason | null
  /** So much was left; 0 where there was no bound. */
  readonly left: number
}

/** Encodes what is left of a bound, as it stands behind a position. */
export function boundSuffix(reason: BoundReason, left: number): string {
  return `~${LETTERS[reason]}${left}`
}

/** FE99: parts an id into position and what was left; any other text is a position as it is. */
export function splitId(id: string): SplitId {
  const [suffix = '', letter = '', left = ''] = SUFFIX.exec(id) ?? []
  const reason = REASONS[letter] ?? null
  return { position: id.slice(0, id.length - suffix.length), reason, left: Number(left) }
}

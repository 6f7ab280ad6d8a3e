import { createHash } from 'node:crypto'
import { cleanLine, clipText } from '@ringside/protocol'
import { RingsideError } from '../process/errors.ts'
import { networkText } from './networks.ts'

/** `ban`: they are put out, and do not come in. `mute`: what they would say to others is refused. */
export type SanctionKind = 'ban' | 'mute'

/** Whom it is about: one of the three. */
export type SanctionTarget =
  | { readonly sessionId: string }
  | { readonly userId: string }
  /** An address (of IPv6: its /64) or a network: `10.0.0.7`, `10.0.0.0/8`. */
  | { readonly address: string }

/** A ban or a mute, as an operator asks for it. */
export type SanctionOrder = SanctionTarget & {
  /** How long, in whole ms, 1,000 - 10 years; null or absent: until it is lifted. */
  readonly durationMs?: number | null
  /** Told to the player: one line, at most 200 characters. */
  readonly reason?: string
}

/** A ban or a mute. */
export interface Sanction {
  /** Follows from kind and target: one more of the same replaces it. */
  readonly id: string
  readonly kind: SanctionKind
  readonly target: SanctionTarget
  readonly reason: string
  /** Time of the log, in ms. */
  readonly at: number
  /** It ends then, in ms; null: when it is lifted. */
  readonly until: number | null
}

const MIN_DURATION_MS = 1_000
const MAX_DURATION_MS = 10 * 365 * 86_400_000
/** Longest reason and message, in characters as people count them. */
const MAX_REASON_CHARACTERS = 200
/** Longest id of a user, in UTF-16 units; that of a session is shorter. */
const MAX_ID_CHARACTERS = 256
const ID_CHARACTERS = 16

/** @throws RingsideError bad_request for whatever is no order; every field is hostile. */
export function checkOrder(
  kind: SanctionKind,
  given: Readonly<Record<string, unknown>>,
  now: number,
): Sanction {
  const target = checkTarget(given)
  const durationMs = given['durationMs'] ?? null
  if (
    durationMs !== null &&
    !(
      Number.isSafeInteger(durationMs) &&
      (durationMs as number) >= MIN_DURATION_MS &&
      (durationMs as number) <= MAX_DURATION_MS
    )
  )
    throw new RingsideError(
      'bad_request',
      `Expected durationMs as whole ms from ${MIN_DURATION_MS} to ${MAX_DURATION_MS}, or null`,
    )
  return {
    id: idOf(kind, target),
    kind,
    target,
    reason: checkReason(given['reason']),
    at: now,
    until: durationMs === null ? null : now + (durationMs as number),
  }
}

/** @throws RingsideError bad_request unless exactly one of sessionId, userId and address is there, and is one. */
export function checkTarget(given: Readonly<Record<string, unknown>>): SanctionTarget {
  const named = (['sessionId', 'userId', 'address'] as const).filter(
    (name) => given[name] !== undefined,
  )
  const [name] = named
  const value = name === undefined ? undefined : given[name]
  if (name === undefined || named.length > 1 || typeof value !== 'string')
    throw new RingsideError('bad_request', 'Expected one of sessionId, userId and address, as text')
  if (name === 'address') return { address: networkText(value) }
  if (value === '' || value.length > MAX_ID_CHARACTERS)
    throw new RingsideError(
      'bad_request',
      `Expected ${name} as text of 1 to ${MAX_ID_CHARACTERS} characters`,
    )
  return name === 'sessionId' ? { sessionId: value } : { userId: value }
}

/** One line without control characters, '' when there is none. @throws RingsideError bad_request for what is no text. */
export function checkReason(reason: unknown): string {
  if (reason === undefined || reason === null) return ''
  if (typeof reason !== 'string')
    throw new RingsideError('bad_request', 'Expected reason to be a string')
  return cleanLine(reason, MAX_REASON_CHARACTERS)
}

/** The id of the ban or mute of this target. */
export function idOf(kind: SanctionKind, target: SanctionTarget): string {
  const text = JSON.stringify([kind, ...Object.entries(target)])
  return createHash('sha256').update(text).digest('base64url').slice(0, ID_CHARACTERS)
}

/** What the player is told, at most 1,000 characters. */
export function sentenceOf({ kind, reason, until }: Sanction): string {
  const what = kind === 'ban' ? 'Banned' : 'Muted'
  const when = until === null ? '' : ` until ${new Date(until).toISOString()}`
  return clipText(`${what}${when}${reason === '' ? '' : `: ${reason}`}`, 1_000)
}

/** Reads a record's value; null for what this program did not write. */
export function decodeSanction(text: string): Sanction | null {
  try {
    const given = JSON.parse(text) as Partial<Sanction> | null
    if (given === null || typeof given !== 'object') return null
    const { kind, target, reason, at, until } = given
    if ((kind !== 'ban' && kind !== 'mute') || typeof at !== 'number') return null
    if (until !== null && typeof until !== 'number') return null
    const checked = checkTarget(target as unknown as Readonly<Record<string, unknown>>)
    return {
      id: idOf(kind, checked),
      kind,
      target: checked,
      reason: checkReason(reason),
      at,
      until,
    }
  } catch {
    return null
  }
}

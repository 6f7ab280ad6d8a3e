/** No error that a server writes is longer, and a page of an intermediary is not read to its end. */
const MAX_REFUSAL_BYTES = 65_536
/** A longer `Retry-After` is not waited for: the time of a network's repair is a guess. */
const MAX_RETRY_AFTER_MS = 1_000_000

/**
 * The codes of the table that no repetition mends. They stand here once more, because the table with its texts is half
 * of the size of the feed reader; a test compares the two.
 */
export const FINAL_CODES: ReadonlySet<string> = new Set(
  (
    'unknown_command invalid_payload rejected not_in_room already_in_room room_not_found ' +
    'room_type_not_found auth_failed ticket_invalid ticket_expired ticket_used reconnect_refused ' +
    'bad_request unauthorized forbidden not_found method_not_allowed body_too_large ' +
    'unsupported_media_type past_retention contract_mismatch banned misdirected upgrade_required ' +
    'token_expired headers_too_large'
  ).split(' '),
)

/** What an answer of HTTP says against a request. */
export interface HttpRefusal {
  /** Null where the answer is not of our server. */
  readonly code: string | null
  readonly message: string
  /** The same request will never succeed. */
  readonly isFinal: boolean
  /** The wait that `Retry-After` asks for, in ms; null without one. */
  readonly retryAfterMs: number | null
}

/**
 * Judges an answer that is not what was asked for (CN55). Only our server's own error ends anything: a JSON error with
 * a code of the table that may not be retried, or with the game's own, which comes with 409. Whatever else answers (a
 * proxy, a page of login, a server of before or after this one) passes: it says nothing of the room.
 */
export async function readRefusal(response: Response): Promise<HttpRefusal> {
  const { status, headers } = response
  const isJson = /^application\/json\b/i.test(headers.get('content-type') ?? '')
  const answer = isJson ? await readJson(response, MAX_REFUSAL_BYTES) : null
  const { code, message } = (answer as { error?: Record<string, unknown> } | null)?.error ?? {}
  const retryAfterMs = waitOf(headers.get('retry-after'))
  // Nobody reads it: its connection is free again.
  if (!isJson) response.body?.cancel().catch(() => {})
  if (typeof code !== 'string' || typeof message !== 'string')
    return { code: null, message: `HTTP status ${status}`, isFinal: false, retryAfterMs }
  const isGames = status === 409 && code !== 'room_full' && code !== 'room_locked'
  return { code, message, isFinal: FINAL_CODES.has(code) || isGames, retryAfterMs }
}

/** Parses a body; null for one that is no JSON, breaks off, or is longer than `maxBytes`. */
export async function readJson(response: Response, maxBytes: number): Promise<unknown> {
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let length = 0
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
      if (done) return JSON.parse(text + decoder.decode())
      if ((length += value.length) > maxBytes) throw new RangeError('Too long')
      text += decoder.decode(value, { stream: true })
    }
  } catch {
    reader?.cancel().catch(() => {})
    return null
  }
}

/** Reads `Retry-After`: seconds or a date. */
function waitOf(text: string | null): number | null {
  if (!text) return null
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now()
  return ms > 0 ? Math.min(ms, MAX_RETRY_AFTER_MS) : null
}

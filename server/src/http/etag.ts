import { createHash } from 'node:crypto'
import type { HttpRequest, HttpResponse } from '../transport/contract.ts'

/** Half of a SHA-256: nobody finds two bodies that have the same. */
const TAG_CHARACTERS = 22

/** A strong entity tag, of the content alone (RFC 9110 section 8.8.3): every process gives a body the same. */
export function etagOf(body: string | Uint8Array): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, TAG_CHARACTERS)}"`
}

/** A list of entity tags: what is between quotes may hold commas, and weak ones begin with `W/`. */
const TAG = String.raw`(?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*"`
const TAGS = new RegExp(String.raw`^[ \t]*(?:${TAG}(?:[ \t]*,[ \t]*|[ \t]*$))+$`)
const EACH = new RegExp(TAG, 'g')
/** A longer header is no use to anybody who holds some pages. */
const MAX_HEADER_CHARACTERS = 4_096

/**
 * Says whether the client has this body already (HT43; RFC 9110 section 13.1.2): its tags are compared weakly, `*` is any, and a
 * header that is no list of tags is as if there were none.
 */
export function hasBody(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch === '' || ifNoneMatch.length > MAX_HEADER_CHARACTERS) return false
  if (ifNoneMatch.trim() === '*') return true
  if (!TAGS.test(ifNoneMatch)) return false
  return (ifNoneMatch.match(EACH) ?? []).some((tag) => tag.replace(/^W\//, '') === etag)
}

/** What is answered to a question that may be asked again. */
export interface Tagged {
  readonly body: string | Uint8Array
  readonly etag: string
  /** With the `cache-control` and the media type among them. */
  readonly headers: Readonly<Record<string, string>>
}

/** Answers 200 with the body, or 304 without it to a client that has it. */
export function sendTagged(request: HttpRequest, response: HttpResponse, answer: Tagged): void {
  const { body, etag, headers } = answer
  if (hasBody(request.header('if-none-match'), etag)) {
    const { 'cache-control': caching = 'no-cache' } = headers
    response.send(304, { 'cache-control': caching, etag }, '')
    return
  }
  response.send(200, { ...headers, etag }, body)
}

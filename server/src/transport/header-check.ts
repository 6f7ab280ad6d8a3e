import { shownText } from '../process/argument.ts'
import { RingsideError } from '../process/errors.ts'

/** RFC 9110 section 5.6.2. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** Of the control characters a value may have tabs (RFC 9110 section 5.5); half a surrogate pair has no bytes. */
// oxlint-disable-next-line no-control-regex
const UNSAFE_VALUE = /[\0-\x08\n-\x1f\x7f]|\p{Cs}/u

/**
 * A line break in a value would let it write headers of its own (response splitting); other characters that a header has
 * not let a proxy drop the answer.
 * @throws RingsideError bad_request.
 */
export function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const name in headers) {
    if (!NAME.test(name))
      throw new RingsideError(
        'bad_request',
        `Expected the name of a header, got ${shownText(name)}`,
      )
    if (UNSAFE_VALUE.test(headers[name] as string))
      throw new RingsideError(
        'bad_request',
        `Expected no line break, control character or half of one in header '${name}'`,
      )
  }
}

import { RingsideError } from '../process/errors.ts'

const UNSAFE_HEADER = /[\r\n\0]/

/**
 * A line break in a value would let it write headers of its own (response splitting).
 * @throws RingsideError bad_request.
 */
export function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const name in headers)
    if (UNSAFE_HEADER.test(name) || UNSAFE_HEADER.test(headers[name] as string))
      throw new RingsideError('bad_request', `Expected no line break in header '${name}'`)
}

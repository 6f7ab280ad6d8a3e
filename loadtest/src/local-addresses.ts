import { isIP, isIPv4 } from 'node:net'
import { RunFailure } from './failure.ts'

/** Source addresses of one run at most. */
const MAX_ADDRESSES = 1_024

/**
 * Reads `--local-ips` as k6 does: addresses and ranges of IPv4 (`127.0.0.1-127.0.0.4`), with commas.
 * @throws RunFailure when it is none of those, or too many.
 */
export function readLocalAddresses(text: string): string[] {
  const addresses: string[] = []
  for (const part of text.split(',').map((entry) => entry.trim())) {
    const [first = '', last = first, ...others] = part.split('-')
    if (first === last && isIP(first) !== 0) addresses.push(first)
    else if (others.length === 0 && isIPv4(first) && isIPv4(last)) {
      const from = numberOf(first)
      const count = numberOf(last) - from + 1
      if (count < 1 || count > MAX_ADDRESSES)
        throw new RunFailure(`Expected 1 to ${MAX_ADDRESSES} source addresses, got '${part}'`)
      for (let index = 0; index < count; index++) addresses.push(addressOf(from + index))
    } else throw new RunFailure(`Expected addresses like 127.0.0.1-127.0.0.4, got '${part}'`)
  }
  if (addresses.length > MAX_ADDRESSES)
    throw new RunFailure(`Expected at most ${MAX_ADDRESSES} source addresses`)
  return addresses
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

function addressOf(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')
}

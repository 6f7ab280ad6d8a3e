import { BlockList, isIP, isIPv4 } from 'node:net'
import { RingsideError } from '../process/errors.ts'

/** A request's origin: `peer` is the other end of the socket, `forwardedFor` the header X-Forwarded-For ('' = none). */
export type ClientAddress = (peer: string, forwardedFor: string) => string

/** A header longer than this names nobody: walking it costs time that a stranger chooses. */
const MAX_HEADER_CHARACTERS = 1_024
const MAPPED = /^::ffff:(?=\d+\.)/i

/**
 * Makes the reader of addresses (TR28): the header is believed only as far as trusted proxies wrote it. It is read from
 * its end, where the nearest proxy wrote, up to the first address that is no trusted proxy; anybody may have made up
 * the text before that.
 * @param trustedProxies addresses (`10.0.0.7`, `::1`) and networks (`10.0.0.0/8`).
 * @throws RingsideError option_invalid for a text that is neither.
 */
export function createClientAddress(trustedProxies: readonly string[] = []): ClientAddress {
  if (trustedProxies.length === 0) return (peer) => peer
  const trusted = new BlockList()
  for (const entry of trustedProxies) trust(trusted, entry)
  const isTrusted = (address: string): boolean => trusted.check(address, familyOf(address))
  return (peer, forwardedFor) => {
    if (forwardedFor === '' || forwardedFor.length > MAX_HEADER_CHARACTERS) return peer
    let client = peer
    const hops = forwardedFor.split(',')
    while (isIP(client) !== 0 && isTrusted(client)) {
      const hop = hops.pop()?.trim().replace(MAPPED, '') ?? ''
      if (isIP(hop) === 0) break
      client = hop
    }
    return client
  }
}

/**
 * Limits count by this: an IPv4 address, or the /64 of an IPv6 address, for one customer is given a whole one
 * (RFC 6177) and could otherwise pass for 2^64 clients. Other text (a loopback's name) stands for itself.
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  // An IPv4 address at the end stands for two groups.
  const missing = 8 - groups.length - after.length - (after.at(-1)?.includes('.') ? 1 : 0)
  if (tail !== undefined) for (let count = 0; count < missing; count++) groups.push('0')
  const network = [...groups, ...after].slice(0, 4)
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}

function trust(trusted: BlockList, entry: string): void {
  const [address = '', prefix, ...rest] = entry.split('/')
  const bits = isIPv4(address) ? 32 : 128
  const isWhole = prefix === undefined
  const length = isWhole ? bits : Number(prefix)
  const isPrefix = isWhole || (/^\d{1,3}$/.test(prefix) && length <= bits)
  if (isIP(address) === 0 || !isPrefix || rest.length > 0)
    throw new RingsideError(
      'option_invalid',
      `Expected trustedProxies like '10.0.0.7' or '10.0.0.0/8', got '${entry}'`,
    )
  trusted.addSubnet(address, length, familyOf(address))
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6'
}

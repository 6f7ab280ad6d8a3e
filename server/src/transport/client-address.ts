import { BlockList, isIP, isIPv4 } from 'node:net'
import { kindOf } from '@ringside/protocol'
import { invalid, shownText } from '../process/argument.ts'

/** A request's origin: `peer` is the other end of the socket, `forwardedFor` the header X-Forwarded-For ('' = none). */
export type ClientAddress = (peer: string, forwardedFor: string) => string

/** So much of the header's end is read: walking it costs time that a stranger chooses. */
const MAX_HEADER_CHARACTERS = 1_024

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
    if (forwardedFor === '') return peer
    let client = peer
    const hops = hopsOf(forwardedFor)
    while (isIP(client) !== 0 && isTrusted(client)) {
      const hop = unmapped(hops.pop() ?? '')
      if (isIP(hop) === 0) break
      client = hop
    }
    return client
  }
}

/** The addresses at the header's end. An empty one is none (RFC 9110 section 5.6.1.2). */
function hopsOf(forwardedFor: string): string[] {
  const end = forwardedFor.slice(-MAX_HEADER_CHARACTERS)
  const hops = end.split(',')
  // What is cut in two may be another address than was written.
  if (end.length < forwardedFor.length) hops.shift()
  return hops.map((hop) => hop.trim()).filter((hop) => hop !== '')
}

/** An IPv4 address that is written as one of IPv6 (RFC 4291 section 2.5.5.2), in dots; other text as it is. */
export function unmapped(address: string): string {
  if (!address.includes(':') || isIP(address) === 0) return address
  const groups = groupsOf(address)
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (!isMapped) return address
  const [high = 0, low = 0] = groups.slice(6)
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** The eight groups of an IPv6 address. */
export function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::')
  const [before, after] = [groupsIn(head), groupsIn(tail ?? '')]
  const missing = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  return [...before, ...Array.from({ length: missing }, () => 0), ...after]
}

function groupsIn(part: string): number[] {
  if (part === '') return []
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
    return [(a << 8) | b, (c << 8) | d]
  })
}

/**
 * Limits count by this: an IPv4 address, or the /64 of an IPv6 address, for one customer is given a whole one
 * (RFC 6177) and could otherwise pass for 2^64 clients. Other text (a loopback's name) stands for itself.
 */
export function networkOf(address: string): string {
  const plain = unmapped(address)
  if (!plain.includes(':')) return plain
  const network = groupsOf(plain).slice(0, 4)
  return `${network.map((group) => group.toString(16)).join(':')}::/64`
}

function trust(trusted: BlockList, entry: string): void {
  if (typeof entry !== 'string')
    throw invalid(`Expected addresses in trustedProxies as text, got ${kindOf(entry)}`)
  const [address = '', prefix, ...rest] = entry.split('/')
  const bits = isIPv4(address) ? 32 : 128
  const isWhole = prefix === undefined
  const length = isWhole ? bits : Number(prefix)
  const isPrefix = isWhole || (/^\d{1,3}$/.test(prefix) && length <= bits)
  if (isIP(address) === 0 || !isPrefix || rest.length > 0)
    throw invalid(
      `Expected trustedProxies like '10.0.0.7' or '10.0.0.0/8', got ${shownText(entry)}`,
    )
  trusted.addSubnet(address, length, familyOf(address))
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6'
}

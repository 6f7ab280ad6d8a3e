import { isIP, isIPv4 } from 'node:net'
import { RingsideError } from '../process/errors.ts'
import { groupsOf, unmapped } from '../transport/client-address.ts'

/** Longer text is no address of a network. */
const MAX_CHARACTERS = 64
/** An IPv6 address stands for its /64, as for the limits by address: one customer is given a whole one (RFC 6177). */
const IPV6_BITS = 64

/** A network: its addresses begin with the same bits. */
interface Network {
  readonly family: 4 | 6
  readonly bits: number
  readonly first: bigint
}

/**
 * The one text of an address (`10.0.0.7`, `2001:db8::1`) or network (`10.0.0.0/8`), so that two texts of one network are
 * equal. An IPv4 address that is written as one of IPv6 is the IPv4 address, one of IPv6 its /64.
 * @throws RingsideError bad_request for anything else, and for a network of all addresses.
 */
export function networkText(text: string): string {
  const [address = '', prefix, ...rest] = text.split('/')
  const plain = text.length <= MAX_CHARACTERS ? unmapped(address) : ''
  const isMapped = plain !== address
  const most = isIPv4(plain) ? 32 : 128
  const bits = prefix === undefined ? Math.min(most, most === 32 ? 32 : IPV6_BITS) : Number(prefix)
  const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && bits >= 1 && bits <= most)
  // The prefix of a mapped address would count the bits of IPv6.
  if (isIP(plain) === 0 || plain.includes('%') || !isPrefix || rest.length > 0) throw invalid()
  if (isMapped && prefix !== undefined) throw invalid()
  return textOf({ ...networkOf(plain), bits })
}

function invalid(): RingsideError {
  return new RingsideError('bad_request', "Expected an address like '10.0.0.7' or '10.0.0.0/8'")
}

/**
 * Networks by their text, in which an address finds those that it is of: one look for each length of prefix that there
 * is, however many networks there are.
 */
export class Networks {
  readonly #byText = new Map<string, string>()
  /** Number of the networks of each length. */
  readonly #lengths = { 4: new Map<number, number>(), 6: new Map<number, number>() }

  /** `text` is of `networkText`; `id` is what is found by it. */
  add(text: string, id: string): void {
    this.delete(text)
    this.#byText.set(text, id)
    const { lengths, bits } = this.#lengthOf(text)
    lengths.set(bits, (lengths.get(bits) ?? 0) + 1)
  }

  delete(text: string): void {
    if (!this.#byText.delete(text)) return
    const { lengths, bits } = this.#lengthOf(text)
    const left = (lengths.get(bits) ?? 0) - 1
    if (left > 0) lengths.set(bits, left)
    else lengths.delete(bits)
  }

  /** The ids of the networks that the address is of. Text that is no address is of none. */
  *find(address: string): Iterable<string> {
    if (this.#byText.size === 0) return
    const plain = unmapped(address)
    if (isIP(plain) === 0) return
    const network = networkOf(plain)
    for (const bits of this.#lengths[network.family].keys()) {
      const id = this.#byText.get(textOf({ ...network, bits }))
      if (id !== undefined) yield id
    }
  }

  #lengthOf(text: string): { readonly lengths: Map<number, number>; readonly bits: number } {
    const [address = '', bits] = text.split('/')
    const isOld = isIPv4(address)
    return { lengths: this.#lengths[isOld ? 4 : 6], bits: bits === undefined ? 32 : Number(bits) }
  }
}

function networkOf(address: string): Network {
  if (!address.includes(':')) {
    const first = address.split('.').reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
    return { family: 4, bits: 32, first }
  }
  const [plain = ''] = address.split('%')
  const first = groupsOf(plain).reduce((sum, group) => (sum << 16n) | BigInt(group), 0n)
  return { family: 6, bits: 128, first }
}

/** `10.0.0.7`, `10.0.0.0/8` or `2001:db8:0:0:0:0:0:0/32`. */
function textOf({ family, bits, first }: Network): string {
  const most = family === 4 ? 32 : 128
  const spare = BigInt(most - bits)
  const base = (first >> spare) << spare
  const [size, count] = family === 4 ? [8n, 4] : [16n, 8]
  const parts = Array.from({ length: count }, (_, index) => {
    const part = (base >> (size * BigInt(count - 1 - index))) & ((1n << size) - 1n)
    return part.toString(family === 4 ? 10 : 16)
  })
  const address = parts.join(family === 4 ? '.' : ':')
  return family === 4 && bits === 32 ? address : `${address}/${bits}`
}

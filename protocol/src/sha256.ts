/** The first primes' roots, as FIPS 180-4 (4.2.2, 5.3.3) takes the constants from them. */
const PRIMES: number[] = []
for (let n = 2; PRIMES.length < 64; n++) if (PRIMES.every((prime) => n % prime > 0)) PRIMES.push(n)

/** The first 32 bits of the fraction of `value`. */
function fraction(value: number): number {
  return ((value - Math.floor(value)) * 2 ** 32) | 0
}

const ROUNDS = Int32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)))
const START = PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)))

/**
 * SHA-256 (FIPS 180-4) of a text's UTF-8, in hex. Browsers have it only as a promise, and only on secure pages, while a
 * JOIN goes out at once.
 */
export function sha256(text: string): string {
  const bytes = new TextEncoder().encode(text)
  const { length } = bytes
  const padded = new DataView(new ArrayBuffer(((length + 72) >> 6) << 6))
  new Uint8Array(padded.buffer).set(bytes)
  padded.setUint8(length, 0x80)
  padded.setUint32(padded.byteLength - 8, length / 2 ** 29)
  padded.setUint32(padded.byteLength - 4, length << 3)
  const hash = Int32Array.from(START)
  const words = new Int32Array(64)
  for (let at = 0; at < padded.byteLength; at += 64)
    takeBlock(hash, words, (i) => padded.getInt32(at + 4 * i))
  return Array.from(hash, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
}

function takeBlock(hash: Int32Array, words: Int32Array, wordAt: (index: number) => number): void {
  let [a, b, c, d, e, f, g, h] = hash as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  for (let i = 0; i < 64; i++) {
    if (i < 16) words[i] = wordAt(i)
    else {
      const x = words[i - 15] as number
      const y = words[i - 2] as number
      words[i] =
        (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) +
        (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10)) +
        (words[i - 16] as number) +
        (words[i - 7] as number)
    }
    const first =
      h +
      (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) +
      ((e & f) ^ (~e & g)) +
      (ROUNDS[i] as number) +
      (words[i] as number)
    const second = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))
    h = g
    g = f
    f = e
    e = (d + first) | 0
    d = c
    c = b
    b = a
    a = (first + second) | 0
  }
  for (const [i, value] of [a, b, c, d, e, f, g, h].entries()) hash[i] = (hash[i] as number) + value
}

function turn(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits))
}

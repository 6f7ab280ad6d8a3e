import { randomBytes } from 'node:crypto'

/** Length of {@link randomId} in characters. */
const ID_CHARACTERS = 25

/** An unguessable id: 128 bits of the system's randomness as 25 characters of a-z and 0-9. */
export function randomId(): string {
  return BigInt(`0x${randomBytes(16).toString('hex')}`)
    .toString(36)
    .padStart(ID_CHARACTERS, '0')
}

/** Mixes a text into a 32-bit seed (FNV-1a), so that each room draws its own numbers. */
export function mixSeed(seed: number, text: string): number {
  let hash = (seed ^ 0x811c9dc5) >>> 0
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0
  return hash
}

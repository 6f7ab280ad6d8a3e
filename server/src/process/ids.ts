import { randomBytes } from 'node:crypto'

/** Length of {@link randomId} in characters. */
const ID_CHARACTERS = 25

/** An unguessable id: 128 bits of the system's randomness as 25 characters of a-z and 0-9. */
export function randomId(): string {
  return BigInt(`0x${randomBytes(16).toString('hex')}`)
    .toString(36)
    .padStart(ID_CHARACTERS, '0')
}

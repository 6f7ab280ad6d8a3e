import type { GameContract } from '@ringside/protocol'
import type { Client, ConnectOptions } from './client-types.ts'

/**
 * Makes a client of the server at `address` (`https://play.example.com`; in a browser the page's own
 * origin when left out). Connects to nothing by itself.
 */
export function connect<G extends GameContract>(
  game: G,
  address?: string,
  options: ConnectOptions = {},
): Client<G> {
  throw new Error(`${String(game)} ${String(address)} ${String(options)}`)
}

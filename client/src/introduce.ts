import {
  CLOSE_CONTRACT_MISMATCH,
  CONTRACT_MISMATCH_TEXT,
  contractFingerprint,
  contractText,
  encodeSystem,
  system,
} from '@ringside/protocol'
import type { GameContract } from '@ringside/protocol'
import type { Connection } from './connection.ts'
import { RequestError } from './request-error.ts'

/** Tells a server what contract this client has: the fingerprint is enough for most. */
export function introduce(connection: Connection, game: GameContract): void {
  connection.send(encodeSystem('contract', { fingerprint: contractFingerprint(game) }))
}

const answered = new WeakSet<Connection>()

/** Sends the whole contract where `id` is of the server's wish for it, once on a connection. */
export function answerWish(id: number, connection: Connection, game: GameContract): void {
  if (id !== system.contractWanted.id || answered.has(connection)) return
  answered.add(connection)
  const [fingerprint, text] = [contractFingerprint(game), contractText(game)]
  connection.send(encodeSystem('contract', { fingerprint, text }))
}

/** The error of a connection that was closed because the contract does not fit; null for any other. */
export function contractError(code: number): RequestError | null {
  if (code !== CLOSE_CONTRACT_MISMATCH) return null
  return new RequestError('contract_mismatch', CONTRACT_MISMATCH_TEXT, false)
}

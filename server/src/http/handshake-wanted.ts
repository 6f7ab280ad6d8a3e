import type { Route } from './contract.ts'
import { fromCode, sendError } from './http-error.ts'

const HEADERS = { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-version': '13' }

/** The address of the WebSocket, asked without a handshake: 426 (HO17). The transport takes the handshakes before. */
export const handshakeWanted: readonly Route[] = ['/ws', '/n/:node/ws'].map((path) => ({
  method: 'GET',
  path,
  handler: (_request, response) =>
    sendError(response, { ...fromCode('upgrade_required'), headers: HEADERS }),
}))

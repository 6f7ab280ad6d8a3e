import type { Route } from '../../http/contract.ts'
import { AddressCount } from '../../limit/address-count.ts'
import { AddressRate } from '../../limit/address-rate.ts'
import type { Standing } from '../../limit/standing.ts'
import type { Clock } from '../../process/clock.ts'
import type { ServerLimits } from '../../process/limits.ts'
import type { Part } from '../../process/part.ts'
import { rpcRoute } from './http-entry.ts'
import { RpcSocketEntry } from './socket-entry.ts'
import { RpcCalls } from './rpc-calls.ts'
import type { RpcParts } from './rpc-calls.ts'

/** JSON-RPC is made of these. */
export interface RpcWiring extends RpcParts {
  readonly clock: Clock
  readonly standing: Standing
  readonly limits: Pick<
    ServerLimits,
    'rpcPerSecondPerIp' | 'maxBodyBytes' | 'maxRpcBytes' | 'maxQueuedBytes'
  >
}

/** Makes both entries of JSON-RPC: sessions take the one over the socket, the part has the route. */
export function createRpc({ clock, limits, standing, ...parts }: RpcWiring): {
  readonly socketEntry: RpcSocketEntry
  readonly part: Part<Route>
} {
  const calls = new RpcCalls(parts)
  const rate = new AddressRate({ points: limits.rpcPerSecondPerIp }, clock)
  const maxBytes = Math.min(limits.maxBodyBytes, limits.maxRpcBytes)
  const held = new AddressCount(limits.maxQueuedBytes)
  const route = rpcRoute({ calls, maxBytes, rate, held, standing })
  return {
    socketEntry: new RpcSocketEntry(calls, limits),
    part: { name: 'json-rpc', routes: [route] },
  }
}

import type { MemoryTransport } from './transport.ts'
import type { ListenAddress, Transport, TransportHandlers } from '../contract.ts'

/** Makes one transport out of a network's and the in-process one, for `server.loopback()`. */
export function withLoopback(network: Transport, loopback: MemoryTransport): Transport {
  return {
    async listen(address: ListenAddress, handlers: TransportHandlers) {
      const port = await network.listen(address, handlers)
      await loopback.listen({ host: address.host, port }, handlers)
      return port
    },
    publish(topic, frame) {
      network.publish(topic, frame)
      loopback.publish(topic, frame)
    },
    async close() {
      await Promise.all([loopback.close(), network.close()])
    },
  }
}

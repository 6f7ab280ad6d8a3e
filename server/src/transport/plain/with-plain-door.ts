import type { ListenAddress, Transport, TransportHandlers } from '../contract.ts'
import type { PlainDoor } from './door.ts'

/** Opens a plain door beside a transport where the address to listen at has a port for one. */
export function withPlainDoor(transport: Transport, door: PlainDoor): Transport {
  return {
    async listen(address: ListenAddress, handlers: TransportHandlers) {
      const port = await transport.listen(address, handlers)
      const { host, plainPort } = address
      // Should it fail, whoever asked closes the transport.
      if (plainPort !== undefined) await door.listen({ host, port: plainPort }, handlers)
      return port
    },
    publish: (topic, frame) => transport.publish(topic, frame),
    async close() {
      await Promise.all([door.close(), transport.close()])
    },
  }
}

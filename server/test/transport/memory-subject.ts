import type { MemorySocket, MemoryTransport, TransportOptions } from '../../src/index.ts'
import type { ContractClient, ContractSubject } from '../../src/testing/contracts/index.ts'

function clientOf(socket: MemorySocket): ContractClient {
  const frames: Uint8Array[] = []
  socket.onmessage = ({ data }) => frames.push(new Uint8Array(data))
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.onclose = resolve
  })
  return {
    frames,
    closed,
    protocol: socket.protocol,
    send: (data) => socket.send(data),
    sendText: (text) => socket.sendText(text),
    close: (code, reason) => socket.close(code, reason),
    vanish: () => socket.vanish(),
  }
}

/** How the suite of transports reaches one in memory: as it is, broken, or inside of another. */
export function memorySubject<T extends ReturnType<ContractSubject['create']>>(
  create: (options: TransportOptions) => T,
  innerOf: (transport: T) => MemoryTransport,
): ContractSubject {
  return {
    create,
    dial(transport, _port, protocols) {
      return new Promise<ContractClient>((resolve, reject) => {
        innerOf(transport as T).handshake({ protocols }, (socket) => {
          if ('status' in socket) return reject(new Error(`Refused with ${socket.status}`))
          const client = clientOf(socket)
          socket.onopen = () => resolve(client)
        })
      })
    },
    async request(transport, _port, init) {
      const exchange = innerOf(transport as T).request(init)
      await exchange.done
      return {
        status: exchange.status,
        header: (name) => exchange.headers[name] ?? '',
        text: () => Promise.resolve(exchange.text()),
      }
    },
  }
}

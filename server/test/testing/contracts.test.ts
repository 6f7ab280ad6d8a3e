import { expect, test } from 'vitest'
import { MemoryTransport } from '../../src/index.ts'
import type {
  ListenAddress,
  MemorySocket,
  Transport,
  TransportHandlers,
  TransportOptions,
} from '../../src/index.ts'
import { describeTransport } from '../../src/testing/contracts/index.ts'
import type { ContractClient } from '../../src/testing/contracts/index.ts'

/** As somebody else would write one: with exported types alone. */
class OwnTransport implements Transport {
  readonly inner: MemoryTransport

  constructor(options: TransportOptions) {
    this.inner = new MemoryTransport(options)
  }

  listen(address: ListenAddress, handlers: TransportHandlers): Promise<number> {
    return this.inner.listen(address, handlers)
  }

  publish(topic: string, frame: Uint8Array): void {
    this.inner.publish(topic, frame)
  }

  close(): Promise<void> {
    return this.inner.close()
  }
}

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

describeTransport('of somebody else', {
  create: (options) => new OwnTransport(options),
  async dial(transport, _port, protocols) {
    const socket = (transport as OwnTransport).inner.dial({ protocols })
    if ('status' in socket) throw new Error(`Refused with ${socket.status}`)
    const client = clientOf(socket)
    await Promise.resolve()
    return client
  },
  async request(transport, _port, init) {
    const exchange = (transport as OwnTransport).inner.request(init)
    await exchange.done
    return {
      status: exchange.status,
      header: (name) => exchange.headers[name] ?? '',
      text: () => Promise.resolve(exchange.text()),
    }
  },
})

test('TK16 a transport is written with exported types alone, and the suite above holds it', () => {
  const options = { maxMessageBytes: 1, maxBufferedBytes: 1, idleTimeoutMs: 1 }
  expect(new OwnTransport(options).inner.connectionCount).toBe(0)
})

import { encodeSystem } from '@ringside/protocol'
import { expect, it } from 'vitest'
import type { RoomNotice } from '../src/index.ts'
import { FakeServer } from './support/fake-server.ts'

it('CN75: an operator is heard, in order, over reconnects, until one listens no more', async () => {
  const server = new FakeServer()
  const room = await server.room()
  const heard: RoomNotice[] = []
  const stop = room.onNotice((notice) => heard.push(notice))
  const say = (text: string, level: string): void =>
    server.socket.deliver(encodeSystem('notice', { text, level, at: 1_700_000_000_123 }))
  say('Restart at 9', 'warning')
  say('Restart at 9', 'warning')
  server.socket.serverClose(1006)
  await server.timers.advance(500)
  await server.accept()
  say('Back', 'of a newer server')
  stop()
  say('unheard', 'info')
  expect(heard).toEqual([
    { text: 'Restart at 9', level: 'warning', at: 1_700_000_000_123 },
    { text: 'Restart at 9', level: 'warning', at: 1_700_000_000_123 },
    { text: 'Back', level: 'of a newer server', at: 1_700_000_000_123 },
  ])
  expect(room.status).toBe('connected')
})

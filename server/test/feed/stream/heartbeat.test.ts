import { expect, it } from 'vitest'
import { createServer } from '../../../src/server.ts'
import { MemoryTransport } from '../../../src/transport/memory/transport.ts'
import { defineGame } from '@ringside/protocol'
import { FeedRig } from '../rig.ts'

it.each(['/rooms/a/feed?', '/feed?rooms=&', '/feed?types=kill&'])(
  'FE83 a quiet stream of %s gets events where it asks for them, comments otherwise',
  async (path) => {
    const rig = await FeedRig.start({ heartbeatMs: 1_000 })
    await rig.room('a', {})
    const plain = await rig.open(path)
    const asking = await rig.open(`${path}heartbeat=event`)
    await rig.advance(2_500)
    expect(plain.of('heartbeat')).toEqual([])
    expect(plain.text).toContain(': hb\n')
    const beats = asking.of('heartbeat')
    expect(beats.length).toBeGreaterThanOrEqual(2)
    for (const { id, data } of beats) expect([id, typeof data.at]).toEqual([null, 'number'])
    expect(asking.text).not.toContain(': hb')
    const wrong = await rig.open(`${path}heartbeat=loud`)
    expect(wrong.exchange.status).toBe(400)
  },
)

it('FE83 a heartbeat after more than 15 s is warned of, and more than a minute is refused', async () => {
  const warned: string[] = []
  const ignore = (): void => {}
  const logger = {
    debug: ignore,
    info: ignore,
    error: ignore,
    warn: (_: object, message: string): void => void warned.push(message),
  }
  const transport = new MemoryTransport({
    maxMessageBytes: 1_024,
    maxBufferedBytes: 1_024,
    idleTimeoutMs: 60_000,
  })
  for (const heartbeatMs of [15_000, 60_000]) {
    const server = createServer(defineGame({}), { heartbeatMs, logger, transport })
    await server.listen()
    await server.close()
  }
  expect(warned).toEqual([expect.stringContaining('heartbeatMs is over 15,000')])
  expect(() => createServer(defineGame({}), { heartbeatMs: 60_001 })).toThrow(/heartbeatMs/)
})

import { expect, it } from 'vitest'
import { TestServer } from '../../support/test-server.ts'

it('ME4 the latency of live events is measured, without the delay of their room', async () => {
  await using test = await TestServer.start({ isDevelopment: true })
  const ada = await test.join('Ada')
  const stream = await test.kit.follow(`/rooms/${ada.seat.roomId}/feed`)
  for (let step = 0; step < 5; step++) {
    ada.ask(step, 'hit', { target: 'x' })
    await test.clock.advanceAsync(200, 10)
  }
  expect(stream.events.filter(({ type }) => type === 'patch').length).toBeGreaterThan(2)
  const exchange = test.transport.request({ method: 'GET', path: '/metrics' })
  await test.during(exchange.done)
  const text = exchange.text()
  const count = Number(/^ringside_feed_latency_ms_count (\d+)$/m.exec(text)?.[1])
  const within = Number(/^ringside_feed_latency_ms_bucket\{le="1000"\} (\d+)$/m.exec(text)?.[1])
  expect(count).toBeGreaterThan(2)
  expect(within).toBe(count)
  stream.close()
})

import { expect, test } from 'vitest'
import { BodyGate } from '../../src/limit/body-gate.ts'
import type { HttpRequest } from '../../src/transport/contract.ts'

interface SlowRequest extends HttpRequest {
  finish(): void
  fail(): void
}

function slowFrom(remoteAddress: string): SlowRequest {
  let finish: (bytes: Uint8Array) => void = () => {}
  let fail: (error: Error) => void = () => {}
  return {
    method: 'POST',
    path: '/rpc',
    query: new URLSearchParams(),
    remoteAddress,
    header: (name) => `${name} of it`,
    body: () =>
      new Promise((resolve, reject) => {
        finish = resolve
        fail = reject
      }),
    finish: () => finish(Buffer.from('body')),
    fail: () => fail(new Error('gone')),
  }
}

test('LI9 one address has so many bodies on their way, and all together so many; each end makes room', async () => {
  const gate = new BodyGate({ maxBodies: 3, maxBodiesPerIp: 2 })
  const requests = ['10.0.0.1', '10.0.0.1', '10.0.0.2'].map(slowFrom)
  const read = (request: HttpRequest) => gate.around(request).body(100)
  const bodies = [read(requests[0] as SlowRequest), read(requests[1] as SlowRequest)]
  await expect(read(slowFrom('10.0.0.1'))).rejects.toMatchObject({
    code: 'too_many_requests',
    retryAfterSeconds: 1,
  })
  bodies.push(read(requests[2] as SlowRequest))
  await expect(read(slowFrom('10.0.0.3'))).rejects.toMatchObject({ code: 'unavailable' })
  requests[0]?.finish()
  expect(Buffer.from((await bodies[0]) as Uint8Array).toString()).toBe('body')
  requests[1]?.fail()
  await expect(bodies[1]).rejects.toThrow('gone')
  for (const address of ['10.0.0.1', '10.0.0.3']) {
    const request = slowFrom(address)
    const body = read(request)
    request.finish()
    await body
  }
})

test('LI9 a handler sees the request as it is', () => {
  const request = slowFrom('10.0.0.1')
  const { method, path, query, remoteAddress } = request
  const gated = new BodyGate({ maxBodies: 1, maxBodiesPerIp: 1 }).around(request)
  expect([gated.method, gated.path, gated.query, gated.remoteAddress, gated.header('x')]).toEqual([
    method,
    path,
    query,
    remoteAddress,
    'x of it',
  ])
})

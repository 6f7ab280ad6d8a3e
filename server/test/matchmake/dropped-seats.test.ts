import { expect, onTestFinished, test } from 'vitest'
import { TestServer } from '../support/test-server.ts'

async function start(reconnectGraceMs = 20_000) {
  const server = await TestServer.start(
    { maxUnclaimedPerIp: 3, joinsPerSecondPerIp: 1_000 },
    { maxClients: 50, reconnectGraceMs },
  )
  onTestFinished(() => server[Symbol.asyncDispose]())
  const ask = async (address = '127.0.0.1') =>
    (await server.http('POST', '/matchmake/joinOrCreate/arena', {}, address)).status
  return { server, ask }
}

test('LI7 a seat that was dropped counts for its address until it is taken again or given up', async () => {
  const { server, ask } = await start()
  const first = await server.join('a')
  const players = [first, await server.join('b'), await server.join('c')]
  for (const player of players) player.socket.close()
  await server.clock.advanceAsync(10)
  expect(await ask()).toBe(429)
  expect(await ask('10.0.0.9')).toBe(200)
  const { roomId, reconnectToken: token } = first.all('joined')[0] as {
    roomId: string
    reconnectToken: string
  }
  const back = await server.http('POST', `/matchmake/reconnect/${roomId}`, { token })
  expect(back.status).toBe(200)
  const client = await server.dial()
  client.sendSystem('join', { ticket: (back.body as { ticket: string }).ticket })
  await server.clock.advanceAsync(10)
  expect(client.all('joined')).toHaveLength(1)
  expect([await ask(), await ask()]).toEqual([200, 429])
  // Dropped anew, it counts anew, and once.
  client.socket.close()
  await server.clock.advanceAsync(10)
  expect(await ask()).toBe(429)
  await server.clock.advanceAsync(60_000)
  expect([await ask(), await ask(), await ask(), await ask()]).toEqual([200, 200, 200, 429])
})

test('LI7 seats that are left, or whose room keeps none, count no more', async () => {
  const { server, ask } = await start(0)
  for (const name of ['a', 'b', 'c']) (await server.join(name)).socket.close()
  await server.clock.advanceAsync(10)
  for (const name of ['d', 'e', 'f']) (await server.join(name)).sendSystem('leave', {})
  await server.clock.advanceAsync(10)
  expect([await ask(), await ask(), await ask(), await ask()]).toEqual([200, 200, 200, 429])
})

test('LI7 taking a seat, dropping it and taking the next holds no more seats than the bound', async () => {
  const { server, ask } = await start()
  let held = 0
  for (let count = 0; count < 20; count++) {
    if ((await ask()) !== 200) continue
    held++
  }
  expect(held).toBe(3)
  await server.clock.advanceAsync(60_000)
  held = 0
  for (let count = 0; count < 20; count++) {
    const player = await server.join(`p${count}`).catch(() => null)
    if (player === null) continue
    held++
    player.socket.close()
    await server.clock.advanceAsync(1)
  }
  expect(held).toBe(3)
})
